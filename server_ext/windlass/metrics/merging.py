"""One device from what several sources say of it, by its UUID: the newest reading, and from the others what it lacks.

NVML in the pod knows processes and the second; the DCGM exporter knows pods, nodes and the profiling counters. A
time-sliced card is the exception: its figures are of all that share it, so they are no one's, and only the processes
that NVML sees in this pod say something of this pod.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Any

from windlass.metrics.averaging import by_time
from windlass.metrics.reading import Device, DeviceSeries, Look, Reading, SourceName

SHARED = "Shared, per-pod use unknown: the card's figures are of all that share it."
TOGETHER_SECONDS = 60.0
"""A reading that is older than the newest by more than this does not fill what that one lacks."""
_ORDER: Sequence[SourceName] = ("nvml", "dcgm", "job")
"""Whom to believe first in what does not change."""
_FILLED = ("name", "index", "gpu_instance", "parent_uuid", "node", "mig_profile", "memory_total_bytes")
_HELD = ("namespace", "pod", "container")


def merge(looks: Iterable[Look], *, own_pod: str | None = None) -> list[Device]:
    """All devices of the looks, each once; what a device is and where comes from whoever knows it.

    Args:
        looks: of several sources, of about the same time, in any order.
        own_pod: the pod this process runs in, where it does: its NVML sees the devices of that pod.

    Returns:
        By node, card and slice. A device's `source` is that of its reading; `problem` is gone where another source
        filled what one could not say.
    """
    found: dict[str, list[Device]] = {}
    devices = [device for look in looks for device in look.devices]
    shared = {device.uuid for device in devices if device.kind == "share"}
    slices = _slices(device for device in devices if device.source == "nvml")
    for device in devices:
        known = _as_share(device, own_pod) if device.uuid in shared and device.kind == "card" else device
        found.setdefault(slices.get(known.id, known.id), []).append(known)
    merged = [_one(identity, same) for identity, same in found.items()]
    return sorted(merged, key=lambda device: (device.node or "", device.parent_uuid or device.uuid, device.id))


def merge_series(lines: Iterable[DeviceSeries], devices: Iterable[Device] = ()) -> list[DeviceSeries]:
    """One line for each device: the readings of the source that is nearest to it, and before and after them others'.

    Two sources' readings are not mixed within one time: they take their means over different times. Of a device that
    went from pod to pod only the last pod's line is kept, as what the others did says nothing of that pod.

    Args:
        lines: of several sources, in any order.
        devices: as `merge` gave them: what is a slice's other id, and which cards are shared, so that their own
            readings are no one's.
    """
    known = list(devices)
    slices = _slices(known)
    shared = {device.uuid for device in known if device.kind == "share"}
    found: dict[str, list[DeviceSeries]] = {}
    for line in lines:
        identity = slices.get(line.device_id, line.device_id)
        if identity not in shared:
            found.setdefault(identity, []).append(replace(line, device_id=identity))
    return [_one_line(same) for _, same in sorted(found.items())]


def share_id(uuid: str, pod: str | None) -> str:
    """The id of a pod's share of a time-sliced card."""
    return f"{uuid}/{pod or 'this machine'}"


def slice_id(card: str, gpu_instance: str | int) -> str:
    """The id of a MIG slice whose own UUID a source does not tell."""
    return f"{card}/gi-{gpu_instance}"


def _as_share(device: Device, own_pod: str | None) -> Device:
    """What NVML says of a card that the exporter calls shared: of this pod it knows the processes' memory alone."""
    pod = device.pod or own_pod
    reading = None
    if device.reading is not None and device.processes:
        sizes = [process.memory_bytes for process in device.processes]
        memory = None if None in sizes else sum(size for size in sizes if size is not None)
        reading = Reading(at=device.reading.at, memory_bytes=memory)
    return replace(device, kind="share", id=share_id(device.uuid, pod), pod=pod, reading=reading, problem=SHARED)


def _slices(devices: Iterable[Device]) -> dict[str, str]:
    """The slices' own ids, by the ids of sources that tell of a card and an instance alone."""
    return {
        slice_id(device.parent_uuid, device.gpu_instance): device.id
        for device in devices
        if device.kind == "slice" and device.parent_uuid is not None and device.gpu_instance is not None
    }


def _one(identity: str, same: Sequence[Device]) -> Device:
    ordered = sorted(same, key=lambda device: (_ORDER.index(device.source), _age(device)))
    first, rest = ordered[0], ordered[1:]
    if not rest:
        return first if first.id == identity else replace(first, id=identity)
    holder = next((device for device in ordered if device.pod is not None), first)
    kept: dict[str, Any] = {name: getattr(holder, name) for name in _HELD}
    for name in _FILLED:
        kept[name] = next((value for device in ordered if (value := getattr(device, name)) not in (None, "")), None)
    reading = _reading([device.reading for device in ordered if device.reading is not None])
    source = min(ordered, key=_age).source
    return replace(
        first,
        **kept | {"id": identity, "name": kept["name"] or ""},
        processes=next((device.processes for device in ordered if device.processes is not None), None),
        reading=reading,
        source=source,
        also=tuple(dict.fromkeys(device.source for device in ordered if device.source != source)),
        problem=_problem(ordered, reading),
    )


def _age(device: Device) -> float:
    return -device.reading.at if device.reading is not None else float("inf")


def _reading(readings: Sequence[Reading]) -> Reading | None:
    """The newest, and what it lacks from those of about its time, newer ones first."""
    if not readings:
        return None
    newest, *older = sorted(readings, key=lambda reading: -reading.at)
    for other in older:
        if newest.at - other.at > TOGETHER_SECONDS:
            break
        lacking = [each.name for each in fields(Reading) if getattr(newest, each.name) is None]
        newest = replace(newest, **{name: getattr(other, name) for name in lacking})
    return newest


def _problem(same: Sequence[Device], reading: Reading | None) -> str | None:
    if any(device.kind == "share" for device in same):
        return SHARED
    if reading is not None and reading.engine is not None and reading.memory_bytes is not None:
        return None
    return next((device.problem for device in same if device.problem), None)


def _one_line(same: Sequence[DeviceSeries]) -> DeviceSeries:
    lasts = {line.pod: max((reading.at for reading in line.readings), default=0.0) for line in same if line.pod}
    pod = max(lasts, key=lambda name: (lasts[name], name), default=None)
    first, *others = sorted(
        (line for line in same if line.pod in (None, pod)), key=lambda line: _ORDER.index(line.source)
    )
    readings = by_time(first.readings)
    for other in others:
        beside = by_time(other.readings)
        if not readings:
            readings = beside
            continue
        start, end = readings[0].at, readings[-1].at
        before = [reading for reading in beside if reading.at < start]
        readings = [*before, *readings, *(reading for reading in beside if reading.at > end)]
    rank = next((line.rank for line in (first, *others) if line.rank is not None), None)
    total = next((line.memory_total_bytes for line in (first, *others) if line.memory_total_bytes is not None), None)
    return replace(first, readings=readings, rank=rank, pod=pod, memory_total_bytes=total)
