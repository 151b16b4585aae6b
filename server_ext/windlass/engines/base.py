"""What an engine is: the seam between "a job" and where it runs.

Services know only this module; local processes and Kubernetes operators are behind it. Plain dataclasses, so that a
supervisor process can load them in milliseconds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:  # supervisors load this module, and must not load pydantic
    from windlass.contract.cluster import ClusterOffers, JobPlacement
    from windlass.contract.preview import Finding
    from windlass.costs.holding import Held, Holding


class State(str, Enum):
    """A job's state as an engine sees it; the same words as `contract.jobs.JobState`."""

    QUEUED = "queued"
    PENDING = "pending"
    RUNNING = "running"
    RESTARTING = "restarting"
    SUSPENDED = "suspended"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"

    @property
    def is_final(self) -> bool:
        """Whether nothing will change any more."""
        return self in (State.SUCCEEDED, State.FAILED, State.STOPPED, State.LOST)


@dataclass(frozen=True, kw_only=True)
class JobSpec:
    """All that an engine needs to run a job; `id` is the idempotency of the engine: the same id is never run twice."""

    id: str
    name: str
    owner: str
    notebook: str
    bundle_path: Path
    """The tar.gz, named by its sha256; the engine does not change it."""
    bundle_sha256: str
    python: str
    """Interpreter that runs it (local), or empty (the image's own)."""
    environment: dict[str, str] = field(default_factory=dict)
    """Environment variables of the kernel spec and of tracking; never secrets that the user did not set themselves."""
    kind: str | None = None
    workers: int = 1
    processes_per_worker: int = 1
    gpus_per_worker: int = 0
    time_limit_seconds: int | None = None
    retries: int = 0
    cluster: dict[str, Any] | None = None
    """What workers are given in a cluster: contract.cluster.ClusterOptions as JSON."""
    imports: tuple[str, ...] = ()
    """Distributions (`name==version` where known) that the code imports, for an image that may lack them."""
    files_bytes: int | None = None
    """What the bundle's files have in all before they are packed, in a preview, which packs none; else None."""
    created_at: float = 0.0
    """POSIX seconds; the order of the queue."""

    @property
    def world_size(self) -> int:
        """How many processes (ranks) there are in all."""
        return self.workers * self.processes_per_worker


@dataclass(frozen=True, kw_only=True)
class JobStatus:
    """A job as its engine sees it now. Times are POSIX seconds; what is not known is None."""

    job_id: str
    state: State
    reason: str = ""
    kind: str | None = None
    queue_position: int | None = None
    restarts: int = 0
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    progress: dict[str, Any] | None = None
    """As contract.jobs.JobProgress."""
    error: dict[str, Any] | None = None
    """As contract.jobs.JobError: the first failing rank's, not of those killed after it."""
    notices: tuple[str, ...] = ()
    runs: tuple[dict[str, Any], ...] = ()
    """MLflow runs the job has reported: run_id, experiment_id, tracking_uri, name, own (bool)."""
    has_notebook: bool = False
    removed: bool = False
    """The engine has forgotten the job (after `remove`)."""


@dataclass(frozen=True, kw_only=True)
class EngineCheck:
    """Whether an engine can be used, and if not, what to do."""

    available: bool
    message: str | None = None
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EngineCapacity:
    """What an engine has and what is free; None where unknown."""

    cpus: int | None = None
    cpus_free: int | None = None
    gpus: int | None = None
    gpus_free: int | None = None
    running: int | None = None
    queued: int | None = None


@dataclass(frozen=True, kw_only=True)
class LogPiece:
    """Output of one rank (None: the launcher), as text, with the time it was seen (POSIX seconds)."""

    rank: int | None
    time: float
    text: str


@dataclass(frozen=True, kw_only=True)
class LogSlice:
    """A part of a job's output. Offsets are bytes, and stay valid across restarts of the server."""

    offset: int
    next_offset: int
    size_bytes: int
    complete: bool
    pieces: tuple[LogPiece, ...]


@dataclass(frozen=True, kw_only=True)
class LaunchPlan:
    """What would be started: for the preview."""

    kind: str
    command: tuple[str, ...]
    manifest: dict[str, Any] | None = None
    """The job's own object, in a cluster."""
    manifests: tuple[dict[str, Any], ...] = ()
    """All objects that would be made, in the order they are made."""
    kind_reason: str | None = None
    """Why this kind was chosen."""
    findings: tuple[Finding, ...] = ()
    """What stands in the way, or may, beyond what the code says itself."""
    notices: tuple[str, ...] = ()


