"""Alarms over a job's life: judged again and again as they would have been told then, one for each time it was so."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from windlass.contract.gpus import GpuAlarm
from windlass.metrics.judging import Holding, Settings, alarms
from windlass.metrics.reading import Device, DeviceSeries, Reading

MOST_ALARMS = 100
_MOST_LOOKS = 500
_LOOKS_IN_ALARM = 2
_HOLDS_ON = 1.5
"""Looks so many paces apart see one and the same."""
_SPACING = 2.5
"""Long jobs' readings are far apart; so many times farther leave a gap."""


def alarms_over(
    devices: Sequence[Device],
    series: Sequence[DeviceSeries],
    *,
    settings: Settings,
    holdings: Mapping[str, Holding],
    start: float,
    end: float,
) -> list[GpuAlarm]:
    """What was to be told between two moments (POSIX seconds), oldest first, at most a hundred.

    An alarm that held on is told once, as it stood when it was seen last.
    """
    length = settings.alarm_seconds
    if end - start < length or not series:
        return []
    settings = _as_far_apart(settings, series)
    pace = max(length / _LOOKS_IN_ALARM, (end - start) / _MOST_LOOKS)
    standing: dict[str, _Episode] = {}
    past: list[_Episode] = []
    for moment in _moments(start + length, end, pace):
        for alarm in _judged(devices, series, settings, holdings, moment):
            before, since = standing.get(alarm.id), alarm.since
            if before is not None and moment - before.seen <= _HOLDS_ON * pace:
                since = min(since, before.alarm.since)
            elif before is not None:
                past.append(before)
            standing[alarm.id] = _Episode(alarm.model_copy(update={"since": since}), moment)
    found = [_named(episode.alarm) for episode in past]
    # What stands at the end keeps the name that the panel knows it by.
    found += [each.alarm if each.seen >= end else _named(each.alarm) for each in standing.values()]
    return sorted(found, key=lambda alarm: (alarm.since, alarm.id))[:MOST_ALARMS]


class _Episode(NamedTuple):
    """An alarm as it stood when it was seen last."""

    alarm: GpuAlarm
    seen: float


def _moments(first: float, end: float, pace: float) -> Iterator[float]:
    moment = first
    while moment < end:
        yield moment
        moment += pace
    yield end


def _named(alarm: GpuAlarm) -> GpuAlarm:
    """One of several of a device."""
    return alarm.model_copy(update={"id": f"{alarm.id}@{alarm.since.timestamp():.0f}"})


def _judged(
    devices: Sequence[Device],
    series: Sequence[DeviceSeries],
    settings: Settings,
    holdings: Mapping[str, Holding],
    moment: float,
) -> list[GpuAlarm]:
    back = moment - 2 * settings.alarm_seconds
    recent = [replace(line, readings=_between(line.readings, back, moment)) for line in series]
    return alarms(devices, recent, settings, holdings, now=moment)


def _between(readings: Sequence[Reading], start: float, end: float) -> Sequence[Reading]:
    first = bisect.bisect_left(readings, start, key=lambda reading: reading.at)
    return readings[first : bisect.bisect_right(readings, end, key=lambda reading: reading.at)]


def _as_far_apart(settings: Settings, series: Sequence[DeviceSeries]) -> Settings:
    widest = 0.0
    for line in series:
        if len(line.readings) > 1:
            widest = max(widest, (line.readings[-1].at - line.readings[0].at) / (len(line.readings) - 1))
    return replace(settings, longest_gap_seconds=max(settings.longest_gap_seconds, _SPACING * widest))
