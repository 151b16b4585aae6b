"""All that the panel shows at one moment, from what was looked up: no question is asked here."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from windlass.contract.gpus import GpuAlarm, GpuDevice, GpuSnapshot, JobGpuGroup, PodUse
from windlass.metrics.ranks import spread, straggler
from windlass.metrics.reading import Device, Look
from windlass.services.gpus.money import JobRate, Rates
from windlass.services.gpus.who import Who
from windlass.services.gpus.wire import moment, wire_condition, wire_reading


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What the last minutes mean."""

    idle_since: Mapping[str, float] = field(default_factory=dict)
    """By device id, POSIX seconds."""
    alarms: Sequence[GpuAlarm] = ()


def compose(look: Look, *, who: Mapping[str, Who], judged: Judged, rates: Rates) -> GpuSnapshot:
    """One answer.

    Args:
        look: the devices now.
        who: who holds and uses each, by id; of all of them.
        judged: what the last minutes mean.
        rates: what things cost.
    """
    prices = {device.id: rates.device_usd_per_hour(device) for device in look.devices}
    devices = [_device(device, who[device.id], judged, prices[device.id]) for device in look.devices]
    return GpuSnapshot(
        at=moment(look.at),
        devices=devices,
        groups=_groups(devices, who, rates),
        pods=_pods(look, devices),
        alarms=[alarm.model_copy(update={"usd_per_hour": prices.get(alarm.device_id)}) for alarm in judged.alarms],
        conditions=[wire_condition(condition) for condition in look.conditions],
        server=rates.server,
        engine=mean_engine(devices),
        usd_per_hour=rates.usd_per_hour,
        usd_note=rates.note,
    )


def mean_engine(devices: Sequence[GpuDevice]) -> float | None:
    """Mean over the devices whose use is known; None where none is."""
    known = [device.now.engine for device in devices if device.now is not None and device.now.engine is not None]
    return round(statistics.fmean(known), 3) if known else None


def _device(device: Device, who: Who, judged: Judged, usd_per_hour: float | None) -> GpuDevice:
    idle = judged.idle_since.get(device.id) if who.is_held else None
    return GpuDevice(
        id=device.id,
        uuid=device.uuid,
        parent_uuid=device.parent_uuid,
        kind=device.kind,
        name=device.name,
        index=device.index,
        node=device.node,
        mig_profile=device.mig_profile,
        memory_total_bytes=device.memory_total_bytes,
        job_id=who.holding.job_id,
        rank=who.holding.rank,
        pod=device.pod,
        owners=list(who.owners),
        owners_known=who.owners_known,
        usd_per_hour=usd_per_hour,
        idle_since=None if idle is None else moment(idle),
        now=None if device.reading is None else wire_reading(device.reading),
        sources=[device.source, *device.also],
        problem=device.problem,
    )


def _pods(look: Look, devices: Sequence[GpuDevice]) -> list[PodUse]:
    """With the job that holds a device in it, and its rank where it is one."""
    jobs = {device.pod: device.job_id for device in devices if device.pod is not None}
    ranks: dict[str | None, set[int | None]] = defaultdict(set)
    for device in devices:
        ranks[device.pod].add(device.rank)
    return [
        PodUse(
            pod=use.pod,
            job_id=jobs.get(use.pod),
            rank=next(iter(ranks[use.pod])) if len(ranks[use.pod]) == 1 else None,
            cpu_cores=use.cpu_cores,
            memory_bytes=use.memory_bytes,
        )
        for use in look.pods
    ]


def _groups(devices: Sequence[GpuDevice], who: Mapping[str, Who], rates: Rates) -> list[JobGpuGroup]:
    held: dict[str, list[GpuDevice]] = defaultdict(list)
    for device in devices:
        if device.job_id is not None:
            held[device.job_id].append(device)
    return [
        _group(job_id, name=who[its[0].id].holding.name, devices=its, rate=rates.jobs.get(job_id, JobRate()))
        for job_id, its in held.items()
    ]


def _group(job_id: str, *, name: str, devices: Sequence[GpuDevice], rate: JobRate) -> JobGpuGroup:
    by_rank: dict[int, list[float | None]] = defaultdict(list)
    for device in devices:
        if device.rank is not None:
            by_rank[device.rank].append(device.now.engine if device.now else None)
    return JobGpuGroup(
        job_id=job_id,
        name=name,
        devices=len(devices),
        engine=spread(device.now.engine if device.now else None for device in devices),
        memory_fraction=spread(_memory_fraction(device) for device in devices),
        straggler_rank=straggler({rank: _mean(values) for rank, values in by_rank.items()}),
        usd_per_hour=rate.usd_per_hour,
        usd=rate.usd,
    )


def _memory_fraction(device: GpuDevice) -> float | None:
    if device.now is None or device.now.memory_bytes is None or not device.memory_total_bytes:
        return None
    return round(device.now.memory_bytes / device.memory_total_bytes, 3)


def _mean(values: Sequence[float | None]) -> float | None:
    """Of one rank's devices; None where one of them is not known."""
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if len(known) == len(values) else None
