"""The answer's series put together by device: every figure of one device, by the moment it was told for.

A value that no device can have is none: DCGM writes a huge number where it has nothing to say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from windlass.contract.hub import Metrics
from windlass.metrics.prometheus.fields import GPU_FIELDS, SAMPLED_AT
from windlass.metrics.reading import Reading

STALE_SECONDS = 150.0
"""Figures that were read longer ago than this are not those of now: two scrapes of a minute, and some."""
_MOST: Mapping[str, float] = {
    "fraction": 1.0,
    "bytes": 1e13,
    "watts": 1e5,
    "joules": 1e13,
    "celsius": 1e3,
    "megahertz": 1e5,
    "xid": 1e5,
    "bytes_per_second": 1e13,
    "posix_seconds": 1e11,
}
_AT_ONCE_SECONDS = 1.0
"""One scrape tells of all pods: what was read this close together was told together."""
_HANDED_OVER = 2
"""Points of a span at which a device may be told of for two pods: each stands for some time before it."""
_ROUNDING = 1.01
"""A counter that is read a little late tells a little more than all of the time."""


class Place(NamedTuple):
    """A device, or a part of one, and the pod that the exporter says holds it."""

    uuid: str
    """Of the card."""
    instance: str
    """Of a MIG slice, the id of its GPU instance; empty: the whole card."""
    namespace: str
    pod: str


@dataclass(kw_only=True)
class Figures:
    """What is told of one place."""

    place: Place
    labels: Mapping[str, str]
    values: dict[float, dict[str, float]] = field(default_factory=dict)
    """By moment (POSIX seconds), by name, in the names' units."""

    @property
    def is_slice(self) -> bool:
        """Whether it is a MIG slice."""
        return bool(self.place.instance)

    @property
    def moments(self) -> list[float]:
        """When something is told for, oldest first."""
        return sorted(self.values)

    def sampled_at(self, moment: float) -> float | None:
        """When what is told for that moment was read from the exporter, where that is known."""
        return self.values.get(moment, {}).get(SAMPLED_AT)

    def fresh(self, moment: float, *, stale_seconds: float) -> bool:
        """Whether what is told for a moment is not of long before it."""
        sampled = self.sampled_at(moment)
        if sampled is None:
            # Means go on for a while after the last sample, which is then too old for its time to be told.
            return not any(SAMPLED_AT in told for told in self.values.values())
        return moment - sampled <= stale_seconds

    def reading(self, moment: float) -> Reading:
        """The figures of that moment. Of a slice those of the card are left out: they are not its own."""
        told = self.values.get(moment, {})
        engine = told.get("gpu_engine_active")
        memory = told.get("gpu_memory_used")
        own = Reading(
            at=self.sampled_at(moment) or moment,
            engine=engine,
            memory_bytes=None if memory is None else round(memory),
            dram=told.get("gpu_memory_bandwidth_active"),
            tensor=told.get("gpu_tensor_active"),
        )
        if self.is_slice:
            return own
        xid = told.get("gpu_xid")
        return Reading(
            at=own.at,
            # The coarse figure knows kernels alone, as NVML's does; it is 0 for whatever runs in slices.
            engine=engine if engine is not None else told.get("gpu_utilization"),
            memory_bytes=own.memory_bytes,
            dram=own.dram,
            tensor=own.tensor,
            power_watts=told.get("gpu_power"),
            temperature_celsius=told.get("gpu_temperature"),
            sm_clock_mhz=told.get("gpu_sm_clock"),
            pcie_bytes_per_second=_sum(told, ("gpu_pcie_sent", "gpu_pcie_received")),
            xid=None if xid is None else round(xid),
        )

    def memory_total(self) -> int | None:
        """All of its memory, as of the last moment that tells it; older exporters count what is reserved as used."""
        for moment in reversed(self.moments):
            told = self.values[moment]
            total = _sum(told, ("gpu_memory_used", "gpu_memory_free"))
            if total is not None:
                return round(total + told.get("gpu_memory_reserved", 0.0))
        return None


