"""Readings of months in bounded room: the older they are, the longer the time that each mean stands for. Pure.

A chart of a day is drawn from quarter minutes, one of a quarter from quarter hours; nobody needs both for one moment.
What nobody looked at stays a gap at every step.
"""

from __future__ import annotations

import bisect
import itertools
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from itertools import pairwise
from typing import Any, NamedTuple

from windlass.metrics.reading import Reading


class Step(NamedTuple):
    """How old readings may be, in seconds, that are so far apart."""

    seconds: float
    kept_seconds: float


DAY = 86_400.0
STEPS = (Step(15.0, DAY), Step(150.0, 7 * DAY), Step(900.0, 92 * DAY))
"""Each a multiple of the one before; some 18,000 readings of a device at the most."""
AGED_SECONDS = 600.0
"""Readings are brought to their step so often."""

_COUNTED = frozenset({"memory_bytes", "xid"})
_FIGURES = tuple(field.name for field in fields(Reading) if field.name not in {"at", "xid"})


class AgingReadings:
    """One device's means, oldest first."""

    def __init__(self, readings: Iterable[Reading] = ()) -> None:
        """`readings`: what was kept before, in any order and at whatever steps."""
        self._kept: list[Reading] = sorted({each.at: each for each in readings}.values(), key=_moment)
        self._aged_at = float("-inf")
        if self._kept:
            self._age(self._kept[-1].at)

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Reading]:
        return iter(self._kept)

    @property
    def first_at(self) -> float | None:
        """When the oldest is of, POSIX seconds; None where nothing is kept."""
        return self._kept[0].at if self._kept else None

    def add(self, mean: Reading) -> bool:
        """Keep one; answers whether older ones were brought to a coarser step. One that is not newer is left out."""
        if self._kept and mean.at <= self._kept[-1].at:
            return False
        self._kept.append(mean)
        if mean.at - self._aged_at < AGED_SECONDS:
            return False
        self._age(mean.at)
        return True

    def since(self, start: float) -> list[Reading]:
        """Those since a moment (POSIX seconds), all at the step of the oldest of them: a chart has one."""
        found = self._kept[bisect.bisect_left(self._kept, start, key=_moment) :]
        if not found:
            return []
        age = self._kept[-1].at - max(start, found[0].at)
        step = next((step for step in STEPS if age <= step.kept_seconds), STEPS[-1])
        return found if step is STEPS[0] else list(_with_gaps(averaged(found, step.seconds), step.seconds))

    def _age(self, now: float) -> None:
        """Bring all to the steps of their ages."""
        self._aged_at = now
        aged: list[Reading] = []
        for step, older in itertools.zip_longest(STEPS, STEPS[1:]):
            # Of whole times of the next step, so that none is averaged twice.
            grid = (older or step).seconds
            oldest = (now - step.kept_seconds) // grid * grid
            cut = bisect.bisect_left(self._kept, oldest, key=_moment)
            aged = averaged(self._kept[cut:], step.seconds) + aged
            self._kept = self._kept[:cut]
        self._kept = aged


def averaged(readings: Sequence[Reading], step: float) -> list[Reading]:
    """Means of each `step` seconds, as of their last reading; readings oldest first."""
    groups = itertools.groupby(readings, key=lambda reading: reading.at // step)
    return [group[0] if len(group) == 1 else mean_reading(group) for group in (list(each) for _, each in groups)]


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


def _with_gaps(readings: Sequence[Reading], step: float) -> Iterator[Reading]:
    """With a reading that knows nothing before each that follows on none: it does not stand for the time between."""
    yield from readings[:1]
    for before, reading in pairwise(readings):
        if reading.at - before.at > 2 * step:
            yield Reading(at=reading.at // step * step)
        yield reading


def _moment(reading: Reading) -> float:
    return reading.at
