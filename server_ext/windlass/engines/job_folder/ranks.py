"""What each rank says of itself in `ranks/<rank>/status.json`.

The runner writes these files in the user's process, so nothing in them is taken on trust: a field of the wrong type is
a field that is not there.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from windlass.engines.job_folder.files import read_json
from windlass.engines.job_folder.paths import JobFolder

_LARGEST_TRACEBACK_LINES = 500
_LARGEST_TEXT = 10_000
_LARGEST_INTEGER = 2**53


@dataclass(frozen=True, kw_only=True)
class RankStatus:
    """One rank, as it last said; times are POSIX seconds."""

    rank: int
    phase: str
    pid: int | None = None
    cell: int | None = None
    cells: int | None = None
    fraction: float | None = None
    message: str | None = None
    exit_code: int | None = None
    ended_at: float | None = None
    error: dict[str, Any] | None = None
    """As contract.jobs.JobError."""
    error_at: float = math.inf
    notices: tuple[str, ...] = ()

    @property
    def has_begun(self) -> bool:
        """Whether its notebook runs or has run."""
        return self.phase not in ("starting", "")

    @property
    def progress(self) -> dict[str, Any]:
        """As contract.jobs.JobProgress."""
        fraction = self.fraction
        if fraction is not None and not 0 <= fraction <= 1:
            fraction = None
        return {"fraction": fraction, "cell": self.cell, "cells": self.cells, "message": self.message}


def read_rank(job: JobFolder, rank: int) -> RankStatus | None:
    """How this rank is; None while it has said nothing."""
    content = read_json(job.rank_status(rank))
    if content is None:
        return None
    error = content.get("error")
    return RankStatus(
        rank=rank,
        phase=_text(content.get("phase")) or "",
        pid=_integer(content.get("pid")),
        cell=_integer(content.get("cell")),
        cells=_integer(content.get("cells")),
        fraction=_number(content.get("fraction")),
        message=_text(content.get("message")),
        exit_code=_integer(content.get("exit_code")),
        ended_at=_number(content.get("ended_at")),
        error=_error(error, rank) if isinstance(error, dict) else None,
        error_at=_moment(error.get("at")) if isinstance(error, dict) else math.inf,
        notices=tuple(_texts(content.get("notices"))),
    )


class RankWatch:
    """The statuses of a job's ranks, read again only when their files have changed."""

    def __init__(self, job: JobFolder, ranks: Sequence[int]) -> None:
        self._job = job
        self._ranks = ranks
        self._seen: dict[int, tuple[tuple[int, int], RankStatus | None]] = {}

    def status(self, rank: int) -> RankStatus | None:
        """What this rank last said; None while it has said nothing."""
        try:
            found = self._job.rank_status(rank).stat()
        except OSError:
            return None
        version = (found.st_mtime_ns, found.st_ino)
        seen = self._seen.get(rank)
        if seen is None or seen[0] != version:
            seen = self._seen[rank] = (version, read_rank(self._job, rank))
        return seen[1]

    def statuses(self) -> list[RankStatus]:
        """All ranks that have said something."""
        found = (self.status(rank) for rank in self._ranks)
        return [status for status in found if status is not None]


def forget_ranks(job: JobFolder) -> None:
    """Clear what the ranks of an earlier attempt said, so that it is not taken for the next one's.

    What they used remains: it is the job's, over all attempts.
    """
    for path in job.ranks.glob("*/*"):
        if path.name == job.use(0).name:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()
    job.ranks.mkdir(exist_ok=True)


def first_failure(statuses: Sequence[RankStatus]) -> RankStatus | None:
    """The rank whose failure is the job's: the earliest error of those that failed by themselves."""
    failed = [status for status in statuses if status.phase == "failed"]
    return min(failed, key=lambda status: (status.error_at, status.rank), default=None)


def _error(error: Mapping[str, Any], rank: int) -> dict[str, Any]:
    return {
        "rank": rank,
        "cell": _integer(error.get("cell")),
        "line": _integer(error.get("line")),
        "ename": _text(error.get("ename")) or "Error",
        "evalue": _text(error.get("evalue")) or "",
        "traceback": _texts(error.get("traceback"))[-_LARGEST_TRACEBACK_LINES:],
    }


def _text(value: object) -> str | None:
    return value[:_LARGEST_TEXT] if isinstance(value, str) else None


def _texts(value: object) -> list[str]:
    return [item[:_LARGEST_TEXT] for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _integer(value: object) -> int | None:
    """Whole numbers of a size that databases and browsers keep exactly."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST_INTEGER else None


def _number(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _moment(value: object) -> float:
    number = _number(value)
    return math.inf if number is None else number
