"""One pod's life as a kubelet leads it: init containers, then all containers, restarts, and the status of each."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.cluster.emulator.server import Emulator
from tests.cluster.emulator.times import rfc3339
from tests.cluster.pod_files import NotThere, PodFiles

from windlass.kube.client import KubeClient
from windlass.kube.errors import KubeError, NotFound
from windlass.kube.resources import PODS

Object = dict[str, Any]
Say = Callable[[Object, str, str, str], Awaitable[None]]

FIRST_BACK_OFF_SECONDS = 0.2
PROGRAM = Path(__file__).with_name("in_pod.py")
_SAID_BYTES = 2048


class Contained:
    """One container: its status, and its process while it runs."""

    def __init__(self, container: Object) -> None:
        self.container = container
        self.state: Object = {"waiting": {"reason": "PodInitializing"}}
        self.last: Object = {}
        self.restarts = 0
        self.process: asyncio.subprocess.Process | None = None
        self.said = b""
        """What it printed last."""

    def status(self) -> Object:
        runs = "running" in self.state
        done = self.state.get("terminated", {}).get("exitCode") == 0
        return {
            "name": self.container["name"],
            "image": self.container["image"],
            "imageID": "" if "waiting" in self.state and not self.last else "process",
            "ready": runs or done,
            "restartCount": self.restarts,
            "state": self.state,
            "lastState": self.last,
            "started": runs,
        }

    def ended(self, code: int, begun: str) -> None:
        reason = "Completed" if code == 0 else "Error"
        end: Object = {"exitCode": code, "reason": reason, "startedAt": begun, "finishedAt": rfc3339(time.time())}
        if self.container.get("terminationMessagePolicy") == "FallbackToLogsOnError" and code:
            end["message"] = self.said.decode(errors="replace")
        self.state = {"terminated": end}


class PodRun:
    """Runs one pod. Its log is that of its first container; init containers' output is kept for their last words."""

    def __init__(
        self, client: KubeClient, pod: Object, *, folder: Path, files: PodFiles, emulator: Emulator, say: Say
    ) -> None:
        self._client = client
        self._pod = pod
        self._folder = folder
        self._files = files
        self._emulator = emulator
        self._say = say
        self._begun = rfc3339(time.time())
        self._init = [Contained(each) for each in pod["spec"].get("initContainers") or ()]
        self._main = [Contained(each) for each in pod["spec"]["containers"]]
        self._key = (pod["metadata"]["namespace"], pod["metadata"]["name"])
        self._task: asyncio.Task[None] | None = None

    def start(self, troubles: list[str]) -> None:
        """Begin; what goes wrong with the running itself is added to `troubles`."""

        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                troubles.append(f"pod {self._key[1]}: {error!r}")

        self._task = asyncio.create_task(self._run(), name=f"pod {self._key[1]}")
        self._task.add_done_callback(ended)

    async def end(self, grace_seconds: float) -> None:
        """SIGTERM, and SIGKILL when the grace is over; done when no process is left."""
        alive = [each.process for each in (*self._init, *self._main) if each.process is not None]
        alive = [process for process in alive if process.returncode is None]
        if grace_seconds > 0:
            for process in alive:
                with suppress(ProcessLookupError):
                    process.send_signal(signal.SIGTERM)
            if self._task is not None and alive:
                await asyncio.wait({self._task}, timeout=grace_seconds)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        for process in alive:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _run(self) -> None:
        try:
            await self._volumes()
            if await self._initialize():
                self._emulator.call(lambda: self._emulator.api.logs.drop(*self._key))
                await asyncio.gather(*(self._lead(each, is_first=each is self._main[0]) for each in self._main))
            failed = [each for each in (*self._init, *self._main) if each.state.get("terminated", {}).get("exitCode")]
            await self._tell("Failed" if failed else "Succeeded")
        except NotFound:
            # The pod was removed meanwhile; whoever removed it ends the processes.
            return

    async def _volumes(self) -> None:
        """Kubelets wait for what is to be mounted, and say so."""
        while True:
            try:
                await self._files.prepare()
            except NotThere as error:
                for each in (*self._init, *self._main):
                    each.state = {"waiting": {"reason": "ContainerCreating"}}
                await self._tell("Pending")
                await self._say(self._pod, "FailedMount", str(error), "Warning")
                await asyncio.sleep(0.5)
            else:
                return

    async def _initialize(self) -> bool:
        """Whether all init containers ended well; where the pod may not start again, the first failure is the end."""
        for each in self._init:
            while True:
                code = await self._once(each, log=False)
                if code == 0:
                    break
                if self._pod["spec"].get("restartPolicy") == "Never":
                    return False
                await self._back_off(each)
        return True

    async def _lead(self, each: Contained, *, is_first: bool) -> None:
        """Run a container as often as the pod's policy says."""
        policy = self._pod["spec"].get("restartPolicy", "Always")
        while True:
            code = await self._once(each, log=is_first)
            if policy == "Never" or (policy == "OnFailure" and code == 0):
                return
            await self._back_off(each)
            if is_first:
                self._emulator.call(lambda: self._emulator.api.logs.restart(*self._key))

    async def _back_off(self, each: Contained) -> None:
        each.last = each.state
        each.state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off restarting failed container"}}
        await self._tell()
        await asyncio.sleep(FIRST_BACK_OFF_SECONDS * 2 ** min(each.restarts, 8))
        each.restarts += 1

    async def _once(self, each: Contained, *, log: bool) -> int:
        """Run a container's process to its end, and give its exit code."""
        begun = rfc3339(time.time())
        field = "initContainers" if each in self._init else "containers"
        path = f"spec.{field}{{{each.container['name']}}}"
        try:
            environment = await self._files.environment(each.container)
        except NotThere as error:
            each.state = {"waiting": {"reason": "CreateContainerConfigError", "message": str(error)}}
            await self._tell()
            await asyncio.sleep(0.5)
            return await self._once(each, log=log)
        spec = self._written(each.container, environment)
        each.process = await asyncio.create_subprocess_exec(
            *argv(spec),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        each.state, each.said = {"running": {"startedAt": begun}}, b""
        await self._say(self._pod, "Pulled", "Container image already present on machine", path)
        await self._tell()
        await self._read(each, log=log)
        each.ended(await each.process.wait(), begun)
        if log:
            self._emulator.call(lambda: self._emulator.api.logs.of(*self._key).end())
        await self._tell()
        return int(each.state["terminated"]["exitCode"])

    async def _read(self, each: Contained, *, log: bool) -> None:
        assert each.process is not None
        assert each.process.stdout is not None
        while piece := await each.process.stdout.read(65536):
            each.said = (each.said + piece)[-_SAID_BYTES:]
            if log:
                self._emulator.call(lambda piece=piece: self._emulator.api.logs.of(*self._key).write(piece))

    def _written(self, container: Object, environment: dict[str, str]) -> Path:
        """The spec of `in_pod.py`, in a file of its own."""
        root = self._folder / "roots" / container["name"]
        root.mkdir(parents=True, exist_ok=True)
        spec = {
            "root": str(root),
            "mounts": self._files.mounts(container),
            "command": self._files.command(container, environment),
            "env": environment,
            "cwd": container.get("workingDir") or "/",
        }
        path = root.with_suffix(".json")
        path.write_text(json.dumps(spec))
        return path

    async def _tell(self, phase: str = "") -> None:
        """Write the pod's status."""
        ready = all("running" in each.state for each in self._main)
        initialized = all(each.state.get("terminated", {}).get("exitCode") == 0 for each in self._init)
        begun = initialized and any("waiting" not in each.state or each.last for each in self._main)
        status = {
            "phase": phase or ("Running" if begun else "Pending"),
            "startTime": self._begun,
            "hostIP": "127.0.0.1",
            "podIP": "127.0.0.1",
            "podIPs": [{"ip": "127.0.0.1"}],
            "conditions": [
                self._condition("PodScheduled", True),
                self._condition("Initialized", initialized),
                self._condition("ContainersReady", ready),
                self._condition("Ready", ready),
            ],
            "initContainerStatuses": [each.status() for each in self._init],
            "containerStatuses": [each.status() for each in self._main],
        }
        while True:
            try:
                await self._client.patch(
                    PODS, self._key[1], {"status": status}, namespace=self._key[0], subresource="status"
                )
            except NotFound:
                raise
            except KubeError:
                await asyncio.sleep(0.2)
            else:
                return

    def _condition(self, kind: str, value: bool) -> Object:
        return {"type": kind, "status": str(value), "lastTransitionTime": self._begun}


def argv(spec: Path) -> list[str]:
    """The command that runs what `spec` says."""
    return [sys.executable, "-I", str(PROGRAM), str(spec)]
