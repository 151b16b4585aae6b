"""One shape for what any source says of a GPU, so that merging, judging and showing never ask where it came from.

SI units, POSIX seconds, fractions from 0 to 1. What is not known is None, and a `Condition` or a device's `problem`
says why; it is never 0. Nothing here knows users, jobs, prices or the wire.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from windlass.contract.gpus import GpuConditionCode as ConditionCode
from windlass.contract.gpus import GpuSource as SourceName

__all__ = [
    "Condition",
    "ConditionCode",
    "Device",
    "DeviceKind",
    "DeviceSeries",
    "GpuSource",
    "Look",
    "PodUse",
    "Process",
    "Reading",
    "SourceName",
]

DeviceKind = Literal["card", "slice", "share"]
"""A whole card, a MIG slice of one, or a share of a time-sliced one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One device at one moment."""

    at: float
    """POSIX seconds."""
    engine: float | None = None
    """Part of the time that a kernel ran, 0 to 1."""
    memory_bytes: int | None = None
    power_watts: float | None = None
    temperature_celsius: float | None = None
    sm_clock_mhz: float | None = None
    dram: float | None = None
    """Part of the time that the memory interface was busy, 0 to 1."""
    tensor: float | None = None
    """Part of the time that tensor cores worked, 0 to 1."""
    pcie_bytes_per_second: float | None = None
    """Both ways together."""
    xid: int | None = None
    """The driver's last error; 0: none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """A process of this machine that holds a context on a device."""

    pid: int
    name: str
    """Of its executable; empty where that may not be read."""
    memory_bytes: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """A card, a slice of one, or a share of one, as one source sees it now."""

    id: str
    """Stable: the UUID, and for a share the pod besides."""
    uuid: str
    name: str
    """The product, as `NVIDIA A100-SXM4-40GB`."""
    source: SourceName
    kind: DeviceKind = "card"
    parent_uuid: str | None = None
    """The card that a slice is of."""
    index: int | None = None
    """Of the card, as `nvidia-smi` numbers it; of a slice: within its card."""
    node: str | None = None
    """None: this machine."""
    mig_profile: str | None = None
    """As `2g.10gb`."""
    gpu_instance: int | None = None
    """Of a slice, the id of its GPU instance: the exporter tells this and its card, NVML its UUID besides."""
    memory_total_bytes: int | None = None
    namespace: str | None = None
    pod: str | None = None
    container: str | None = None
    processes: tuple[Process, ...] | None = None
    """None: this source cannot say who uses it; empty: nobody does."""
    reading: Reading | None = None
    problem: str | None = None
    """Why something of this device is not known, as a sentence."""
    also: tuple[SourceName, ...] = ()
    """Other sources that told of it, after merging."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PodUse:
    """What a pod uses of its node beside GPUs, at one moment."""

    namespace: str
    pod: str
    at: float
    """POSIX seconds."""
    cpu_cores: float | None = None
    """Mean over the last scrapes."""
    memory_bytes: int | None = None
    """In use, that cannot be given back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """What a source cannot say at all, and why."""

    source: SourceName
    code: ConditionCode
    message: str
    """A sentence that says what to do where something can be done."""
    pods: tuple[str, ...] = ()
    """The pods that it names, where it names some."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """All that a source, or several merged, says at one moment."""

    at: float
    """POSIX seconds."""
    devices: tuple[Device, ...] = ()
    pods: tuple[PodUse, ...] = ()
    """Of the pods that a cluster's own metrics tell of."""
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceSeries:
    """One device's readings over time, oldest first."""

    device_id: str
    uuid: str
    label: str
    """As a person knows it: `GPU 0`, `rank 3, GPU 1`."""
    readings: Sequence[Reading]
    source: SourceName
    pod: str | None = None
    rank: int | None = None
    memory_total_bytes: int | None = None


@runtime_checkable
class GpuSource(Protocol):
    """Something that can be asked about GPUs. It never raises: what is wrong is a `Condition` of its answer."""

    @property
    def name(self) -> SourceName:
        """The kind of source, as readings name it."""
        ...

    @property
    def interval_seconds(self) -> float:
        """How often it is worth asking: what it answers changes no faster."""
        ...

    async def look(self) -> Look:
        """Say how the devices are used now."""
        ...

    async def history(self, *, start: float, end: float, step: float) -> Sequence[DeviceSeries]:
        """Readings from `start` to `end` (POSIX seconds), about one each `step` seconds; empty where it keeps none."""
        ...

    async def close(self) -> None:
        """Let go of what it holds; it may not be asked again."""
        ...
