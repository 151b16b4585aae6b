"""Means over time of readings that come when they come: by one source each second, by another each half minute.

A reading stands for the time since the one before it. Where one of them has no figure, or two are so far apart that
nothing is known of the time between, there is no mean: it would be of some other time than it says.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Iterable, Sequence

from windlass.metrics.reading import Reading

Figure = Callable[[Reading], float | None]


def by_time(readings: Iterable[Reading]) -> list[Reading]:
    """Oldest first, one for each moment: of two of the same one, the busier that is known."""
    readings = list(readings)
    if all(earlier.at < later.at for earlier, later in itertools.pairwise(readings)):
        return readings
    found: dict[float, Reading] = {}
    for reading in readings:
        other = found.get(reading.at)
        if other is None or _busyness(reading) > _busyness(other):
            found[reading.at] = reading
    return [found[at] for at in sorted(found)]


def mean(
    readings: Sequence[Reading], figure: Figure, *, start: float, end: float, longest_gap_seconds: float
) -> float | None:
    """The mean of a figure from `start` to `end` (POSIX seconds), each reading weighted by the time it stands for.

    Args:
        readings: as `by_time` gives them.
        figure: what of a reading.
        start: the first reading may come later by a gap at most.
        end: the last reading may be earlier by a gap at most.
        longest_gap_seconds: readings farther apart are a gap.

    Returns:
        None where a reading lacks the figure, where there is a gap, or no time between.
    """
    first = bisect.bisect_right(readings, start, key=_moment)
    before = readings[first - 1].at if first else start
    total, counted = 0.0, start
    for place in range(first, len(readings)):
        reading = readings[place]
        value = figure(reading)
        if value is None or reading.at - before > longest_gap_seconds:
            return None
        ended = min(reading.at, end)
        total += value * (ended - counted)
        before, counted = reading.at, ended
        if ended == end:
            break
    if counted == start or end - counted > longest_gap_seconds:
        return None
    return total / (counted - start)


def _moment(reading: Reading) -> float:
    return reading.at


def _busyness(reading: Reading) -> tuple[float, ...]:
    figures = (reading.engine, reading.pcie_bytes_per_second, reading.dram, reading.memory_bytes)
    return tuple(-1.0 if figure is None else figure for figure in figures)
