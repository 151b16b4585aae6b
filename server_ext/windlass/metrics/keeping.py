"""What a device's readings were a while ago: each of the last minutes, and means of longer ago where it is recorded.

It is for sparklines, alarms and a look back. Whoever records on disk takes from here what is new.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from windlass.metrics.aging import STEPS, AgingReadings, mean_reading
from windlass.metrics.reading import Reading

__all__ = ["KeptReadings", "mean_reading"]

COARSE_SECONDS = STEPS[0].seconds
"""What one mean stands for, in what is kept for long."""


class KeptReadings:
    """One device's."""

    def __init__(self, *, keep_seconds: float, record: bool, known: AgingReadings | None = None) -> None:
        """`known`: what was recorded before."""
        self._keep = keep_seconds
        self._fine: deque[Reading] = deque()
        self._coarse: AgingReadings | None = (known or AgingReadings()) if record else None
        self._gathered: list[Reading] = []
        self._new: list[Reading] = []
        self._has_aged = False

    @property
    def recorded(self) -> AgingReadings | None:
        """All means; None where it is not recorded."""
        return self._coarse

    def take_new(self) -> tuple[list[Reading], bool]:
        """Means since this was asked last, and whether older ones have become coarser since."""
        taken = self._new, self._has_aged
        self._new, self._has_aged = [], False
        return taken

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
        fine, coarse = self._fine, self._coarse
        oldest = coarse.first_at if coarse is not None else None
        if coarse is not None and oldest is not None and (not fine or (oldest < fine[0].at and start < fine[0].at)):
            return coarse.since(start)
        return [reading for reading in fine if reading.at >= start]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is kept."""
        return not self._fine and not self._coarse

    def _gather(self, reading: Reading) -> None:
        gathered, coarse = self._gathered, self._coarse
        if coarse is None:
            return
        if gathered and reading.at // COARSE_SECONDS != gathered[-1].at // COARSE_SECONDS:
            mean = mean_reading(gathered)
            gathered.clear()
            self._has_aged = coarse.add(mean) or self._has_aged
            self._new.append(mean)
        gathered.append(reading)
