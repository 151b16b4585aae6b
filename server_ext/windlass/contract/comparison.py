"""Runs side by side: what differs, and their metrics over steps or time."""

from __future__ import annotations

from pydantic import Field

from windlass.contract.base import WireModel
from windlass.contract.runs import Run

MOST_COMPARED = 100


class CompareRequest(WireModel):
    """Runs to put side by side."""

    run_ids: list[str] = Field(min_length=1, max_length=MOST_COMPARED)


class ComparedValue(WireModel):
    """One thing in each of the runs, in the order asked for."""

    key: str
    values: list[float | str | None]
    """Null: the run has no such thing. Texts over 500 characters end with `…`."""
    differs: bool
    """Judged on the whole values, before any was cut."""


class MissingRun(WireModel):
    """A run that cannot be shown."""

    run_id: str
    message: str


class Comparison(WireModel):
    """Runs side by side."""

    runs: list[Run]
    missing: list[MissingRun] = Field(default_factory=list)
    params: list[ComparedValue]
    metrics: list[ComparedValue]
    code: list[ComparedValue]
    """Notebook, Git commit, branch, uncommitted changes, bundle, entry point."""
    data: list[ComparedValue]
    """DVC revisions, dataset digests."""
    packages: list[ComparedValue]
    """Versions of distributions, where the run tells (its job, or the requirements of its model)."""
    has_notebooks: list[bool]
    """Which of the runs have a notebook to compare cell by cell."""


class CurvesRequest(WireModel):
    """Metrics of runs, sampled so that they can be drawn."""

    run_ids: list[str] = Field(min_length=1, max_length=MOST_COMPARED)
    metrics: list[str] = Field(min_length=1, max_length=20)
    points: int = Field(default=320, ge=2, le=2500)
    """At most so many of each run and metric; first, last, least and greatest are among them where MLflow tells."""
    from_step: int | None = Field(default=None, ge=-(2**62), le=2**62)
    to_step: int | None = Field(default=None, ge=-(2**62), le=2**62)
    quick: bool = False
    """Of long histories a first look at once: some dozen places instead of an even sample. Those curves are `coarse`;
    ask again without it for the rest."""


class Curve(WireModel):
    """One metric of one run."""

    run_id: str
    metric: str
    steps: list[int]
    times_ms: list[int]
    """POSIX milliseconds."""
    values: list[float | None]
    """Null where it is no finite number."""
    total: int | None = None
    """How many points there are in all, where MLflow tells."""
    sampled: bool
    coarse: bool = False
    """Only a first look: peaks may be missing."""
    running: bool
    """More may come."""


class Curves(WireModel):
    """Metrics of runs."""

    curves: list[Curve]
    missing: list[MissingRun] = Field(default_factory=list)
