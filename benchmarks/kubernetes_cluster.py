"""An emulated cluster in a process of its own, so that what it costs is in nobody's figures.

`running` starts it and gives a `Cluster` to talk to; `python kubernetes_cluster.py FOLDER` is the process itself: one
JSON command per line on standard input, one JSON answer per line on standard output. Jobs are copies of one that was
really sent, with the pods that the stand-in operator made for it.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster import crds
from tests.cluster.cluster import Cluster as Fixture
from tests.cluster.emulator import kinds
from tests.cluster.emulator.storage import Object
from tests.cluster.kubelet import Kubelet
from tests.cluster.operator import Operator
from tests.cluster.pod_outcomes import unschedulable
from tests.cluster.servers import emulated

from windlass.kube.resources import PYTORCH_JOBS

NAMESPACE = "bench"
ACCOUNTS = ("windlass", "poll", "watch", "reader")
BOOKMARK_SECONDS = 60.0
"""As often as a real API server says where a quiet watch is."""
WHY = "0/{number} nodes are available: {number} Insufficient nvidia.com/gpu."
"""What the scheduler says of a pod that waits; the number tells one event from another."""


@dataclass
class Cluster:
    """The process, from outside."""

    process: subprocess.Popen[str]
    url: str
    tokens: dict[str, str]
    kubeconfig: Path

    def ask(self, do: str, **more: Any) -> Any:
        """Give a command and wait for its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """A cluster with a namespace, the training operator and nodes, until they are told to rest."""
    folder.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(
        [sys.executable, __file__, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            made = json.loads(process.stdout.readline())
            yield Cluster(process, made["url"], made["tokens"], Path(made["kubeconfig"]))
        finally:
            process.kill()


class Served:
    """The process, from inside. All that touches objects runs in the emulator's loop."""

    def __init__(self, folder: Path) -> None:
        self._server = emulated()
        assert self._server.emulator is not None
        self._emulator = self._server.emulator
        self._emulator.call(self._be_quiet)
        self.tokens = {
            name: self._emulator.call(lambda name=name: self._api.tokens.add(name, groups=("system:masters",)))
            for name in ACCOUNTS
        }
        self.url = self._server.url
        fixture = Fixture(server=self._server, kubelet=None)
        self.kubeconfig = fixture.kubeconfig(folder / "kubeconfig", token=self.tokens["windlass"], namespace=NAMESPACE)
        asyncio.run(self._make_namespace(fixture))
        self._kubelet = Kubelet(self._server.credentials(self._api.tokens.kubelet)).start()
        self._operator = Operator(self._server.credentials(), kinds=("PyTorchJob",), jobs=False).start()

    @property
    def _api(self) -> Any:
        return self._emulator.api

    def _be_quiet(self) -> None:
        """Nothing here ends: without controllers a change costs the emulator no look at all objects."""
        self._api.storage.bookmark_seconds = BOOKMARK_SECONDS
        controllers = self._api.controllers
        controllers.garbage_collector = controllers.namespaces = controllers.claims = False

    async def _make_namespace(self, fixture: Fixture) -> None:
        await crds.install(fixture, PYTORCH_JOBS)
        await fixture.admin.raw("POST", "/api/v1/namespaces", body={"metadata": {"name": NAMESPACE}})
        await fixture.close()

    def rest(self) -> bool:
        """End operator and nodes; what they made stays."""
        self._operator.stop()
        self._kubelet.stop()
        self._api.controllers.default_accounts = False
        return True

    def grow(self, job_id: str, jobs: int, waiting: int) -> dict[str, list[str]]:
        """Copy a job until there are so many, of which some wait for a node.

        Without `managedFields`, half of what a list would be of: the emulator has to keep up with those who list.
        """
        template = [(self._kind(place), _plain(obj)) for place, obj in self._of(job_id)]
        text = json.dumps([obj for _, obj in template])
        uids = [obj["metadata"]["uid"] for _, obj in template]
        made: dict[str, list[str]] = {"running": [job_id], "waiting": []}
        for number in range(1, jobs):
            new_id = f"{job_id[:-4]}{number:04d}"
            copied = text.replace(job_id, new_id)
            for uid in uids:
                copied = copied.replace(uid, str(uuid.uuid4()))
            waits = number <= waiting
            for (kind, _), obj in zip(template, json.loads(copied), strict=True):
                self._api.storage.put(kind, _held_back(obj) if waits else obj)
            made["waiting" if waits else "running"].append(new_id)
        return made

    def change(self, job_id: str, number: int) -> float:
        """The scheduler says something else of the job's last pod; when."""
        pod = [obj for place, obj in self._of(job_id) if place[1] == "pods"][-1]
        status = unschedulable(WHY.format(number=number)).status(pod, _now(), "")
        at = time.time()
        self._api.storage.put(kinds.PODS, {**pod, "status": status})
        return at

    def print(self, pod: str, text: str, times: int = 1) -> float:
        """A pod prints this so many times, each with its number; when it had."""
        lines = [text.format(number=number, at=time.time()) for number in range(times)]
        self._api.logs.of(NAMESPACE, pod).write("".join(f"{line}\n" for line in lines).encode())
        return time.time()

    def end(self, pod: str) -> bool:
        """The pod's log grows no more."""
        self._api.logs.of(NAMESPACE, pod).end()
        return True

    def requests(self) -> dict[str, dict[str, int]]:
        """Requests since this was asked last, by account and what was asked for."""
        found: dict[str, Counter[str]] = {name: Counter() for name in ACCOUNTS}
        for method, path, account in self._emulator.requests:
            if account in found:
                what = path.partition("?")[0].rsplit("/", 1)[-1]
                found[account][f"{method} {what}{' watch' if 'watch=' in path else ''}"] += 1
        self._emulator.requests.clear()
        return {name: dict(count) for name, count in found.items()}

    def serve(self) -> None:
        """Obey until standard input ends."""
        for line in sys.stdin:
            command = json.loads(line)
            work = getattr(self, command.pop("do"))
            inside = work.__name__ != "rest"
            answer = self._emulator.call(lambda: work(**command)) if inside else work(**command)  # noqa: B023
            print(json.dumps(answer), flush=True)

    def _of(self, job_id: str) -> list[tuple[tuple[str, str], Object]]:
        """All objects of a job but events, which a cluster forgets."""
        return [
            (place, obj)
            for place, obj in self._api.storage.everything()
            if place[1] != "events" and (obj["metadata"].get("labels") or {}).get("windlass.io/job") == job_id
        ]

    def _kind(self, place: tuple[str, str]) -> kinds.Kind:
        found: kinds.Kind | None = self._api.kinds.plural(*place)
        assert found is not None, place
        return found


def _plain(obj: Object) -> Object:
    metadata = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
    return {**obj, "metadata": metadata}


def _held_back(obj: Object) -> Object:
    """The same object in a job whose last worker has no node."""
    if obj["kind"] == "PyTorchJob":
        created = [each for each in obj["status"]["conditions"] if each["type"] == "Created"]
        return {**obj, "status": {"conditions": created}}
    if obj["kind"] == "Pod" and (obj["metadata"]["labels"].get("training.kubeflow.org/replica-index")) == "3":
        spec = {name: value for name, value in obj["spec"].items() if name != "nodeName"}
        status = unschedulable(WHY.format(number=3)).status({**obj, "status": {}}, _now(), "")
        return {**obj, "spec": spec, "status": status}
    return obj


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def main() -> None:
    """Be the process."""
    # Threads of the stand-ins would else hold an end up.
    threading.current_thread().name = "emulated cluster"
    served = Served(Path(sys.argv[1]))
    print(json.dumps({"url": served.url, "tokens": served.tokens, "kubeconfig": str(served.kubeconfig)}), flush=True)
    served.serve()
    os._exit(0)


if __name__ == "__main__":
    main()
