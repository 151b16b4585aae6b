"""A job's lines as readings by device, with its gaps: what nobody looked at is a reading that knows nothing.

A reading stands for the time since the one before, wherever readings are averaged; so before each line that does not
follow on the last one a reading without figures ends the time that is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from windlass.metrics.reading import Device, DeviceSeries, Reading
from windlass.metrics.recorded.lines import DeviceUse, Recorded, UseLine

_FOLLOWS_SECONDS = 3.0
"""Lines that are no farther apart follow on each other: a look takes its time."""


@dataclass(kw_only=True)
class _Gathered:
    last: DeviceUse
    readings: list[Reading] = field(default_factory=list)


def devices_of(recorded: Recorded, *, pods: Mapping[int, str] | None = None) -> list[Device]:
    """The devices that a job had, without readings. `pods`: names of pods, by rank."""
    found: dict[str, Device] = {}
    for rank, lines in recorded.items():
        for line in lines:
            for use in line.devices:
                found[use.uuid] = device_of(use, pod=(pods or {}).get(rank))
    return list(found.values())


def series_of(recorded: Recorded, *, pods: Mapping[int, str] | None = None) -> list[DeviceSeries]:
    """Readings by device, oldest first, in the order of ranks. `pods`: names of pods, by rank."""
    found: list[DeviceSeries] = []
    for rank, lines in sorted(recorded.items()):
        gathered = _gather(lines)
        for uuid, each in gathered.items():
            found.append(
                DeviceSeries(
                    device_id=uuid,
                    uuid=uuid,
                    label=_label(each.last, machines=len(recorded), beside=len(gathered)),
                    readings=each.readings,
                    source="job",
                    pod=(pods or {}).get(rank),
                    rank=each.last.rank,
                    memory_total_bytes=each.last.memory_total_bytes,
                )
            )
    return found


def device_of(use: DeviceUse, *, pod: str | None, reading: Reading | None = None) -> Device:
    """A device as it was last seen."""
    return Device(
        id=use.uuid,
        uuid=use.uuid,
        name=use.name,
        source="job",
        kind="slice" if use.mig_profile else "card",
        parent_uuid=use.parent_uuid,
        gpu_instance=use.gpu_instance,
        index=None if use.mig_profile else use.index,
        mig_profile=use.mig_profile,
        memory_total_bytes=use.memory_total_bytes,
        pod=pod,
        reading=reading,
        problem=use.problem,
    )


def reading_of(use: DeviceUse, *, at: float) -> Reading:
    """What is known of a device at the end of a line's time."""
    return Reading(
        at=at,
        engine=use.engine,
        memory_bytes=use.memory_bytes,
        power_watts=use.power_watts,
        temperature_celsius=use.temperature_celsius,
        sm_clock_mhz=use.sm_clock_mhz,
        pcie_bytes_per_second=use.pcie_bytes_per_second,
    )


def _gather(lines: Sequence[UseLine]) -> dict[str, _Gathered]:
    found: dict[str, _Gathered] = {}
    known_until = float("-inf")
    for line in lines:
        began = line.at - line.seconds
        follows = began - known_until <= _FOLLOWS_SECONDS
        here = {use.uuid: use for use in line.devices}
        for uuid, use in here.items():
            each = found.setdefault(uuid, _Gathered(last=use))
            each.last = use
            if not follows or not each.readings:
                _add(each.readings, Reading(at=began))
            _add(each.readings, reading_of(use, at=line.at))
        for each in (each for uuid, each in found.items() if uuid not in here):
            _add(each.readings, Reading(at=line.at))
        known_until = line.at
    return found


def _add(readings: list[Reading], reading: Reading) -> None:
    """Clocks are set back now and then: a reading that is no later than the last one is left out."""
    if not readings or reading.at > readings[-1].at:
        readings.append(reading)


def _label(use: DeviceUse, *, machines: int, beside: int) -> str:
    """As a person knows it: by its rank where it is one's own, else by its number."""
    what = f"MIG {use.mig_profile}" if use.mig_profile else "GPU" if use.index is None else f"GPU {use.index}"
    if use.rank is None or (machines == 1 and beside == 1):
        return what
    return f"rank {use.rank}, {what}"


def problems_of(recorded: Recorded) -> list[str]:
    """The sentences that ranks left, each once: of machines and of devices, without those of slices that are well."""
    found: dict[str, None] = {}
    for lines in recorded.values():
        for line in lines:
            found.update(dict.fromkeys(_problems(line)))
    return list(found)


def _problems(line: UseLine) -> Iterable[str]:
    if line.problem:
        yield line.problem
    for use in line.devices:
        if use.problem:
            yield use.problem
