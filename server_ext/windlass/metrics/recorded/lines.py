"""The files that a job's ranks wrote, typed, and kept for whoever asks again while they have not changed.

They come from the user's process: what is no line is left out (`windlass.runner.gpu_lines`). Nothing here knows which
job a folder is of, or what the numbers mean.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from windlass.runner import gpu_lines

FILE_NAME = "gpus.jsonl"
LARGEST_FILE_BYTES = 64 * 1024 * 1024
_MOST_RANKS = 4096
_KEPT_LINES = 100_000
"""Of all files together, in memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceUse:
    """One device over a line's time; means, but for the peaks. None is unknown."""

    uuid: str
    seconds: float
    """For how much of the line's time something of it is known."""
    name: str
    index: int | None = None
    """Of its card on its machine."""
    mig_profile: str | None = None
    parent_uuid: str | None = None
    gpu_instance: int | None = None
    rank: int | None = None
    """None: several ranks share it."""
    memory_total_bytes: int | None = None
    engine: float | None = None
    engine_peak: float | None = None
    memory_bytes: int | None = None
    memory_peak_bytes: int | None = None
    power_watts: float | None = None
    temperature_celsius: float | None = None
    sm_clock_mhz: float | None = None
    pcie_bytes_per_second: float | None = None
    problem: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class UseLine:
    """What one machine's ranks used in the `seconds` before `at` (POSIX seconds)."""

    at: float
    seconds: float
    attempt: int
    devices: tuple[DeviceUse, ...]
    cpu_cores: float | None = None
    cpu_cores_peak: float | None = None
    host_memory_bytes: int | None = None
    host_memory_peak_bytes: int | None = None
    host_memory_limit_bytes: int | None = None
    problem: str | None = None


Recorded = Mapping[int, Sequence[UseLine]]
"""Lines, oldest first, by the rank that wrote them: the first of its machine."""


class _Read(NamedTuple):
    """How far a file has been read."""

    inode: int
    size_bytes: int
    """Up to the end of the last whole line."""
    seen: tuple[int, int]
    """Size and time of change."""
    lines: Sequence[UseLine]


class LineReader:
    """Reads folders of ranks; of a file that has grown, what is new. For one thread at a time."""

    def __init__(self, *, most_lines: int = _KEPT_LINES) -> None:
        self._most_lines = most_lines
        self._known: OrderedDict[Path, _Read] = OrderedDict()

    def read(self, ranks: Path) -> Recorded:
        """What lies in a job's `ranks` folder; a file that cannot be read is one that is not there."""
        try:
            numbers = sorted(int(path.name) for path in ranks.iterdir() if path.name.isdecimal())
        except OSError:
            return {}
        found = {rank: self._file(ranks / str(rank) / FILE_NAME) for rank in numbers[:_MOST_RANKS]}
        return {rank: lines for rank, lines in found.items() if lines}

    def _file(self, path: Path) -> Sequence[UseLine]:
        known = self._known.pop(path, None)
        try:
            with path.open("rb") as file:
                found = _read_on(file, known)
        except OSError:
            return ()
        self._known[path] = found
        while len(self._known) > 1 and sum(len(each.lines) for each in self._known.values()) > self._most_lines:
            self._known.popitem(last=False)
        return found.lines


def _read_on(file: BinaryIO, known: _Read | None) -> _Read:
    """What a file holds, from where it was read to before. Raises OSError."""
    stat = os.fstat(file.fileno())
    seen = (stat.st_size, stat.st_mtime_ns)
    if known is not None and known.inode == stat.st_ino and known.seen == seen:
        return known
    if known is None or known.inode != stat.st_ino or stat.st_size <= known.size_bytes:
        # New, or written anew with fewer lines.
        known = _Read(stat.st_ino, 0, seen, ())
    file.seek(known.size_bytes)
    whole, newline, _rest = file.read(LARGEST_FILE_BYTES).rpartition(b"\n")
    new = [_line(value) for value in gpu_lines.parse(whole)]
    return _Read(stat.st_ino, known.size_bytes + len(whole) + len(newline), seen, [*known.lines, *new])


def _line(value: Mapping[str, Any]) -> UseLine:
    return UseLine(
        at=value["at"],
        seconds=value["seconds"],
        attempt=value["attempt"],
        devices=tuple(_device(device) for device in value["devices"]),
        cpu_cores=value["cpu_cores"],
        cpu_cores_peak=value["cpu_cores_peak"],
        host_memory_bytes=_bytes(value["host_memory"]),
        host_memory_peak_bytes=_bytes(value["host_memory_peak"]),
        host_memory_limit_bytes=_bytes(value["host_memory_limit"]),
        problem=value["problem"],
    )


def _device(value: Mapping[str, Any]) -> DeviceUse:
    return DeviceUse(
        uuid=value["uuid"],
        seconds=value["seconds"],
        name=value["name"] or "GPU",
        index=value["index"],
        mig_profile=value["mig"],
        parent_uuid=value["parent"],
        gpu_instance=value["gi"],
        rank=value["rank"],
        memory_total_bytes=_bytes(value["memory_total"]),
        engine=value["engine"],
        engine_peak=value["engine_peak"],
        memory_bytes=_bytes(value["memory"]),
        memory_peak_bytes=_bytes(value["memory_peak"]),
        power_watts=value["power"],
        temperature_celsius=value["temp"],
        sm_clock_mhz=value["clock"],
        pcie_bytes_per_second=value["pcie"],
        problem=value["problem"],
    )


def _bytes(value: float | None) -> int | None:
    return None if value is None else round(value)
