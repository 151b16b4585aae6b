"""How much of its GPU time a job left unused on each day of UTC, and how much of that day anybody measured. Pure.

A job that idles through its first night and works through its second day wastes money on one of them: whoever keeps
money by day needs the share of each. A day of which nothing is known is told as such, and not left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone

from windlass.metrics.reading import DeviceSeries
from windlass.metrics.recorded.usage import known_spans

DAY_SECONDS = 86_400


@dataclass(frozen=True, kw_only=True)
class DayUse:
    """One day of a job."""

    day: date
    covered: float
    """Of its device time on that day, the part with readings: 0 to 1."""
    idle_fraction: float | None
    """Of the time with readings; None where there are none."""


def idle_by_day(
    series: Sequence[DeviceSeries], *, started: float, until: float, devices: int, idle_threshold: float
) -> list[DayUse]:
    """The days on which a job ran, the first first.

    Args:
        series: readings by device, of all sources merged.
        started: of its running time, POSIX seconds.
        until: its end, or now.
        devices: how many it was given, 0 where that is not known.
        idle_threshold: part of the time, 0 to 1, below which a device counts as not used.
    """
    known: dict[int, float] = defaultdict(float)
    idle: dict[int, float] = defaultdict(float)
    for line in series:
        for reading, seconds in known_spans(line.readings):
            if reading.engine is None:
                continue
            for day, part in _days(max(started, reading.at - seconds), min(until, reading.at)):
                known[day] += part
                idle[day] += part if reading.engine < idle_threshold else 0.0
    of = max(devices, len(series), 1)
    return [
        DayUse(
            day=datetime.fromtimestamp(day * DAY_SECONDS, tz=timezone.utc).date(),
            covered=min(1.0, known[day] / (ran * of)),
            idle_fraction=idle[day] / known[day] if known[day] else None,
        )
        for day, ran in _days(started, until)
    ]


def _days(begins: float, ends: float) -> Iterator[tuple[int, float]]:
    """A time cut at midnights: days since the epoch, and seconds of each."""
    while begins < ends:
        day = int(begins // DAY_SECONDS)
        cut = min(ends, float((day + 1) * DAY_SECONDS))
        yield day, cut - begins
        begins = cut
