"""What torchrun says about its workers when it fails: which ranks ended how, and which of them first.

A rank that was killed cannot write its own status; torchrun alone knows its exit code, and says it only in words.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

_LARGEST_REPORT_BYTES = 256 * 1024
_RANK = re.compile(rb"^\s*rank\s*: (\d+) \(local_rank: \d+\)\s*$")
_EXIT_CODE = re.compile(rb"^\s*exitcode\s*: (-?\d+) ")
_ROOT_CAUSE = b"Root Cause (first observed failure):"
_NO_TORCH = re.compile(rb"No module named '?torch\b|No module named torch\.distributed")
_PORT_TAKEN = re.compile(rb"EADDRINUSE|[Aa]ddress already in use")


@dataclass(frozen=True)
class WorkerEnd:
    """How one rank ended; a negative exit code is a signal."""

    rank: int
    exit_code: int
    is_root_cause: bool


@dataclass(frozen=True)
class LauncherReport:
    """What the launcher wrote during one attempt."""

    ends: tuple[WorkerEnd, ...]
    no_torch: bool
    port_taken: bool


def read_report(path: Path, *, offset: int) -> LauncherReport:
    """Read the launcher's log from `offset` on (its end, when it is long)."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return LauncherReport((), no_torch=False, port_taken=False)
    try:
        size = os.fstat(descriptor).st_size
        begin = max(offset, size - _LARGEST_REPORT_BYTES)
        content = os.pread(descriptor, max(0, size - begin), begin)
    finally:
        os.close(descriptor)
    return LauncherReport(
        tuple(_ends(content)),
        no_torch=_NO_TORCH.search(content) is not None,
        port_taken=_PORT_TAKEN.search(content) is not None,
    )


def _ends(content: bytes) -> list[WorkerEnd]:
    found: list[WorkerEnd] = []
    rank: int | None = None
    is_root_cause = False
    for line in content.splitlines():
        if line.startswith(_ROOT_CAUSE):
            is_root_cause = True
        elif match := _RANK.match(line):
            rank = int(match[1])
        elif rank is not None and (match := _EXIT_CODE.match(line)):
            found.append(WorkerEnd(rank, int(match[1]), is_root_cause))
            rank = None
    return found