def by_place(metrics: Metrics) -> list[Figures]:
    """The figures of all devices of an answer, by card, slice and pod."""
    found: dict[Place, Figures] = {}
    for item in metrics.items:
        gpu_field = GPU_FIELDS.get(item.name)
        if gpu_field is None:
            continue
        for line in item.series:
            place = _place(line.labels)
            if place is None:
                continue
            figures = found.setdefault(place, Figures(place=place, labels=line.labels))
            for at, value in line.points:
                sane = _sane(value, gpu_field.unit)
                if sane is not None:
                    figures.values.setdefault(at, {})[item.name] = sane
    cut = {place.uuid for place in found if place.instance}
    for figures in found.values():
        if figures.place.uuid in cut:
            # Of a card in MIG mode it reads 0, however busy its slices are.
            for told in figures.values.values():
                told.pop("gpu_utilization", None)
    order = sorted(found, key=lambda place: (place.uuid, place.instance, place.namespace, place.pod))
    return [found[place] for place in order]


def shared_places(all_figures: Sequence[Figures], *, nodes: Collection[str] = ()) -> set[Place]:
    """Those that several pods share, so that no pod's own figures are known.

    The exporter says so by its label `vgpu` where it was told to; else by naming several pods for one device; and the
    node is known to share its devices by what the cluster says of it.

    Args:
        all_figures: of a moment, without those of devices that have gone to another pod; or of a span.
        nodes: that share their devices.
    """
    return {
        figures.place
        for same in _by_device(all_figures)
        for figures in same
        if figures.labels.get("vgpu")
        or figures.labels.get("Hostname") in nodes
        or any(_together(figures, other) for other in same if other is not figures)
    }


def followed(all_figures: Sequence[Figures]) -> set[Place]:
    """Places of which the device has gone to another pod since: their last figures are still told for a while."""
    gone = set()
    for same in _by_device(all_figures):
        last = {figures.place: at for figures in same if (at := _last_sampled(figures)) is not None}
        gone |= {place for place, at in last.items() if at < max(last.values()) - _AT_ONCE_SECONDS}
    return gone


def _place(labels: Mapping[str, str]) -> Place | None:
    uuid = labels.get("UUID", "")
    if not uuid:
        return None
    instance = labels.get("GPU_I_ID") or labels.get("GPU_I_PROFILE", "")
    return Place(uuid=uuid, instance=instance, namespace=labels.get("namespace", ""), pod=labels.get("pod", ""))


def _sane(value: float | None, unit: str) -> float | None:
    if value is None or value < 0 or value > _MOST[unit] * _ROUNDING:
        return None
    return min(value, _MOST[unit])


def _sum(told: Mapping[str, float], names: Iterable[str]) -> float | None:
    values = [told.get(name) for name in names]
    return None if None in values else sum(value for value in values if value is not None)


def _by_device(all_figures: Iterable[Figures]) -> Iterable[list[Figures]]:
    found: dict[tuple[str, str], list[Figures]] = {}
    for figures in all_figures:
        found.setdefault((figures.place.uuid, figures.place.instance), []).append(figures)
    return found.values()


def _together(one: Figures, other: Figures) -> bool:
    """Whether one did not follow the other: of a span, they were read at the same times more than once or twice."""
    if max(len(one.values), len(other.values)) <= 1:
        return True
    common = set(one.values) & set(other.values)
    alike = sum(_alike(one.sampled_at(moment), other.sampled_at(moment)) for moment in common)
    # Of a span that has just begun there are few points: then each of one's is the other's too.
    return alike > _HANDED_OVER or alike == min(len(one.values), len(other.values)) == _HANDED_OVER


def _alike(one: float | None, other: float | None) -> bool:
    return one is None or other is None or abs(one - other) <= _AT_ONCE_SECONDS


def _last_sampled(figures: Figures) -> float | None:
    moments = figures.moments
    return figures.sampled_at(moments[-1]) if moments else None
