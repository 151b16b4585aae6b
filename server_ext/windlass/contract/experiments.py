"""Experiments of the tracking server, and the columns their runs can be shown by."""

from __future__ import annotations

from pydantic import Field

from windlass.contract.base import Timestamp, WireModel


class Experiment(WireModel):
    """An experiment as MLflow has it."""

    id: str
    name: str
    deleted: bool = False
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None
    description: str | None = None
    """The tag `mlflow.note.content`."""
    url: str | None = None
    """Its page in MLflow, for a browser; null where a browser cannot reach it."""


class ExperimentList(WireModel):
    """A page of experiments, the one changed last first."""

    items: list[Experiment]
    next_cursor: str | None = None


class ColumnList(WireModel):
    """What the runs of some experiments can be shown, sorted and filtered by.

    MLflow has no list of keys: these are the keys of the runs that were read so far, the newest at least.
    """

    metrics: list[str]
    params: list[str]
    tags: list[str]
    complete: bool
    """False when there are runs that were never read: they may have more."""


class FilterCheck(WireModel):
    """A filter as it stands in the field while it is typed."""

    experiment_ids: list[str] = Field(default_factory=list, max_length=100)
    """Where to take the keys from that are offered."""
    filter: str = Field(default="", max_length=10_000)
    offset: int = Field(default=0, ge=0)
    """Where the caret is, in UTF-16 code units as browsers count."""


class FilterProblem(WireModel):
    """A mistake in a filter, and where."""

    start: int
    """First UTF-16 code unit that is wrong."""
    end: int
    """The one after the last; greater than `start`, also at the end of the text."""
    message: str


class Completion(WireModel):
    """Something that can stand at the caret."""

    text: str
    """Replaces the filter from `start` to `end`."""
    start: int
    end: int
    label: str
    kind: str = Field(pattern="^(key|operator|keyword|value)$")


class FilterAdvice(WireModel):
    """Whether a filter is right, and how it can go on."""

    problem: FilterProblem | None = None
    completions: list[Completion] = Field(default_factory=list)
