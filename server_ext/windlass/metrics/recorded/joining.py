"""A job's own readings and the exporter's of its pods: a line for each device, the finer, with the other in its gaps.

Nothing is averaged over both: they take their means over different times. Pure.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from windlass.metrics.merging import slice_id
from windlass.metrics.reading import Device, DeviceSeries, Reading
from windlass.metrics.thinning import longest_gap_seconds


def join(own: Sequence[DeviceSeries], others: Sequence[DeviceSeries], devices: Iterable[Device]) -> list[DeviceSeries]:
    """All devices of both, each once.

    Args:
        own: what ranks wrote down, as `series_of` has it: what is not known is a reading without figures.
        others: the exporter's. Of a card that is shared it tells a share: the card's own figures are then no one's.
        devices: those that ranks saw, which tell a slice's other name.
    """
    slices = {
        slice_id(device.parent_uuid, device.gpu_instance): device.id
        for device in devices
        if device.parent_uuid is not None and device.gpu_instance is not None
    }
    shared = {line.uuid for line in others if line.device_id != line.uuid and line.device_id not in slices}
    found = {line.device_id: line for line in own if line.uuid not in shared}
    for line in others:
        identity = slices.get(line.device_id, line.device_id)
        mine = found.get(identity)
        found[identity] = replace(line, device_id=identity) if mine is None else _joined(mine, line)
    return list(found.values())


def _joined(mine: DeviceSeries, other: DeviceSeries) -> DeviceSeries:
    finer, coarser = sorted((mine, other), key=_spacing)
    readings = _with_gaps_filled(finer.readings, coarser.readings)
    total = mine.memory_total_bytes or other.memory_total_bytes
    return replace(mine, source=finer.source, readings=readings, memory_total_bytes=total)


def _with_gaps_filled(finer: Sequence[Reading], coarser: Sequence[Reading]) -> list[Reading]:
    """All readings that know something, and the coarser's where the finer knows nothing."""
    gap = longest_gap_seconds(finer)
    found: list[Reading] = []
    known_until, waiting = float("-inf"), list(reversed([each for each in coarser if _knows(each)]))
    for reading in finer:
        is_gap = not _knows(reading) or reading.at - known_until > gap
        while waiting and waiting[-1].at < reading.at:
            between = waiting.pop()
            if is_gap and between.at > known_until:
                found.append(between)
        found.append(reading)
        known_until = reading.at
    return [*found, *(each for each in reversed(waiting) if each.at > known_until)]


def _knows(reading: Reading) -> bool:
    return reading.engine is not None or reading.memory_bytes is not None


def _spacing(line: DeviceSeries) -> float:
    apart = [later.at - earlier.at for earlier, later in pairwise(line.readings) if _knows(later)]
    return statistics.median(apart) if apart else float("inf")
