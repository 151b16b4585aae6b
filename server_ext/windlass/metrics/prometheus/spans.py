"""Moments and spans of time that may be asked for, within what Prometheus answers at once."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from windlass.errors import FieldError, InvalidRequest

MOST_POINTS = 1500
LONGEST_SECONDS = 31 * 86_400
SHORTEST_STEP = 5.0
_LEAST_WINDOW = 120


@dataclass(frozen=True, kw_only=True)
class Span:
    """When: POSIX seconds from `start` to `end` every `step` seconds; `step` None: the moment `end`."""

    start: float
    end: float
    step: float | None

    @classmethod
    def of(cls, *, start: float | None, end: float | None, step: float | None, now: float | None = None) -> Span:
        """What was asked, within bounds. Raises InvalidRequest."""
        now = time.time() if now is None else now
        end = min(now if end is None else end, now)
        if start is None:
            return cls(start=end, end=end, step=None)
        if start >= end:
            raise _refused("start", "start must be before end, and not in the future.")
        if end - start > LONGEST_SECONDS:
            raise _refused("start", "At most 31 days can be asked for at once.")
        least = max(SHORTEST_STEP, (end - start) / MOST_POINTS)
        if step is not None and step < least:
            raise _refused("step", f"step must be {math.ceil(least)} s or more for that span.")
        return cls(start=start, end=end, step=step or math.ceil(least))

    @classmethod
    def within(cls, *, start: float, end: float, step: float, now: float | None = None) -> Span | None:
        """What was asked as far as it can be had; None where nothing of it can, being in the future or too long ago."""
        now = time.time() if now is None else now
        end = min(end, now)
        start = max(start, end - LONGEST_SECONDS)
        if start >= end:
            return None
        return cls(start=start, end=end, step=max(step, SHORTEST_STEP, math.ceil((end - start) / MOST_POINTS)))

    @property
    def window_seconds(self) -> int:
        """Over how long a rate is taken: no step is left out, and no scrape of a minute missed."""
        return max(_LEAST_WINDOW, math.ceil(4 * (self.step or 30)))


def _refused(field: str, message: str) -> InvalidRequest:
    return InvalidRequest(message, fields=[FieldError(field=field, message=message)])
