"""What readings mean: a device that is held and gets no work, waits for its data, or waits for other ranks.

Pure: it knows readings and by what name a device is held; nothing of sources, prices or how a job stands. Nothing is
said from what is not known: a reading without a figure, or a gap, ends what can be judged.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal

from windlass.contract.gpus import GpuAlarm
from windlass.metrics.averaging import by_time, mean
from windlass.metrics.ranks import spread, straggler
from windlass.metrics.reading import Device, DeviceSeries, Reading

__all__ = ["Holding", "Settings", "Verdicts", "alarms", "idle_since", "judge", "spread", "straggler"]

_STEPS = 10
"""An alarm's time is judged in so many steps: a loader that stalls lets a burst through now and then."""
_LEAST_READINGS = 3
"""From fewer nobody can say that it was so all the time."""
_NOTHING = 0.005
"""Shown as 0 %."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """When to say what."""

    idle_threshold: float = 0.05
    """Below this part of the time a device is not used, 0 to 1."""
    alarm_seconds: float = 600.0
    """How long it must be so."""
    input_bound_threshold: float = 0.3
    """Below this a device computes little, where much comes in."""
    pcie_high: float = 1e9
    """Bytes per second over PCIe that are much: a sixteenth of what 16 lanes of generation 3 carry one way."""
    busy_threshold: float = 0.5
    """From this on a device is at work."""
    polling_dram: float = 0.02
    """A kernel that runs and moves less memory than this waits in a collective: NCCL's kernels poll."""
    longest_gap_seconds: float = 90.0
    """Readings farther apart leave a gap: three scrapes of 30 s."""

    @property
    def gap_seconds(self) -> float:
        """What is a gap; a short alarm needs readings that are close together."""
        return min(self.longest_gap_seconds, self.alarm_seconds / 2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """Who holds a device."""

    job_id: str | None = None
    """None: a notebook server, or nobody that is known."""
    name: str = ""
    """The job's, as a person knows it: `resnet`."""
    rank: int | None = None
    since: float | None = None
    """POSIX seconds; what the device did before is not this holder's. None: not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Window:
    """One device over an alarm's time."""

    device: Device
    holding: Holding
    readings: Sequence[Reading]
    engine: float
    steps: tuple[float, ...]
    """The engine's means, step by step."""
    pcie: float | None
    """Asked of those alone that compute little."""
    dram: float | None

    def below(self, threshold: float) -> bool:
        """All the time, step by step."""
        return max(self.steps) < threshold

    def polls(self, settings: Settings) -> bool:
        """A kernel runs all the time, and it is known that it moves no memory."""
        return (
            min(self.steps) >= settings.busy_threshold and self.dram is not None and self.dram < settings.polling_dram
        )

    def works(self, settings: Settings) -> bool:
        """It is busy, and not known to wait."""
        return self.engine >= settings.busy_threshold and not self.polls(settings)

    def beside(self, other: _Window) -> bool:
        """Whether the other is of another rank of the same job. One rank's own further device is not."""
        own, its = self.holding, other.holding
        return (
            own.job_id is not None
            and own.job_id == its.job_id
            and None not in (own.rank, its.rank)
            and (own.rank != its.rank)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Verdict:
    kind: Literal["idle", "input-bound", "waiting"]
    since: float
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdicts:
    """What is to be told, and of how much that was found out."""

    alarms: Sequence[GpuAlarm] = ()
    judged: frozenset[str] = frozenset()
    """Ids of devices of which enough is known, whether there is something to tell of them or not."""


def idle_since(
    readings: Iterable[Reading],
    *,
    threshold: float,
    now: float | None = None,
    held_since: float | None = None,
    least_seconds: float = 60.0,
    longest_gap_seconds: float = 90.0,
) -> float | None:
    """Since when (POSIX seconds) a device has not been used; None: it is used, or that is not known.

    Args:
        readings: in any order; two of one moment count as the busier.
        threshold: part of the time, 0 to 1, below which it is not used.
        now: POSIX seconds; when given, a last reading more than a gap ago says nothing of now.
        held_since: POSIX seconds; what it did before is not its holder's.
        least_seconds: a shorter pause is none.
        longest_gap_seconds: readings farther apart say nothing of the time between.
    """
    ordered = by_time(_held(readings, since=held_since))
    if not ordered or (now is not None and now - ordered[-1].at > longest_gap_seconds):
        return None
    since: float | None = None
    for reading in reversed(ordered):
        apart = since is not None and since - reading.at > longest_gap_seconds
        if apart or reading.engine is None or reading.engine >= threshold:
            break
        since = reading.at
    return since if since is not None and ordered[-1].at - since >= least_seconds else None


def alarms(
    devices: Iterable[Device],
    histories: Iterable[DeviceSeries],
    settings: Settings,
    ranks: Mapping[str, Holding],
    *,
    now: float,
) -> list[GpuAlarm]:
    """The alarms of `judge`."""
    return list(judge(devices, histories, settings, ranks, now=now).alarms)


def judge(
    devices: Iterable[Device],
    histories: Iterable[DeviceSeries],
    settings: Settings,
    ranks: Mapping[str, Holding],
    *,
    now: float,
) -> Verdicts:
    """What should be told: devices that did little during the whole of the alarm's time. Costs are the caller's to add.

    Args:
        devices: as they are now.
        histories: their readings; of a device without them, or with gaps in them, nothing is said.
        settings: thresholds and times.
        ranks: by device id, who holds it; ranks of one job are judged against each other.
        now: POSIX seconds.
    """
    lines = {line.device_id: line for line in histories}
    windows = [
        window
        for device in devices
        if device.id in lines
        and (window := _window(device, ranks.get(device.id, Holding()), lines[device.id], settings, now=now))
    ]
    found = []
    for window in windows:
        others = [other for other in windows if window.beside(other)]
        verdict = _polling(window, others, settings, now=now) or _low(window, others, settings, now=now)
        if verdict is not None:
            found.append(_alarm(window, verdict, now=now))
    return Verdicts(
        alarms=sorted(found, key=lambda alarm: alarm.id), judged=frozenset(window.device.id for window in windows)
    )


def _window(device: Device, holding: Holding, line: DeviceSeries, settings: Settings, *, now: float) -> _Window | None:
    readings = by_time(_held(line.readings, since=holding.since))
    start, gap = now - settings.alarm_seconds, settings.gap_seconds
    inside = [reading for reading in readings if start < reading.at <= now]
    if len(inside) < _LEAST_READINGS or now - inside[-1].at > gap or readings[0].at > start:
        return None
    end = inside[-1].at
    length = (end - start) / _STEPS
    steps = [
        mean(readings, _engine, start=start + n * length, end=start + (n + 1) * length, longest_gap_seconds=gap)
        for n in range(_STEPS)
    ]
    known = [step for step in steps if step is not None]
    if len(known) < len(steps):
        return None
    is_low = max(known) < max(settings.idle_threshold, settings.input_bound_threshold)
    return _Window(
        device=device,
        holding=holding,
        readings=readings,
        engine=statistics.fmean(known),
        steps=tuple(known),
        pcie=mean(readings, _pcie, start=start, end=end, longest_gap_seconds=gap) if is_low else None,
        dram=mean(readings, _dram, start=start, end=end, longest_gap_seconds=gap),
    )


def _polling(window: _Window, others: Sequence[_Window], settings: Settings, *, now: float) -> _Verdict | None:
    """A device at 100 % that only polls for other ranks: what a utilisation alone takes for work."""
    slower = [other for other in others if other.below(settings.idle_threshold) or _moves(other, settings)]
    if not slower or not window.polls(settings):
        return None
    other = min(slower, key=lambda each: each.engine)
    why = f"and moves no data while rank {other.holding.rank} is at {_percent(other.engine)}: it waits for other ranks."
    return _Verdict(kind="waiting", since=now - settings.alarm_seconds, why=why)


def _low(window: _Window, others: Sequence[_Window], settings: Settings, *, now: float) -> _Verdict | None:
    start = now - settings.alarm_seconds
    if window.pcie is not None and window.pcie >= settings.pcie_high:
        if not window.below(settings.input_bound_threshold):
            return None
        since = _since(window, settings.input_bound_threshold, settings, start=start)
        why = f"while {window.pcie / 1e9:.1f} GB/s go over PCIe: data loader?"
        return _Verdict(kind="input-bound", since=since, why=why)
    if not window.below(settings.idle_threshold):
        return None
    busy = [other for other in others if other.works(settings)]
    if busy:
        other = max(busy, key=lambda each: each.engine)
        why = f"while rank {other.holding.rank} is at {_percent(other.engine)}: it waits for other ranks."
        return _Verdict(kind="waiting", since=start, why=why)
    why = ": data loader?" if window.engine >= _NOTHING else ": no work comes to it."
    if any(other.polls(settings) for other in others):
        why = "and the other ranks wait for it: data loader?"
    return _Verdict(kind="idle", since=_since(window, settings.idle_threshold, settings, start=start), why=why)


def _since(window: _Window, threshold: float, settings: Settings, *, start: float) -> float:
    """How far back it was so already, as long as that is known."""
    length = settings.alarm_seconds / _STEPS
    since, oldest = start, window.readings[0].at
    while since - length >= oldest:
        value = mean(
            window.readings, _engine, start=since - length, end=since, longest_gap_seconds=settings.gap_seconds
        )
        if value is None or value >= threshold:
            break
        since -= length
    return since


def _alarm(window: _Window, verdict: _Verdict, *, now: float) -> GpuAlarm:
    holding, device = window.holding, window.device
    minutes = max(1, int((now - verdict.since) // 60))
    gap = "" if verdict.why.startswith(":") else " "
    message = f"{_subject(device, holding)} is at {_percent(window.engine)} for {minutes} min{gap}{verdict.why}"
    return GpuAlarm(
        id=f"{verdict.kind}:{device.id}",
        kind=verdict.kind,
        device_id=device.id,
        job_id=holding.job_id,
        rank=holding.rank,
        since=datetime.fromtimestamp(verdict.since, tz=timezone.utc),
        engine=window.engine,
        message=message,
    )


def _subject(device: Device, holding: Holding) -> str:
    what = device.name if device.index is None else f"GPU {device.index}"
    if device.kind == "slice":
        place = "" if device.index is None else f" {device.index}"
        what = f"MIG slice{place} ({device.mig_profile or device.uuid})"
    if not holding.name:
        return what
    rank = "" if holding.rank is None else f" (rank {holding.rank})"
    return f"{what} of job {holding.name}{rank}"


def _held(readings: Iterable[Reading], *, since: float | None) -> Iterable[Reading]:
    return readings if since is None else (reading for reading in readings if reading.at >= since)


def _moves(window: _Window, settings: Settings) -> bool:
    return window.dram is not None and window.dram >= settings.polling_dram


def _percent(fraction: float) -> str:
    return f"{fraction * 100:.0f} %"


def _engine(reading: Reading) -> float | None:
    return reading.engine


def _pcie(reading: Reading) -> float | None:
    return reading.pcie_bytes_per_second


def _dram(reading: Reading) -> float | None:
    return reading.dram
