"""What a job uses of CPU and memory: of its container by the kernel's accounts, of a local job by its processes.

A pod's container has a control group (v1 or v2) of its own, which counts everything. On one machine the group around a
job is the whole session's or server's: there the job's own processes are added up. Numbers that the system does not
give are None. Nothing here knows GPUs or who reads the numbers.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Optional

_ROOT = Path("/sys/fs/cgroup")
_PROC = Path("/proc")
_NO_LIMIT = 1 << 60
"""Control groups v1 say "no limit" by a number near 2**63."""


class HostUse(NamedTuple):
    """CPU time since some moment, and memory now, in seconds and bytes."""

    cpu_seconds: Optional[float]  # noqa: UP045 - evaluated by NamedTuple, in Python 3.9 too
    memory: Optional[int]  # noqa: UP045
    memory_limit: Optional[int]  # noqa: UP045


def meter(*, in_container: bool, root_pid: int, cgroup: Path = _ROOT, proc: Path = _PROC) -> Callable[[], HostUse]:
    """What to call for a job's use.

    `root_pid`: the process from which all others of the job here descend.
    """
    if in_container:
        for read in (_version_2, _version_1):
            folder = _own_group(cgroup, proc, read)
            if folder is not None:
                return lambda: read(folder)
    return lambda: _of_processes(proc, root_pid)


def cores(*, cgroup: Path = _ROOT) -> float:
    """How many cores the container may use: its quota, else those that the process may run on."""
    available = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    quota, _space, period = _text(cgroup / "cpu.max").partition(" ")
    if not quota:
        quota, period = _text(cgroup / "cpu/cpu.cfs_quota_us"), _text(cgroup / "cpu/cpu.cfs_period_us")
    if quota.isdigit() and period.isdigit() and int(period) > 0:
        return min(available, int(quota) / int(period))
    return available


def machine_memory(*, proc: Path = _PROC) -> int | None:
    """All the memory of this machine, in bytes."""
    return _field(_text(proc / "meminfo"), "MemTotal:", unit=1024)


def _own_group(cgroup: Path, proc: Path, read: Callable[[Path], HostUse]) -> Path | None:
    """Where this process' group is: at the mount in a namespace of its own, else below it by its path."""
    paths = [line.split(":", 2)[-1].lstrip("/") for line in _text(proc / "self/cgroup").splitlines()]
    for folder in (*(cgroup / path for path in dict.fromkeys(paths) if path and ".." not in path), cgroup):
        use = read(folder)
        if use.cpu_seconds is not None and use.memory is not None:
            return folder
    return None


def _version_2(folder: Path) -> HostUse:
    """Memory without the page cache that the kernel gives back under pressure: what counts against the limit."""
    micros = _field(_text(folder / "cpu.stat"), "usage_usec", unit=1)
    memory = _less(_whole(folder / "memory.current"), _field(_text(folder / "memory.stat"), "inactive_file", unit=1))
    return HostUse(None if micros is None else micros / 1e6, memory, _whole(folder / "memory.max"))


def _version_1(folder: Path) -> HostUse:
    nanos = _whole(folder / "cpuacct/cpuacct.usage")
    group = folder / "memory"
    cache = _field(_text(group / "memory.stat"), "total_inactive_file", unit=1)
    limit = _whole(group / "memory.limit_in_bytes")
    return HostUse(
        None if nanos is None else nanos / 1e9,
        _less(_whole(group / "memory.usage_in_bytes"), cache),
        None if limit is None or limit > _NO_LIMIT else limit,
    )


def _of_processes(proc: Path, root_pid: int) -> HostUse:
    """Of a process and its descendants.

    Memory that processes share through files and shared memory counts once, as the largest has it; pages that a fork
    has not written to yet count for both.
    """
    stats = dict(_stats(proc))
    if root_pid not in stats:
        return HostUse(None, None, None)
    children: dict[int, list[int]] = {}
    for pid, (parent, _ticks) in stats.items():
        children.setdefault(parent, []).append(pid)
    ticks, private, shared = 0, 0, 0
    waiting = [root_pid]
    while waiting:
        pid = waiting.pop()
        waiting += children.get(pid, ())
        ticks += stats[pid][1]
        resident, with_others = _pages(proc, pid)
        private += max(0, resident - with_others)
        shared = max(shared, with_others)
    memory = (private + shared) * os.sysconf("SC_PAGE_SIZE")
    return HostUse(ticks / os.sysconf("SC_CLK_TCK"), memory or None, None)


def _stats(proc: Path) -> list[tuple[int, tuple[int, int]]]:
    """Of each process its parent, and its CPU time with that of its children that have ended, in clock ticks."""
    found = []
    try:
        names = [path.name for path in proc.iterdir() if path.name.isdigit()]
    except OSError:
        return []
    for name in names:
        # The name of a program stands in brackets and may hold anything.
        _program, _bracket, rest = _text(proc / name / "stat").rpartition(")")
        fields = rest.split()
        if len(fields) > 14:
            found.append((int(name), (int(fields[1]), sum(int(field) for field in fields[11:15]))))
    return found


def _pages(proc: Path, pid: int) -> tuple[int, int]:
    fields = _text(proc / str(pid) / "statm").split()
    return (int(fields[1]), int(fields[2])) if len(fields) > 2 else (0, 0)


def _less(whole: int | None, part: int | None) -> int | None:
    return None if whole is None else max(0, whole - (part or 0))


def _whole(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isdigit() else None


def _field(text: str, name: str, *, unit: int) -> int | None:
    """The number after a name that begins a line."""
    for line in text.splitlines():
        if line.startswith(name):
            fields = line[len(name) :].split()
            if fields and fields[0].isdigit():
                return int(fields[0]) * unit
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
