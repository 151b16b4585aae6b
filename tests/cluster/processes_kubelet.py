"""Pods that really run: each container is a process of this machine, in a root of its own with the pod's volumes.

`cluster.kubelet.run_processes(folder, emulator=cluster.emulator)`: from then on pods whose outcome is "running" do
run. Init containers go first; what the first container prints is what pods/log answers; ends, restarts and signals are
those of the processes. Images are not pulled: every image is this machine, and `python` the tests' own.

It takes Linux and namespaces that one may make; `available()` says whether they are to be had.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

from tests.cluster.emulator.server import Emulator
from tests.cluster.pod_files import PodFiles, Ports
from tests.cluster.pod_run import Object, PodRun, Say, argv

from windlass.kube.client import KubeClient


@lru_cache(maxsize=1)
def available() -> bool:
    """Whether this machine lets us make the namespaces."""
    with tempfile.TemporaryDirectory() as name:
        spec = {"root": f"{name}/root", "mounts": [[name, "/windlass-try", False]], "cwd": "/"}
        spec |= {"command": ["test", "-f", "/windlass-try/spec"], "env": {"PATH": os.environ["PATH"]}}
        Path(name, "root").mkdir()
        Path(name, "spec").write_text(json.dumps(spec))
        done = subprocess.run(argv(Path(name, "spec")), check=False, capture_output=True)
        return done.returncode == 0


class PodProcesses:
    """All pods that run here. Call in the kubelet's event loop."""

    def __init__(self, client: KubeClient, *, folder: Path, emulator: Emulator, say: Say, troubles: list[str]) -> None:
        """`troubles` is told what went wrong with the running itself."""
        self._client = client
        self._folder = folder
        self._emulator = emulator
        self._say = say
        self._troubles = troubles
        self._ports = Ports()
        self._pods: dict[str, PodRun] = {}

    def start(self, pod: Object) -> None:
        """Run the pod, if it does not."""
        uid = pod["metadata"]["uid"]
        if uid not in self._pods:
            folder = self._folder / "pods" / uid
            folder.mkdir(parents=True)
            files = PodFiles(self._client, pod, folder=folder, claims=self._folder / "claims", ports=self._ports)
            run = PodRun(self._client, pod, folder=folder, files=files, emulator=self._emulator, say=self._say)
            self._pods[uid] = run
            run.start(self._troubles)

    async def end(self, uid: str, *, grace_seconds: float) -> None:
        """Tell the pod's processes to end, and see to it that they do."""
        run = self._pods.get(uid)
        if run is not None:
            await run.end(grace_seconds)

    async def close(self) -> None:
        """End all at once."""
        await asyncio.gather(*(run.end(0) for run in self._pods.values()))
