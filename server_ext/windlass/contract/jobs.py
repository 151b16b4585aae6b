"""Jobs: what is asked for, and what is answered."""

from __future__ import annotations

from enum import Enum

from pydantic import Field

from windlass.contract.base import JsonValue, Timestamp, WireModel
from windlass.contract.cluster import ClusterOptions


class JobState(str, Enum):
    """Where a job is in its life: submitted → queued → pending → running ⇄ restarting → one of the four ends."""

    SUBMITTED = "submitted"
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
        return self in FINAL_STATES


FINAL_STATES = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.STOPPED, JobState.LOST})


class JobRequest(WireModel):
    """A notebook to run as a job. The same options as `windlass train` and `%train`."""

    notebook: str = Field(min_length=1, max_length=1024)
    """Path of the notebook, relative to the server's root folder."""
    name: str | None = Field(default=None, min_length=1, max_length=200)
    """A name for people; the notebook's file name when left out."""
    engine: str | None = Field(default=None, max_length=63)
    """`local` or `kubernetes`; the server's default when left out."""
    kind: str | None = Field(default=None, max_length=63)
    """How the engine runs it (`torchrun`, `python`, `PyTorchJob` …); chosen by the engine when left out."""
    workers: int = Field(default=1, ge=1, le=1024)
    """How many workers (nodes; on the local engine: groups of processes on this machine)."""
    processes_per_worker: int = Field(default=1, ge=1, le=128)
    """How many processes each worker runs; workers × processes_per_worker is the world size."""
    gpus_per_worker: int = Field(default=0, ge=0, le=128)
    """How many GPUs each worker gets."""
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    """Values for the notebook's parameters cell, by name."""
    environment: str | None = Field(default=None, max_length=255)
    """Name of the kernel spec whose Python runs the job; the notebook's own kernel when left out."""
    include: list[str] = Field(default_factory=list, max_length=200)
    """Glob patterns, relative to the server's root folder, of further files to send."""
    exclude: list[str] = Field(default_factory=list, max_length=200)
    """Patterns (gitignore syntax) of files not to send, on top of `.windlassignore`."""
    time_limit_seconds: int | None = Field(default=None, ge=1, le=60 * 60 * 24 * 60)
    """The job is ended as failed when it has run this long."""
    retries: int = Field(default=0, ge=0, le=100)
    """How often the job is started again after a failure."""
    experiment: str | None = Field(default=None, min_length=1, max_length=250)
    """MLflow experiment of the job's own run; the notebook's name when left out."""
    allow_secrets: bool = False
    """Send the bundle although it holds what looks like secrets. Without it such a submission is refused."""
    cluster: ClusterOptions | None = None
    """What each worker is given in a cluster; not for the local engine."""
    ask_browser_to_save: bool = False
    """Ask the browser that has the notebook open to save it first (used by `%train`)."""


class JobProgress(WireModel):
    """How far a job is."""

    fraction: float | None = Field(default=None, ge=0, le=1)
    """0 to 1: what `windlass.progress()` said, else cells done of cells."""
    cell: int | None = None
    """The code cell now running, counted from 1."""
    cells: int | None = None
    """How many code cells will run."""
    message: str | None = None
    """What the notebook said about it."""


class JobError(WireModel):
    """The first failure of a job: which rank, cell and line."""

    rank: int | None = None
    cell: int | None = None
    """Index of the cell in the notebook as sent, counted from 0, every cell type counted."""
    line: int | None = None
    """Line in that cell, counted from 1."""
    ename: str
    evalue: str
    traceback: list[str] = Field(default_factory=list)
    """Lines of the traceback, without terminal colours."""


class JobRun(WireModel):
    """An MLflow run that this job made."""

    run_id: str
    experiment_id: str | None = None
    experiment_name: str | None = None
    name: str | None = None
    status: str | None = None
    url: str | None = None
    """Address of the run's page in MLflow, for a browser; null where a browser cannot reach it."""


class GitState(WireModel):
    """The Git work tree the notebook lies in."""

    commit: str | None = None
    branch: str | None = None
    dirty: bool | None = None
    """Whether tracked files differ from the commit."""


class Job(WireModel):
    """A job as everyone sees it: panel, command line, magics."""

    id: str
    name: str
    owner: str
    state: JobState
    reason: str
    """Why it is in this state, in plain words; may be empty."""
    engine: str
    kind: str
    notebook: str
    parameters: dict[str, JsonValue]
    environment: str | None = None
    environment_name: str | None = None
    workers: int
    processes_per_worker: int
    gpus_per_worker: int
    world_size: int
    queue_position: int | None = None
    """Place in the queue, counted from 1, while queued."""
    time_limit_seconds: int | None = None
    retries: int
    restarts: int
    """How often it was started again."""
    created_at: Timestamp
    started_at: Timestamp | None = None
    ended_at: Timestamp | None = None
    duration_seconds: float | None = None
    """From start to end, or to now while it runs."""
    exit_code: int | None = None
    progress: JobProgress
    executed_notebook: str | None = None
    """Where to read the executed notebook, relative to `/windlass/v1/`; null before there is one."""
    bundle_sha256: str | None = None
    bundle_bytes: int | None = None
    git: GitState | None = None
    experiment: str | None = None
    run_id: str | None = None
    experiment_id: str | None = None
    runs: list[JobRun] = Field(default_factory=list)
    record: str | None = None
    """What became of the job's record in MLflow: `pending`, `uploading`, `uploaded`, `waiting: …`, `off`."""
    cost_usd: float | None = None
    """So far, or in all; null: not known, and `cost_note` says why."""
    gpu_hours: float | None = None
    """Of whole cards."""
    usd_per_hour: float | None = None
    """What it costs now; null once it has ended, and where it is not known."""
    cost_note: str | None = None
    error: JobError | None = None
    notices: list[str] = Field(default_factory=list)
    """What the user ought to know: used the file as saved, MLflow is away, no cell trained anything …"""
    rerun_of: str | None = None
    version: int = 0
    """Grows with every change of this job; a later one wins."""


class JobList(WireModel):
    """A page of jobs, newest first."""

    items: list[Job]
    next_cursor: str | None = None


class RerunRequest(WireModel):
    """Run a job again: the same bundle, or the same code with other parameters."""

    parameters: dict[str, JsonValue] | None = None
    """Replaces the parameters; null keeps them."""


class StopRequest(WireModel):
    """Stop a job for good."""

    reason: str | None = Field(default=None, max_length=500)


class LogSegment(WireModel):
    """A piece of one rank's output, whole lines as long as the rank writes lines."""

    rank: int | None
    """null: the launcher's and supervisor's own words."""
    time: Timestamp
    text: str


class LogPage(WireModel):
    """A part of a job's output, from a byte offset on."""

    offset: int
    next_offset: int
    """Where to go on reading."""
    size_bytes: int
    """How much there is by now."""
    complete: bool
    """No more will come: the job has ended and this page reaches the end."""
    segments: list[LogSegment]


class CellChange(WireModel):
    """One cell of a notebook, then and now."""

    change: str = Field(pattern="^(same|changed|added|removed)$")
    cell_type: str
    then_index: int | None = None
    now_index: int | None = None
    then_source: str | None = None
    now_source: str | None = None


class NotebookDiff(WireModel):
    """The notebook as sent against the notebook as it is now."""

    notebook: str
    exists: bool
    """False when the notebook is gone or cannot be read now; then `message` says why."""
    identical: bool
    message: str | None = None
    cells: list[CellChange]
