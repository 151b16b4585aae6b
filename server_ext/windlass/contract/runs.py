"""Runs of the tracking server: a page of them, and one whole."""

from __future__ import annotations

from enum import Enum

from pydantic import Field

from windlass.contract.base import JsonValue, Timestamp, WireModel


class RunStatus(str, Enum):
    """MLflow's own states of a run."""

    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


class RunSearch(WireModel):
    """Which runs to show, by what, and how many."""

    experiment_ids: list[str] = Field(min_length=1, max_length=100)
    filter: str = Field(default="", max_length=10_000)
    """MLflow's filter syntax; empty: all."""
    sort: str = Field(default="attributes.start_time", max_length=400)
    """A column: `metrics.<key>`, `params.<key>`, `tags.<key>`, or `attributes.` with start_time, end_time, duration,
    status, run_name, user_id, cost or gpu_hours."""
    descending: bool = True
    columns: list[str] = Field(default_factory=list, max_length=200)
    """Which metrics, params and tags to send with each run, named as in `sort`."""
    deleted: bool = False
    """Runs in MLflow's bin instead of the active ones."""
    parent: str | None = Field(default=None, max_length=64)
    """Only the runs nested under this one."""
    top_level: bool = False
    """Only runs that are nested under none, to be grouped by `parent`; of no account beside `parent`. Older
    servers cannot tell (they know no `IS NULL`), which is 400 at this field."""
    limit: int = Field(default=100, ge=1, le=500)
    cursor: str | None = Field(default=None, max_length=4000)
    cached: bool = False
    """Answer at once with what was read of this first page before, if anything was, however old: to show something
    while the same is asked without it. `read_at` tells its age."""


class Run(WireModel):
    """A run in a list: what every list shows of it, and the columns asked for."""

    id: str
    experiment_id: str
    name: str
    status: RunStatus
    deleted: bool = False
    started_at: Timestamp | None = None
    ended_at: Timestamp | None = None
    duration_seconds: float | None = None
    """From start to end, or to now while it runs."""
    user: str | None = None
    notebook: str | None = None
    """Path of the notebook, or the name of whatever else made the run."""
    git_commit: str | None = None
    git_dirty: bool | None = None
    data_version: str | None = None
    """DVC revision, or the digests of the datasets logged as inputs."""
    cost_usd: float | None = None
    gpu_hours: float | None = None
    parent_id: str | None = None
    job_id: str | None = None
    url: str | None = None
    """The run's page in MLflow, for a browser; null where a browser cannot reach it."""
    values: list[float | str | None]
    """One for each of the columns asked for, in that order. Null: the run has no such value. Metrics that are no finite
    number are the words `NaN`, `Infinity` and `-Infinity`; texts over 500 characters end with `…`."""


class RunPage(WireModel):
    """A page of runs."""

    columns: list[str]
    """As asked for: what `values` are of."""
    items: list[Run]
    next_cursor: str | None = None
    read_at: Timestamp
    """When MLflow was asked."""


class MetricValue(WireModel):
    """The newest value of a metric."""

    key: str
    value: float | str
    """A number, or `NaN`, `Infinity`, `-Infinity`."""
    step: int | None = None
    at: Timestamp | None = None


class TextValue(WireModel):
    """A parameter or a tag, whole."""

    key: str
    value: str


class DatasetInput(WireModel):
    """Data that a run was told to have read."""

    name: str
    digest: str
    context: str | None = None
    source: str | None = None


class RunModel(WireModel):
    """A model that a run made: a LoggedModel of MLflow 3, or in 2.x an artifact folder with an MLmodel file."""

    name: str
    model_id: str | None = None
    path: str | None = None
    """Path among the run's artifacts, for a model without an id."""
    flavors: list[str] = Field(default_factory=list)
    uri: str
    """What MLflow loads it by: `models:/m-…` or `runs:/…/path`."""


class RunDetail(WireModel):
    """One run, whole."""

    run: Run
    experiment_name: str | None = None
    description: str | None = None
    metrics: list[MetricValue]
    params: list[TextValue]
    tags: list[TextValue]
    """Without MLflow's own long ones (`mlflow.log-model.history`, `mlflow.note.content`)."""
    inputs: list[DatasetInput] = Field(default_factory=list)
    models: list[RunModel] = Field(default_factory=list)
    nested: bool = False
    """Whether runs are nested under it."""
    can_rerun: bool = False
    """Whether what was sent is still to be had, so that it can be run again."""
    executed_notebook: str | None = None
    """Where to read the notebook as it ran, relative to `/windlass/v1/`."""
    bundle: str | None = None
    """Where to get what was sent, relative to `/windlass/v1/`."""


class LoadCode(WireModel):
    """A code cell that loads a run's model."""

    code: str
    imports: list[str]
    """Distributions the code needs."""


class RunRerun(WireModel):
    """Run again what a run ran."""

    parameters: dict[str, JsonValue] | None = None
    """Replaces the parameters; null keeps them."""
