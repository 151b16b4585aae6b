"""The hub's side of a spawn against stock KubeSpawner: the spawn page, the pod's manifest, a server's own events.

The hub is one process with one event loop: what these take, all other users wait. The page has 50 profiles; ours adds
prices, what is free on 200 nodes and why something is not allowed. Events are looked at once a second by each page
that waits.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import kubespawner.spawner as stock
import yaml
from jupyterhub.objects import Hub
from kubespawner import KubeSpawner
from report import report
from traitlets.config import Config

from windlass_hub.pods.reflectors import SteadyEvents
from windlass_hub.preview import without_cluster
from windlass_hub.profiles.model import load_catalogue
from windlass_hub.profiles.nodes import CapacitySnapshot, NodeRoom, Taint
from windlass_hub.profiles.rendering import to_kubespawner
from windlass_hub.spawner import WindlassSpawner

PROFILES = 50
NODES = 200
EVENTS = 10_000
PODS = 500
ROUNDS = 15


def catalogue_text() -> str:
    """Fifty profiles: CPU alone, and one to eight GPUs of five kinds."""
    profiles = [
        {
            "slug": f"profile-{number}",
            "display_name": f"Profile {number}",
            "description": "What it is good for, in a sentence or two that an admin would write.",
            "cpu": 2 + number % 14,
            "memory": f"{4 + number}G",
            "images": ["torch", "tensorflow"],
            **({"gpu": {"product": f"GPU-{number % 5}", "count": 1 + number % 8}} if number % 3 else {}),
        }
        for number in range(PROFILES)
    ]
    images = [
        {"slug": slug, "display_name": slug.title(), "image": f"registry.example/{slug}:1"}
        for slug in ("torch", "tensorflow")
    ]
    return str(yaml.safe_dump({"profiles": profiles, "images": images}))


def spawner(kind: type[KubeSpawner], **traits: Any) -> Any:
    """A spawner of one user; no cluster is asked."""
    config = Config()
    config[kind.__name__] = Config({"namespace": "hub", "cmd": ["jupyterhub-singleuser"], **traits})
    user = SimpleNamespace(name="ann", url="/user/ann/", id=1, admin=False, groups=[], escaped_name="ann")
    with without_cluster():
        made = kind(config=config, user=user, hub=Hub(), oauth_client_id="benchmark")
    made.user_options = {"profile": "profile-1", "image": "torch"}
    return made


async def seconds(act: Callable[[], Any], *, times: int = 1) -> list[float]:
    """How long one `act` takes, once for each round."""
    found = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for _ in range(times):
            result = act()
            if isinstance(result, Awaitable):
                await result
        found.append((time.perf_counter() - begun) / times)
    return found


def events() -> dict[str, Any]:
    """What an hour leaves in a busy namespace."""
    return {
        f"hub/e{number}": {
            "metadata": {"uid": f"u{number}", "name": f"e{number}", "namespace": "hub", "resourceVersion": str(number)},
            "involvedObject": {"kind": "Pod", "namespace": "hub", "name": f"jupyter-{number % PODS}"},
            "type": "Normal",
            "reason": "Pulling",
            "message": "Pulling image",
            "lastTimestamp": f"2026-01-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}Z",
            "eventTime": None,
        }
        for number in range(EVENTS)
    }


def cluster() -> CapacitySnapshot:
    """Nodes of five kinds of GPU and without, each filled differently: no two have the same left."""
    nodes = []
    for number in range(NODES):
        labels = {"kubernetes.io/hostname": f"node-{number}", "topology.kubernetes.io/zone": "abc"[number % 3]}
        room = {"cpu": 63.5, "memory": 250e9, "pods": 110.0}
        used = {"cpu": number * 7 % 60 + 0.25, "memory": number * 13 % 200 * 1e9, "pods": number % 30 + 5.0}
        taints: tuple[Taint, ...] = ()
        if number % 2:
            labels["nvidia.com/gpu.product"] = f"GPU-{number % 5}"
            room["nvidia.com/gpu"], used["nvidia.com/gpu"] = 8.0, float(number % 9)
            taints = (Taint(key="nvidia.com/gpu", effect="NoSchedule"),)
        reserved = {"cpu": 0.25, "memory": 1e9, "pods": 5.0}
        node = NodeRoom(
            name=f"node-{number}", labels=labels, taints=taints, allocatable=room, used=used, reserved=reserved
        )
        nodes.append(node)
    return CapacitySnapshot(taken_at=datetime.now(timezone.utc), nodes=tuple(nodes))


async def spawn_pages(ours: Any, theirs: Any) -> None:
    """The page with the capacity unknown, seen for the first time, and seen before; stock knows nothing of nodes."""
    seen: list[CapacitySnapshot | None] = [None]

    async def capacity() -> CapacitySnapshot | None:
        return seen[0]

    async def page_of_news() -> None:
        seen[0] = news.pop()
        await ours.get_options_form()

    ours.capacity = capacity
    stock_took = [1000 * each for each in await seconds(theirs.get_options_form)]
    news = [cluster() for _ in range(ROUNDS + 1)]
    kinds = {
        f"spawn page, {PROFILES} profiles": await seconds(ours.get_options_form),
        f"spawn page, {PROFILES} profiles × {NODES} nodes, new capacity": await seconds(page_of_news),
        f"spawn page, {PROFILES} profiles × {NODES} nodes": await seconds(ours.get_options_form),
    }
    for name, took in kinds.items():
        report(
            name=name,
            ours=[1000 * each for each in took],
            baseline=stock_took,
            baseline_name="KubeSpawner",
            unit="ms",
            budget="≤ 1",
            kept=statistics.median(took) <= statistics.median(stock_took) / 1000,
        )


async def main() -> None:
    """Print the comparisons."""
    text = catalogue_text()
    catalogue = load_catalogue(text)
    profile_list = [to_kubespawner(profile, catalogue) for profile in catalogue.profiles]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "profiles.yaml")
        file.write_text(text, encoding="utf-8")
        ours = spawner(WindlassSpawner, profile_store=f"file:{file}")
        theirs = spawner(KubeSpawner, profile_list=lambda _: profile_list)
        await spawn_pages(ours, theirs)

        async def pod(one: Any) -> None:
            await one.load_user_options()
            await one.get_pod_manifest()

        report(
            name="options checked and pod manifest made",
            ours=[1000 * each for each in await seconds(lambda: pod(ours), times=5)],
            baseline=[1000 * each for each in await seconds(lambda: pod(theirs), times=5)],
            baseline_name="KubeSpawner",
            unit="ms",
        )
    with_events(ours, SteadyEvents)
    with_events(theirs, stock.EventReflector)
    assert len(ours.events) == len(theirs.events) == EVENTS // PODS
    mine, stock_took = await seconds(lambda: ours.events, times=100), await seconds(lambda: theirs.events)
    report(
        name=f"a server's own events among {EVENTS:,}",
        ours=[1e6 * each for each in mine],
        baseline=[1e6 * each for each in stock_took],
        baseline_name="KubeSpawner",
        unit="µs",
        budget="≤ 1/10",
        kept=statistics.median(mine) <= statistics.median(stock_took) / 10,
    )


def with_events(one: Any, kind: type[Any]) -> None:
    """Give a spawner a reflector that has seen all events already."""
    shared = stock.shared_client
    stock_reflector = sys.modules["kubespawner.reflector"]
    stock_reflector.shared_client = lambda *_: None  # type: ignore[attr-defined]  # no cluster is asked
    reflector = kind(parent=one, namespace="hub")
    stock_reflector.shared_client = shared  # type: ignore[attr-defined]
    reflector.resources = events()
    one.pod_name = "jupyter-7"
    type(one).reflectors[one._get_reflector_key("events")] = reflector  # noqa: SLF001  (what it is about)


if __name__ == "__main__":
    asyncio.run(main())
