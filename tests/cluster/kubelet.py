"""Stands in for scheduler and nodes over the API itself: pods run, fail or wait as a test wishes.

It has a thread of its own, so that tests may block, and works with any API server that has no real nodes.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import threading
import time
import uuid
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.emulator.server import Emulator
from tests.cluster.emulator.times import rfc3339
from tests.cluster.pod_outcomes import OUTCOMES, Outcome, Said, unschedulable
from tests.cluster.processes_kubelet import PodProcesses
from tests.cluster.scheduling import place

from windlass.kube.client import KubeClient
from windlass.kube.credentials import Credentials
from windlass.kube.errors import Conflict, KubeError, NotFound, Unavailable
from windlass.kube.reflector import Reflector
from windlass.kube.resources import EVENTS, NODES, PODS

Object = dict[str, Any]
Key = tuple[str, str]


@dataclass(frozen=True)
class Rule:
    """What becomes of pods whose namespace and name match."""

    namespace: re.Pattern[str]
    name: re.Pattern[str]
    outcome: str


class Kubelet:
    """`behave` says what becomes of pods; `become` makes something of one now."""

    def __init__(self, credentials: Credentials) -> None:
        self.pod_ip = ""
        """The address that pods get; one of 10.244.0.0/16 each while it is empty."""
        self.ends_pods = True
        """Whether pods that are told to end do."""
        self.refused: list[str] = []
        """What the API did not take from it, as in a namespace that is going."""
        self._credentials = credentials
        self._rules: list[Rule] = []
        self._added: list[str] = []
        self._bound: dict[str, str] = {}
        """The node that each pod was given, by uid."""
        self._done: dict[str, str] = {}
        """What was made of each pod, by uid."""
        self._addresses = itertools.count(1)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake kubelet", daemon=True)
        self._work: asyncio.Queue[Key] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None
        self._ended: set[str] = set()
        """Uids of pods that were made to end; whoever still holds an older state of one leaves it alone."""
        self._has_nodes = asyncio.Event()
        self._processes: PodProcesses | None = None
        self._ending: dict[str, asyncio.Task[None]] = {}
        """Of pods whose processes were told to end, by uid."""

    def start(self) -> Kubelet:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(30)
        return self

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def behave(self, outcome: str, *, name: str = "", namespace: str = "") -> None:
        """From now on `outcome` (a key of OUTCOMES) is what becomes of pods that match (whole names, expressions).

        The newest rule that matches holds; without any, pods run. Pods that wait are looked at again.
        """
        rule = Rule(re.compile(namespace or ".*"), re.compile(name or ".*"), outcome)
        assert outcome in OUTCOMES, outcome
        self._rules.insert(0, rule)
        self._loop.call_soon_threadsafe(self._look_again)

    def run_processes(self, folder: Path, *, emulator: Emulator, **has: str) -> None:
        """From now on pods that run are processes of this machine (`processes_kubelet`), with files in `folder`.

        They are bound to a node `this-machine`; `has` as for `add_node`.
        """

        async def say(pod: Object, reason: str, message: str, path: str) -> None:
            about = {**_reference(pod), "fieldPath": path} if path.startswith("spec.") else _reference(pod)
            kind = "Normal" if path.startswith("spec.") else path
            await self._say(pod, Said(reason, message, kind), involvedObject=about)

        async def begin() -> None:
            self._processes = PodProcesses(
                self._client, folder=folder, emulator=emulator, say=say, troubles=self.refused
            )
            await self._add_node("this-machine", labels={}, taints=[], has=has)
            # Without it in view a pod would be run on no node.
            await self._has_nodes.wait()

        asyncio.run_coroutine_threadsafe(begin(), self._loop).result(30)

    async def become(self, namespace: str, name: str, outcome: str) -> None:
        """Make `outcome` of one pod, whatever it was; done when the API has it."""

        async def make() -> None:
            pod = await self._client.get(PODS, name, namespace=namespace)
            await self._carry_out(pod, outcome, OUTCOMES[outcome])

        await self._here(make())

    async def say(self, namespace: str, name: str, said: Said, **fields: Any) -> None:
        """Emit one event about a pod; `fields` replace those of the event."""

        async def emit() -> None:
            pod = await self._client.get(PODS, name, namespace=namespace)
            await self._say(pod, said, **fields)

        await self._here(emit())

    async def add_node(
        self, name: str, *, labels: dict[str, str] | None = None, taints: list[Object] | None = None, **has: str
    ) -> None:
        """A node that is ready; `has` is what it gives: cpu, memory, pods, others by `**{"nvidia.com/gpu": "4"}`.

        With any node there pods are bound to one that fits, or wait; without, they run on none. Ends with the test.
        """
        await self._here(self._add_node(name, labels=labels or {}, taints=taints or [], has=has))

    async def _add_node(self, name: str, *, labels: dict[str, str], taints: list[Object], has: dict[str, str]) -> None:
        gives = {"cpu": "64", "memory": "256Gi", "pods": "110"} | has
        now = rfc3339(time.time())
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "", "lastHeartbeatTime": now}
        status = {"capacity": gives, "allocatable": gives, "conditions": [{**ready, "lastTransitionTime": now}]}
        named = {"name": name, "labels": {"kubernetes.io/hostname": name, **labels}}
        await self._client.create(NODES, {"metadata": named, "spec": {"taints": taints}})
        self._added.append(name)
        await self._client.patch(NODES, name, {"status": status}, subresource="status")
        # The real server taints a node that is new, until somebody says that it is ready.
        await self._client.patch(NODES, name, {"spec": {"taints": taints}})

    async def _here(self, work: Coroutine[Any, Any, None]) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _start(self) -> None:
        self._client = KubeClient(self._credentials, field_manager="kubelet")
        self._pods = Reflector(self._client, PODS, on_change=self._pod_changed, name="pods of the fake kubelet")
        self._nodes = Reflector(self._client, NODES, on_change=self._node_changed, name="nodes of the fake kubelet")
        for reflector in (self._nodes, self._pods):
            reflector.start()
            await reflector.ready(20)
        self._worker = asyncio.create_task(self._run(), name="fake kubelet")

    async def _stop(self) -> None:
        assert self._worker is not None
        self._worker.cancel()
        await asyncio.wait({self._worker})
        await self._pods.stop()
        await self._nodes.stop()
        if self._processes is not None:
            await self._processes.close()
            await asyncio.gather(*self._ending.values(), return_exceptions=True)
        for node in self._added:
            with suppress(KubeError):
                await self._client.delete(NODES, node)
        await self._client.close()

    def _pod_changed(self, _kind: str, old: Object | None, new: Object | None) -> None:
        if new is not None:
            self._work.put_nowait(_key(new))
        elif old is not None:
            self._has_processes(old)
            self._look_again()

    def _node_changed(self, _kind: str, _old: Object | None, _new: Object | None) -> None:
        self._has_nodes.set()
        self._look_again()

    def _look_again(self) -> None:
        for key, pod in self._pods.objects.items():
            if pod.get("status", {}).get("phase", "Pending") == "Pending":
                self._work.put_nowait(key)

    async def _run(self) -> None:
        while True:
            await self._one(await self._work.get())

    async def _one(self, key: Key) -> None:
        pod = self._pods.objects.get(key)
        if pod is None:
            return
        try:
            await self._look_at(pod)
        except Unavailable:
            self._loop.call_later(0.2, self._work.put_nowait, key)
        except (NotFound, Conflict):
            # It was removed or changed meanwhile: the watch tells.
            return
        except KubeError as error:
            self.refused.append(str(error))

    async def _look_at(self, pod: Object) -> None:
        metadata = pod["metadata"]
        if metadata.get("deletionTimestamp"):
            if self._has_processes(pod):
                return
            if self.ends_pods:
                await self._end(pod)
            return
        if pod.get("status", {}).get("phase", "Pending") != "Pending" or metadata["uid"] in self._ended:
            return
        name = self._outcome_of(metadata)
        outcome = OUTCOMES[name]
        if outcome.scheduled and not pod["spec"].get("nodeName") and self._nodes.objects:
            node, why = place(pod, self._nodes.objects.values(), self._bound_pods())
            if node is None:
                name, outcome = f"unschedulable: {why}", unschedulable(why)
            else:
                await self._bind(pod, node)
                return
        if self._done.get(metadata["uid"]) != name:
            await self._carry_out(pod, name, outcome)

    async def _end(self, pod: Object) -> None:
        """Remove what is to go, unless somebody holds it still."""
        namespace, name = _key(pod)
        if not pod["metadata"].get("finalizers"):
            uid = {"uid": pod["metadata"]["uid"]}
            await self._client.delete(PODS, name, namespace=namespace, grace_seconds=0, preconditions=uid)
        elif pod.get("status", {}).get("phase") not in {"Succeeded", "Failed"}:
            # The controller of Jobs holds its pods until it has seen how they ended.
            ended = {"status": {"phase": "Failed"}}
            await self._client.patch(PODS, name, ended, namespace=namespace, subresource="status")

    def _has_processes(self, pod: Object) -> bool:
        """Whether a pod that is to go still has any; they are told to end, and it is looked at again when they have."""
        uid = pod["metadata"]["uid"]
        if self._processes is None or (uid in self._ending and self._ending[uid].done()):
            return False
        if uid not in self._ending:
            grace = pod["metadata"].get("deletionGracePeriodSeconds") or 0
            self._ending[uid] = asyncio.create_task(self._processes.end(uid, grace_seconds=grace))
            self._ending[uid].add_done_callback(lambda _: self._work.put_nowait(_key(pod)))
        return True

    def _outcome_of(self, metadata: Object) -> str:
        for rule in self._rules:
            if rule.name.fullmatch(metadata["name"]) and rule.namespace.fullmatch(metadata["namespace"]):
                return rule.outcome
        return "running"

    def _bound_pods(self) -> list[Object]:
        """All pods, those just bound with their node: the watch may not have told yet."""
        pods = []
        for pod in self._pods.objects.values():
            node = pod["spec"].get("nodeName") or self._bound.get(pod["metadata"]["uid"])
            pods.append({**pod, "spec": {**pod["spec"], "nodeName": node}})
        return pods

    async def _bind(self, pod: Object, node: str) -> None:
        """The pod comes back through the watch with its node."""
        namespace, name = _key(pod)
        target = {"apiVersion": "v1", "kind": "Node", "name": node}
        body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target}
        await self._client.raw("POST", PODS.path(namespace=namespace, name=name, subresource="binding"), body=body)
        self._bound[pod["metadata"]["uid"]] = node
        said = f"Successfully assigned {namespace}/{name} to {node}"
        await self._say(pod, Said("Scheduled", said, component="default-scheduler"))

    async def _carry_out(self, pod: Object, name: str, outcome: Outcome) -> None:
        namespace, pod_name = _key(pod)
        if outcome.scheduled and not pod["spec"].get("nodeName") and pod["metadata"]["uid"] not in self._done:
            assigned = f"Successfully assigned {namespace}/{pod_name} to fake-node"
            await self._say(pod, Said("Scheduled", assigned, component="default-scheduler"))
        self._done[pod["metadata"]["uid"]] = name
        if self._processes is not None:
            if name == "running":
                self._processes.start(pod)
                return
            await self._processes.end(pod["metadata"]["uid"], grace_seconds=0)
        number = next(self._addresses)
        address = self.pod_ip or pod.get("status", {}).get("podIP") or f"10.244.{number // 250}.{number % 250 + 1}"
        status = outcome.status(pod, rfc3339(time.time()), address)
        if status["phase"] in {"Succeeded", "Failed"}:
            self._ended.add(pod["metadata"]["uid"])
        for said in outcome.events:
            await self._say(pod, said)
        if status["phase"] not in {"Succeeded", "Failed"} and pod["metadata"]["uid"] in self._ended:
            return
        await self._client.patch(PODS, pod_name, {"status": status}, namespace=namespace, subresource="status")
        if outcome.remove:
            await self._client.delete(PODS, pod_name, namespace=namespace)

    async def _say(self, pod: Object, said: Said, **fields: Any) -> None:
        namespace, name = _key(pod)
        now = rfc3339(time.time())
        event = {
            "metadata": {"name": f"{name[:200]}.{uuid.uuid4().hex[:12]}", "namespace": namespace},
            "involvedObject": _reference(pod),
            "reason": said.reason,
            "message": said.message,
            "type": said.type,
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "source": {"component": said.component},
        }
        await self._client.create(EVENTS, event | fields, namespace=namespace)


def _reference(pod: Object) -> Object:
    namespace, name = _key(pod)
    return {"kind": "Pod", "apiVersion": "v1", "namespace": namespace, "name": name, "uid": pod["metadata"]["uid"]}


def _key(pod: Object) -> Key:
    return pod["metadata"]["namespace"], pod["metadata"]["name"]
