"""Whether the kernel has killed for want of memory: its own count, before and after.

A process that the out-of-memory killer ends dies of signal 9 like any other; only the control group's counter tells
the two apart. Where there is no counter, nobody can say, and nobody claims to.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def out_of_memory_kills() -> int | None:
    """How many processes of this container (else: of this machine) have been killed so far; None when unknown."""
    for path, name in _counters():
        try:
            lines = path.read_text(encoding="ascii").splitlines()
        except (OSError, UnicodeDecodeError):
            continue
        for line in lines:
            key, _, value = line.partition(" ")
            if key == name and value.strip().isdigit():
                return int(value)
    return None


def _counters() -> Iterator[tuple[Path, str]]:
    """Files that may hold the count, the most telling first."""
    for hierarchy, own in _own_groups():
        if hierarchy == "":
            yield _CGROUP / own / "memory.events", "oom_kill"
        elif "memory" in hierarchy.split(","):
            yield _CGROUP / "memory" / own / "memory.oom_control", "oom_kill"
    yield _CGROUP / "memory.events", "oom_kill"
    yield _CGROUP / "memory/memory.oom_control", "oom_kill"
    yield Path("/proc/vmstat"), "oom_kill"


def _own_groups() -> list[tuple[str, str]]:
    """The control groups this process is in: (controllers, path); version 2 has no controllers there."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    parts = [line.split(":", 2) for line in lines]
    return [(part[1], part[2].lstrip("/")) for part in parts if len(part) == 3]
