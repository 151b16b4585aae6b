"""GPUs as they are used now and were used before: of this machine, and of the user's pods.

What is not known is null, with a condition that says why; it is never 0. Fractions are 0 to 1.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from windlass.contract.base import Timestamp, WireModel

GpuSource = Literal["nvml", "dcgm", "job"]
"""NVML on this machine; the DCGM exporter by Prometheus; the sampler inside a job's ranks."""

GpuConditionCode = Literal["no-driver", "no-permission", "no-devices", "not-configured", "away", "partial", "failed"]
"""What kind of thing a source cannot say; the message says it in words."""


class GpuOwner(WireModel):
    """Who uses a device, named as a person knows it."""

    kind: Literal["kernel", "job", "server", "other"]
    """server: a pod that is a notebook server; other: a process that is nobody's here."""
    label: str
    """`train.ipynb`, `resnet, rank 1`, or the process' name."""
    notebook: str | None = None
    """Its path below the server's root."""
    job_id: str | None = None
    rank: int | None = None
    pod: str | None = None
    pid: int | None = None
    memory_bytes: int | None = None


class GpuReading(WireModel):
    """One device at one moment."""

    at: float
    """POSIX seconds."""
    engine: float | None = None
    """Part of the time that a kernel ran: DCGM's GR_ENGINE_ACTIVE where there is one, else NVML's utilisation."""
    memory_bytes: int | None = None
    power_watts: float | None = None
    temperature_celsius: float | None = None
    sm_clock_mhz: float | None = None
    dram: float | None = None
    """Part of the time that the memory interface was busy."""
    tensor: float | None = None
    """Part of the time that tensor cores worked."""
    pcie_bytes_per_second: float | None = None
    """Both ways together."""
    xid: int | None = None
    """The driver's last error; 0 for none."""


class GpuDevice(WireModel):
    """A card, a MIG slice of one, or a share of a time-sliced one."""

    id: str
    """Stable: the UUID, and for a share the pod besides."""
    uuid: str
    parent_uuid: str | None = None
    """The card that a slice is of."""
    kind: Literal["card", "slice", "share"] = "card"
    name: str
    """The product, as `NVIDIA A100-SXM4-40GB`."""
    index: int | None = None
    node: str | None = None
    """null: this machine."""
    mig_profile: str | None = None
    memory_total_bytes: int | None = None
    job_id: str | None = None
    """The job that holds it, where one does."""
    rank: int | None = None
    pod: str | None = None
    owners: list[GpuOwner] = Field(default_factory=list)
    owners_known: bool = True
    """False where nobody can say who uses it: `owners` is then no proof that nobody does."""
    usd_per_hour: float | None = None
    """What it costs whoever holds it."""
    idle_since: Timestamp | None = None
    """Since when it was held and not used, by the configured threshold; null: it is used, or that is not known."""
    now: GpuReading | None = None
    sources: list[GpuSource] = Field(default_factory=list)
    problem: str | None = None
    """Why something of this device is not known, as a sentence."""


class GpuCondition(WireModel):
    """What a source cannot say at all, and why."""

    source: GpuSource
    code: GpuConditionCode
    message: str
    """A sentence that says what to do where something can be done."""


class GpuAlarm(WireModel):
    """A device that is held and does little, for long enough to be told."""

    id: str
    kind: Literal["idle", "input-bound", "waiting"]
    """idle: no work comes; input-bound: data comes in and little is computed; waiting: it waits for other ranks."""
    device_id: str
    job_id: str | None = None
    rank: int | None = None
    since: Timestamp
    engine: float
    """Mean over that time."""
    usd_per_hour: float | None = None
    message: str
    """`GPU 3 of job resnet is at 4 % for 10 min: data loader?`"""


class Spread(WireModel):
    """Least, mean and most over the ranks of a job; of those that are known."""

    least: float | None = None
    mean: float | None = None
    most: float | None = None
    known: int = 0


class JobGpuGroup(WireModel):
    """The devices of one job, together."""

    job_id: str
    name: str
    devices: int
    engine: Spread
    memory_fraction: Spread
    straggler_rank: int | None = None
    """A rank that stands out by far from the others."""
    usd_per_hour: float | None = None
    usd: float | None = None
    """So far."""


class PodUse(WireModel):
    """What one of the user's pods uses beside GPUs, as the cluster's own metrics tell it."""

    pod: str
    job_id: str | None = None
    rank: int | None = None
    """null: not known, or of several ranks."""
    cpu_cores: float | None = None
    """In use; over all its containers."""
    memory_bytes: int | None = None
    """In use, that cannot be given back; over all its containers."""


class ServerCost(WireModel):
    """What the notebook server itself holds, and takes, whether anything runs in it or not."""

    name: str
    """Of a named server; empty: the user's default one."""
    currency: str = "USD"
    started_at: Timestamp | None
    profile: str | None = None
    """As the hub's catalogue calls it."""
    usd_per_hour: float | None
    usd: float | None
    """Since it was started."""
    gpu_hours: float | None
    """Hours of whole cards since it was started."""
    idle_gpu_hours: float | None
    idle_usd: float | None
    idle_fraction: float | None
    """Of the GPU time of which it is known whether it was used."""
    last_activity: Timestamp | None = None
    stops_at: Timestamp | None = None
    """When the hub stops it, should nobody use it until then; null where that is not known."""
    notes: list[str] = Field(default_factory=list)


class GpuSnapshot(WireModel):
    """All that the panel shows at one moment."""

    at: Timestamp
    devices: list[GpuDevice]
    groups: list[JobGpuGroup]
    pods: list[PodUse] = Field(default_factory=list)
    """Told anew with each whole snapshot alone."""
    alarms: list[GpuAlarm]
    conditions: list[GpuCondition]
    server: ServerCost | None = None
    engine: float | None = None
    """Mean over the devices that are known."""
    usd_per_hour: float | None = None
    """Of all that is held now: jobs and server; null where a part of it is not known."""
    usd_note: str | None = None


class GpuLine(WireModel):
    """One device's readings over time. Lists run along `GpuHistory.times`; gaps are null."""

    device_id: str
    label: str
    job_id: str | None = None
    rank: int | None = None
    memory_total_bytes: int | None = None
    engine: list[float | None] = Field(default_factory=list)
    memory_bytes: list[float | None] = Field(default_factory=list)
    power_watts: list[float | None] = Field(default_factory=list)
    source: GpuSource


class GpuHistory(WireModel):
    """Readings over time, thinned to at most the points asked for: each stands for the mean since the one before."""

    start: float
    end: float
    step_seconds: float
    times: list[float]
    """POSIX seconds."""
    lines: list[GpuLine]
    usd: list[float | None] = Field(default_factory=list)
    """What a job had cost by then; empty where it is no job's history."""
    conditions: list[GpuCondition] = Field(default_factory=list)


class UsageSummary(WireModel):
    """What a job did with what it held."""

    seconds: float
    """Of its running time that is covered by readings."""
    covered: float
    """As a part of its running time, 0 to 1."""
    engine_mean: float | None = None
    engine_peak: float | None = None
    idle_fraction: float | None = None
    memory_peak_bytes: int | None = None
    """Of the device that used most."""
    memory_total_bytes: int | None = None
    cpu_cores_mean: float | None = None
    cpu_cores_peak: float | None = None
    host_memory_peak_bytes: int | None = None
    devices: int = 0


class JobGpus(WireModel):
    """A job's devices over its life."""

    job_id: str
    live: bool
    history: GpuHistory
    usage: UsageSummary | None = None
    alarms: list[GpuAlarm] = Field(default_factory=list)