class Engine(Protocol):
    """Runs jobs. All methods are safe to call again: a second submit, stop or remove of the same id changes nothing."""

    name: str
    display_name: str

    async def check(self) -> EngineCheck:
        """Whether jobs can be run here now."""
        ...

    async def capacity(self) -> EngineCapacity:
        """What there is and what is free."""
        ...

    async def plan(self, spec: JobSpec) -> LaunchPlan:
        """What `submit` would start. Raises InvalidRequest when the job can never run here (and so does submit)."""
        ...

    async def submit(self, spec: JobSpec) -> None:
        """Take the job over. After this returns it runs (or waits) whatever happens to this process."""
        ...

    async def adopt(self) -> list[JobStatus]:
        """All jobs this engine knows, after a restart of the server, with their present status."""
        ...

    async def status(self, job_id: str) -> JobStatus | None:
        """One job's present status, read afresh; None when unknown."""
        ...

    def watch(self) -> AsyncIterator[JobStatus]:
        """Statuses as they change, for ever; begun before `adopt` nothing is missed. One consumer."""
        ...

    async def logs(self, job_id: str, *, rank: int | None, offset: int, limit_bytes: int) -> LogSlice:
        """Output from `offset` on: of one rank, or of all merged (None). Raises NotFound."""
        ...

    async def executed_notebook(self, job_id: str) -> bytes | None:
        """The executed notebook as it is now; None before there is one."""
        ...

    async def notebook_version(self, job_id: str) -> str | None:
        """A token that changes when the executed notebook does; cheap."""
        ...

    async def stop(self, job_id: str, *, reason: str) -> None:
        """End the job for good and every process of it; returns when that is under way."""
        ...

    async def remove(self, job_id: str) -> None:
        """Forget a job that has ended, with its files. Raises Conflict while it lives."""
        ...

    async def close(self) -> None:
        """Let go of everything this process holds; jobs go on."""
        ...


@runtime_checkable
class InCluster(Protocol):
    """What an engine that runs jobs in a cluster can say beside the rest."""

    async def offers(self) -> ClusterOffers:
        """What the cluster offers this user. Raises Unavailable and Forbidden."""
        ...

    async def placement(self, job_id: str) -> JobPlacement:
        """Where a job is: its pods and its time line. Raises NotFound."""
        ...


@runtime_checkable
class HoldsGpus(Protocol):
    """An engine that gives GPUs of this machine to its jobs."""

    async def held_gpus(self) -> Mapping[str, Sequence[str]]:
        """By job, the GPUs it holds now, as CUDA_VISIBLE_DEVICES names them."""
        ...


@runtime_checkable
class KeepsUse(Protocol):
    """An engine whose jobs' ranks write down what they use (`metrics.recorded`)."""

    async def use_folder(self, job_id: str, *, follow: bool = False) -> Path:
        """Where a job's ranks have their folders; it need not be there. Raises NotFound and Unavailable.

        `follow`: somebody looks at this one job, so that what all its machines write is wanted soon, at some cost.
        """
        ...


@runtime_checkable
class KeepsBundles(Protocol):
    """An engine that may put bundles into MLflow, from where its jobs fetch them."""

    def keep_bundles_with(self, open_store: Callable[[], Awaitable[Any]]) -> None:
        """Take what opens a client of the configured MLflow (`tracking.client.MlflowRest`) or raises Unavailable."""
        ...


@runtime_checkable
class MarksRecords(Protocol):
    """An engine whose jobs others look after too, who wait for word that a job's record is done."""

    async def mark_recorded(self, job_id: str) -> None:
        """A job's record is in MLflow. Raises nothing for a job or a cluster that is gone."""
        ...


@runtime_checkable
class KnowsHoldings(Protocol):
    """An engine that can say what its jobs hold and held, for whoever counts what that costs."""

    async def holding(self, job_id: str) -> Holding | None:
        """What a job holds, and held before; None where nothing of it is known any more."""
        ...

    async def would_hold(self, spec: JobSpec) -> list[Held]:
        """What a job would hold that is not sent yet, one for each worker, as far as that is known before."""
        ...
