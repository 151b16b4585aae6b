"""What a device's readings were a while ago: each of the last minutes, and means of longer ago where it is recorded.

In memory alone: it is for sparklines, alarms and a look back over a day, and is gone with the process.
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from windlass.metrics.reading import Reading

COARSE_SECONDS = 15.0
"""What one mean stands for, in what is kept for long."""
COARSE_KEPT_SECONDS = 86_400.0

_COUNTED = frozenset({"memory_bytes", "xid"})
_FIGURES = tuple(field.name for field in fields(Reading) if field.name not in {"at", "xid"})


class KeptReadings:
    """One device's."""

    def __init__(self, *, keep_seconds: float, record: bool) -> None:
        self._keep = keep_seconds
        self._fine: deque[Reading] = deque()
        self._coarse: deque[Reading] | None = deque() if record else None
        self._gathered: list[Reading] = []

    def add(self, reading: Reading) -> None:
        """Keep one; one that is not newer than the last is left out."""
        if self._fine and reading.at <= self._fine[-1].at:
            return
        self._fine.append(reading)
        self.forget(before=reading.at - self._keep)
        if self._coarse is not None:
            self._gather(reading)

    def forget(self, *, before: float) -> None:
        """Drop single readings from before a moment (POSIX seconds)."""
        while self._fine and self._fine[0].at < before:
            self._fine.popleft()

    def since(self, start: float) -> Sequence[Reading]:
        """Readings since a moment (POSIX seconds), oldest first: each, or means where that is longer ago."""
        kept = self._fine
        if self._coarse and (not kept or self._coarse[0].at < kept[0].at) and (not kept or start < kept[0].at):
            kept = self._coarse
        return [reading for reading in kept if reading.at >= start]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is kept."""
        return not self._fine and not self._coarse

    def _gather(self, reading: Reading) -> None:
        gathered, coarse = self._gathered, self._coarse
        if coarse is None:
            return
        if gathered and reading.at // COARSE_SECONDS != gathered[-1].at // COARSE_SECONDS:
            coarse.append(mean_reading(gathered))
            gathered.clear()
            while coarse[0].at < reading.at - COARSE_KEPT_SECONDS:
                coarse.popleft()
        gathered.append(reading)


def mean_reading(readings: Sequence[Reading]) -> Reading:
    """The mean of some readings, as of the last one's time; of each figure over those that have it."""
    if not readings:
        raise ValueError("There is no mean of nothing.")
    means: dict[str, Any] = {}
    for name in _FIGURES:
        known = [value for reading in readings if (value := getattr(reading, name)) is not None]
        if known:
            mean = statistics.fmean(known)
            means[name] = round(mean) if name in _COUNTED else mean
    return Reading(at=readings[-1].at, xid=readings[-1].xid, **means)
