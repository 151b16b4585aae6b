"""What a job did with what it held, as figures: how much of its time is known, means, peaks, and idleness.

Means are over the device time that is known, and how much that is stands beside them. Whoever decides by them (advice,
cost of idleness) decides whether it is enough. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeVar

from windlass.contract.gpus import UsageSummary
from windlass.metrics.reading import DeviceSeries, Reading
from windlass.metrics.recorded.lines import Recorded, UseLine
from windlass.metrics.thinning import longest_gap_seconds

Number = TypeVar("Number", int, float)


def summarize(
    series: Sequence[DeviceSeries],
    recorded: Recorded,
    *,
    running_seconds: float,
    devices: int,
    idle_threshold: float,
) -> UsageSummary | None:
    """Of a job, or of a running one so far; None where nothing at all is known.

    Args:
        series: readings by device, of all sources merged.
        recorded: what ranks wrote down: peaks within lines, CPU and memory.
        running_seconds: since it began to run.
        devices: how many it was given, 0 where that is not known: of those that nobody looked at nothing is covered.
        idle_threshold: part of the time, 0 to 1, below which a device counts as not used.
    """
    lines = [line for lines in recorded.values() for line in lines]
    if not series and not any(line.seconds for line in lines):
        return None
    spans = [span for line in series for span in known_spans(line.readings)]
    engine = [(reading.engine, seconds) for reading, seconds in spans if reading.engine is not None]
    engine_seconds = sum(seconds for _, seconds in engine)
    covered = sum(seconds for _, seconds in spans) / max(devices, len(series), 1)
    if not series and not devices:
        covered = max((sum(line.seconds for line in each) for each in recorded.values()), default=0.0)
    fullest = _fullest(series, lines)
    return UsageSummary(
        seconds=min(covered, running_seconds),
        covered=min(1.0, covered / running_seconds) if running_seconds > 0 else 0.0,
        engine_mean=_mean(engine, engine_seconds),
        engine_peak=_peak(
            [*(use.engine_peak for line in lines for use in line.devices), *(value for value, _ in engine)]
        ),
        idle_fraction=_mean([(float(value < idle_threshold), seconds) for value, seconds in engine], engine_seconds),
        memory_peak_bytes=fullest[0],
        memory_total_bytes=fullest[1],
        cpu_cores_mean=_peak(_cores_mean(each) for each in recorded.values()),
        cpu_cores_peak=_peak(line.cpu_cores_peak for line in lines),
        host_memory_peak_bytes=_peak(line.host_memory_peak_bytes for line in lines),
        devices=max(devices, len(series)),
    )


def known_spans(readings: Sequence[Reading]) -> Iterable[tuple[Reading, float]]:
    """Readings that know something, each with the time it stands for: since the one before, if that is not a gap."""
    gap = longest_gap_seconds(readings)
    for before, reading in pairwise(readings):
        seconds = reading.at - before.at
        if seconds <= gap and (reading.engine is not None or reading.memory_bytes is not None):
            yield reading, seconds


def _fullest(series: Sequence[DeviceSeries], lines: Sequence[UseLine]) -> tuple[int | None, int | None]:
    """Most memory that any device had in use, and all that this device has."""
    found = [(use.memory_peak_bytes, use.memory_total_bytes) for line in lines for use in line.devices]
    found += [(reading.memory_bytes, line.memory_total_bytes) for line in series for reading in line.readings]
    known = [(peak, total) for peak, total in found if peak is not None]
    return max(known, key=lambda each: each[0], default=(None, None))


def _cores_mean(lines: Sequence[UseLine]) -> float | None:
    known = [(line.cpu_cores, line.seconds) for line in lines if line.cpu_cores is not None]
    return _mean(known, sum(seconds for _, seconds in known))


def _mean(values: Iterable[tuple[float, float]], seconds: float) -> float | None:
    """Weighted by time."""
    return sum(value * (weight / seconds) for value, weight in values) if seconds > 0 else None


def _peak(values: Iterable[Number | None]) -> Number | None:
    return max((value for value in values if value is not None), default=None)
