"""Readings on a grid of moments, for a chart of some hundred points; each stands for the time since the one before.

A gap stays a gap: nothing is drawn over a time in which nobody looked.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import pairwise

from windlass.metrics.averaging import Figure, by_time, mean
from windlass.metrics.reading import Reading

_GAP = 3.5
"""Readings so many times farther apart than usual leave a gap."""
_LEAST_GAP_SECONDS = 5.0


def grid(*, start: float, end: float, points: int) -> list[float]:
    """So many moments (POSIX seconds) after `start` up to `end`, equally far apart; none where `end` is not later."""
    if end <= start or points < 1:
        return []
    step = (end - start) / points
    return [start + step * place for place in range(1, points)] + [end]


def thin(readings: Sequence[Reading], figure: Figure, *, times: Sequence[float], start: float) -> list[float | None]:
    """The mean of a figure up to each of the moments since the one before (the first: since `start`)."""
    ordered = by_time(readings)
    gap = longest_gap_seconds(ordered)
    return [
        mean(ordered, figure, start=before, end=moment, longest_gap_seconds=gap)
        for before, moment in pairwise([start, *times])
    ]


def longest_gap_seconds(readings: Sequence[Reading]) -> float:
    """Above how many seconds between two readings nothing is known of the time between; readings oldest first."""
    apart = [later.at - earlier.at for earlier, later in pairwise(readings)]
    return max(_LEAST_GAP_SECONDS, _GAP * statistics.median(apart)) if apart else _LEAST_GAP_SECONDS
