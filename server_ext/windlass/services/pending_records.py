"""What becomes of a job's record in MLflow: asked for by services.records, kept by the ledger.

This is the seam between the ledger and the keeper of records. It knows no database and no MLflow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from windlass.contract.jobs import GitState, JobRun


@dataclass(frozen=True, kw_only=True)
class PendingRecord:
    """A job that has ended and whose record is not in MLflow yet. Times are POSIX seconds; unknown values are None."""

    job_id: str
    name: str
    owner: str
    notebook: str
    experiment: str
    """Experiment of the job's own run."""
    state: str
    """One of the final states."""
    reason: str
    world_size: int
    bundle_sha256: str
    python: str
    """The job's interpreter: it reads what was spooled while MLflow was away; may be empty."""
    parameters: dict[str, Any] = field(default_factory=dict)
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    git: GitState | None = None
    options: dict[str, Any] = field(default_factory=dict)
    """How it was asked for, its parameters left out: what it takes to run it again elsewhere."""
    imports: tuple[str, ...] = ()
    """Distributions that its code imports."""
    cost_usd: float | None = None
    gpu_hours: float | None = None
    gpu_idle_fraction: float | None = None
    runs: tuple[dict[str, Any], ...] = ()
    """As engines.base.JobStatus.runs."""

    @property
    def figures(self) -> Figures:
        """What it took."""
        return Figures(cost_usd=self.cost_usd, gpu_hours=self.gpu_hours, gpu_idle_fraction=self.gpu_idle_fraction)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a job took, as its run says it; None is unknown."""

    cost_usd: float | None
    gpu_hours: float | None
    gpu_idle_fraction: float | None


@dataclass(frozen=True, kw_only=True)
class OutdatedRun:
    """A run that carries a job's record and says other figures than the ledger, or none yet."""

    job_id: str
    run_id: str
    ended_at: float
    """Of the job, POSIX seconds."""
    figures: Figures
    """Those of the ledger."""


class RecordStore(Protocol):
    """What the ledger offers to the keeper of records. Every call is safe to repeat."""

    async def pending_records(self) -> list[PendingRecord]:
        """Jobs that have ended (not removed) and whose record is neither `uploaded` nor `off`, oldest first.

        Also those ended while no server ran; those whose record says `waiting: …` or `uploading` are among them.
        """
        ...

    async def set_record(
        self,
        job_id: str,
        *,
        record: str,
        run_id: str | None = None,
        experiment_id: str | None = None,
        runs: list[JobRun] | None = None,
        figures: Figures | None = None,
    ) -> None:
        """Keep what became of the record, as contract.jobs.Job.record; what is None stays as it is.

        `figures`: what the run says by now. Nothing is changed, and no event sent, for a job that is gone.
        """
        ...

    async def outdated_runs(self) -> list[OutdatedRun]:
        """Of records that are uploaded, those whose figures became known or changed since, oldest first."""
        ...

    async def set_figures(self, job_id: str, figures: Figures) -> None:
        """Keep what a job's run says by now."""
        ...
