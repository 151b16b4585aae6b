"""How else one may know what becomes of jobs and pods: asking every five seconds, and the Kubernetes library's watch.

Each is a process of its own (`poll`, `watch`, with the cluster's address, a token and a namespace), written as a
careful user would. It keeps what it sees, and prints a JSON line for each change of why a pod waits: its number, when.
`read` reads a pod's whole log into a file instead, `follow` prints when each line came.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

POLL_SECONDS = 5.0
_WHY = re.compile(r"0/(\d+) nodes are available")
_JOBS = ("kubeflow.org", "v1", "pytorchjobs")


def tell(**what: Any) -> None:
    """Print it at once."""
    print(json.dumps(what), flush=True)


def tell_numbers(found: list[Any], known: set[str]) -> None:
    """Say which of these messages were not known."""
    for message in found:
        number = _WHY.search(message or "")
        if number is not None and number[1] not in known:
            known.add(number[1])
            tell(number=int(number[1]), at=time.time())


async def poll(url: str, token: str, namespace: str) -> None:
    """List jobs and pods, parse, sleep, again."""
    import aiohttp

    jobs = f"{url}/apis/{_JOBS[0]}/{_JOBS[1]}/namespaces/{namespace}/{_JOBS[2]}"
    pods = f"{url}/api/v1/namespaces/{namespace}/pods"
    known: set[str] = set()
    kept: dict[str, list[dict[str, Any]]] = {}
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        while True:
            for address in (jobs, pods):
                async with session.get(address) as answer:
                    kept[address] = (await answer.json(content_type=None))["items"]
            conditions = [each for pod in kept[pods] for each in pod["status"].get("conditions", ())]
            tell_numbers([each.get("message") for each in conditions], known)
            tell(ready=True)
            await asyncio.sleep(POLL_SECONDS)


async def watch(url: str, token: str, namespace: str) -> None:
    """List once, then one watch for each kind from there; from the start again when history is gone."""
    from kubernetes_asyncio import client

    configuration = client.Configuration(host=url)
    configuration.api_key["BearerToken"] = f"Bearer {token}"
    async with client.ApiClient(configuration, header_name="Authorization", header_value=f"Bearer {token}") as api:
        core, custom = client.CoreV1Api(api), client.CustomObjectsApi(api)
        known: set[str] = set()

        def conditions(pod: Any) -> None:
            tell_numbers([each.message for each in pod.status.conditions or ()], known)

        ready = [asyncio.Event() for _ in range(3)]
        watches = [
            asyncio.create_task(_keep(core.list_namespaced_pod, (namespace,), ready[0], conditions)),
            asyncio.create_task(_keep(core.list_namespaced_event, (namespace,), ready[1])),
            asyncio.create_task(
                _keep(custom.list_namespaced_custom_object, (*_JOBS[:2], namespace, _JOBS[2]), ready[2])
            ),
        ]
        for event in ready:
            await event.wait()
        tell(ready=True)
        await asyncio.gather(*watches)


async def _keep(listing: Any, arguments: tuple[str, ...], ready: asyncio.Event, look: Any = None) -> None:
    """Keep all objects of a kind by their uid."""
    from kubernetes_asyncio import client
    from kubernetes_asyncio import watch as library

    while True:
        first = await listing(*arguments)
        plain = isinstance(first, dict)
        items = first["items"] if plain else first.items
        kept = {item["metadata"]["uid"] if plain else item.metadata.uid: item for item in items}
        version = first["metadata"]["resourceVersion"] if plain else first.metadata.resource_version
        ready.set()
        try:
            async with library.Watch() as stream:
                events = stream.stream(listing, *arguments, resource_version=version, timeout_seconds=300)
                async for event in events:
                    item = event["object"]
                    kept[item["metadata"]["uid"] if plain else item.metadata.uid] = item
                    if look is not None:
                        look(item)
        except client.ApiException as error:
            if error.status != 410:
                raise


async def read(url: str, token: str, namespace: str, pod: str, file: str) -> None:
    """The whole log of a pod with its time stamps, as `kubectl logs --timestamps > file`."""
    import aiohttp

    address = f"{url}/api/v1/namespaces/{namespace}/pods/{pod}/log?timestamps=true"
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        begun = time.time()
        async with session.get(address) as answer:
            with Path(file).open("wb") as out:  # noqa: ASYNC230 - nothing else goes on here
                async for chunk in answer.content.iter_any():
                    out.write(chunk)
        tell(seconds=time.time() - begun)


async def follow(url: str, token: str, namespace: str, pod: str) -> None:
    """Say when each line came, as `kubectl logs --follow`."""
    import aiohttp

    address = f"{url}/api/v1/namespaces/{namespace}/pods/{pod}/log?follow=true"
    timeout = aiohttp.ClientTimeout(total=None)
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session, session.get(address) as answer:
        tell(ready=True)
        async for line in answer.content:
            tell(line=line.decode().rstrip("\n"), at=time.time())


if __name__ == "__main__":
    ways = {"poll": poll, "watch": watch, "read": read, "follow": follow}
    asyncio.run(ways[sys.argv[1]](*sys.argv[2:]))
