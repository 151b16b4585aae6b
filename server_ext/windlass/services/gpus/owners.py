"""Who a process belongs to, as a person knows it: a notebook's kernel, a rank of a job, or something else.

A job's processes bear its id and their rank in their environment, which every process they start inherits; a kernel's
are below it in the tree of processes. What belongs to another user of the system shows its name and no more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import psutil

from windlass.contract.gpus import GpuOwner
from windlass.metrics.reading import Process
from windlass.services.gpus.kernels import Kernel, KernelList

KNOWN_SECONDS = 15.0
"""How long an owner is taken to be the same: notebooks are renamed, sessions change their kernels."""
_JOB, _RANK = "WINDLASS_JOB_ID", "RANK"

JobNames = Mapping[str, str]
"""Names of the jobs of the user who looks, by id."""


@dataclass(frozen=True, kw_only=True)
class _Belongs:
    """What the system says of a process."""

    name: str
    job_id: str | None = None
    rank: int | None = None
    kernel: Kernel | None = None


@dataclass(frozen=True, kw_only=True)
class _Known:
    began: float | None
    until: float
    belongs: _Belongs


class OwnerFinder:
    """Finds owners, and remembers them for some seconds. One for a server."""

    def __init__(self, *, kernels: KernelList | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._kernels = kernels
        self._clock = clock
        self._known: dict[int, _Known] = {}

    async def learn(self, processes: Iterable[Process]) -> None:
        """Look up those processes that are not known, or not any more."""
        now = self._clock()
        wanted = {process.pid: process for process in processes}
        self._known = {pid: known for pid, known in self._known.items() if pid in wanted}
        strange = [process for pid, process in wanted.items() if not self._is_known(pid, now)]
        if not strange:
            return
        kernels = {kernel.pid: kernel for kernel in (await self._kernels.now() if self._kernels else ())}
        found = await asyncio.to_thread(lambda: [_look_up(process, kernels) for process in strange])
        for process, (began, belongs) in zip(strange, found, strict=True):
            self._known[process.pid] = _Known(began=began, until=now + KNOWN_SECONDS, belongs=belongs)

    def owner(self, process: Process, *, jobs: JobNames) -> GpuOwner:
        """The owner of a process that `learn` was told of, for the user whose jobs these are."""
        known = self._known.get(process.pid)
        belongs = known.belongs if known is not None else _Belongs(name=process.name)
        plain = GpuOwner(
            kind="other",
            label=belongs.name or process.name or f"process {process.pid}",
            pid=process.pid,
            memory_bytes=process.memory_bytes,
        )
        if belongs.job_id is not None and belongs.job_id in jobs:
            name = jobs[belongs.job_id]
            label = name if belongs.rank is None else f"{name}, rank {belongs.rank}"
            given = {"kind": "job", "label": label, "job_id": belongs.job_id, "rank": belongs.rank}
            return plain.model_copy(update=given)
        if belongs.kernel is not None:
            given = {"kind": "kernel", "label": belongs.kernel.label, "notebook": belongs.kernel.notebook}
            return plain.model_copy(update=given)
        return plain

    def _is_known(self, pid: int, now: float) -> bool:
        known = self._known.get(pid)
        return known is not None and now < known.until and _began(pid) == known.began


def _look_up(process: Process, kernels: Mapping[int, Kernel]) -> tuple[float | None, _Belongs]:
    """When it began, and what it is; a process that is gone, or is another user's, is its name."""
    belongs = _Belongs(name=process.name)
    try:
        found = psutil.Process(process.pid)
        began = found.create_time()
    except (psutil.Error, OSError):
        return None, belongs
    job_id, rank = _job_of(found)
    if job_id is not None:
        return began, replace(belongs, job_id=job_id, rank=rank)
    return began, replace(belongs, kernel=_kernel_of(found, kernels))


def _job_of(process: psutil.Process) -> tuple[str | None, int | None]:
    try:
        environment = process.environ()
    except (psutil.Error, OSError):
        return None, None
    rank = environment.get(_RANK, "")
    return environment.get(_JOB) or None, int(rank) if rank.isascii() and rank.isdigit() else None


def _kernel_of(process: psutil.Process, kernels: Mapping[int, Kernel]) -> Kernel | None:
    if process.pid in kernels:
        return kernels[process.pid]
    try:
        above = process.parents()
    except (psutil.Error, OSError):
        return None
    return next((kernels[parent.pid] for parent in above if parent.pid in kernels), None)


def _began(pid: int) -> float | None:
    try:
        return psutil.Process(pid).create_time()
    except (psutil.Error, OSError):
        return None
