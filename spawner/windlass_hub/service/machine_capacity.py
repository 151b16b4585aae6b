"""What this machine has, for a hub that starts its servers as processes of it.

Nothing is reserved for a process here, so nothing is counted as taken: what others use at the moment they may give back
at the next.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
from collections.abc import Sequence
from datetime import datetime, timezone

import psutil

from windlass.contract.hub import StartingNode
from windlass_hub.profiles.availability import PRODUCT_LABEL, CapacitySnapshot, NodeRoom

log = logging.getLogger("windlass_hub.service")

GPU_SECONDS = 10.0
GPU_RESOURCE = "nvidia.com/gpu"
_COMMAND = ("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")


class MachineCapacity:
    """The capacity of the machine the service runs on, which is the hub's where there is no cluster."""

    problem: str | None = None

    def __init__(self) -> None:
        self._gpus: tuple[str, ...] | None = None

    async def start(self) -> None:
        """Look for GPUs, once: they do not come and go while a machine runs."""
        self._gpus = await gpu_names()

    async def snapshot(self) -> CapacitySnapshot | None:
        """The machine as one node."""
        gpus = self._gpus or ()
        allocatable = {"cpu": float(_cores()), "memory": float(psutil.virtual_memory().total)}
        if gpus:
            allocatable[GPU_RESOURCE] = float(len(gpus))
        # GPU feature discovery writes names with dashes; a machine with two kinds is of neither.
        labels = {PRODUCT_LABEL: gpus[0].replace(" ", "-")} if len(set(gpus)) == 1 else {}
        node = NodeRoom(name=platform.node() or "this machine", labels=labels, allocatable=allocatable)
        return CapacitySnapshot(taken_at=datetime.now(timezone.utc), nodes=(node,), source="machine")

    def starting(self) -> Sequence[StartingNode]:
        """No other machine is ever started."""
        return ()

    async def close(self) -> None:
        """There is nothing to let go of."""


async def gpu_names() -> tuple[str, ...]:
    """The names of this machine's NVIDIA GPUs, one per card; none where `nvidia-smi` is missing or finds none."""
    try:
        process = await asyncio.create_subprocess_exec(
            *_COMMAND,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return ()
    try:
        output, _ = await asyncio.wait_for(process.communicate(), GPU_SECONDS)
    except asyncio.TimeoutError:
        process.kill()
        await process.wait()
        log.warning("nvidia-smi did not answer: GPUs of this machine are not counted.")
        return ()
    if process.returncode != 0:
        return ()
    return tuple(line.strip() for line in output.decode("utf-8", "replace").splitlines() if line.strip())


def _cores() -> int:
    """Those this process may use; the affinity is not known everywhere."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else (os.cpu_count() or 1)
