"""The ledger as the keeper of MLflow records sees it (`services.pending_records.RecordStore`)."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import or_

from windlass.contract.jobs import GitState, JobRequest, JobRun
from windlass.ledger.jobs import FINAL_STATES, JobChange, JobLedger
from windlass.ledger.tables import JobRow
from windlass.services.changes import ChangeHub
from windlass.services.job_options import options_of
from windlass.services.pending_records import Figures, OutdatedRun, PendingRecord
from windlass.services.spending.counting import Counted, number

DONE = ("uploaded", "off")
AT_ONCE = 500
_FIGURES = (
    (JobRow.cost_usd, JobRow.run_cost_usd),
    (JobRow.gpu_hours, JobRow.run_gpu_hours),
    (JobRow.idle_fraction, JobRow.run_idle_fraction),
)
"""What is known of a job, and what its run says."""


class CountsCosts(Protocol):
    """Knows what jobs took."""

    async def count(self, row: JobRow) -> Counted | None:
        """Count a job and write it down; None where it cannot be counted now."""
        ...


class LedgerRecords:
    """Which records of one engine's jobs are still to be made, and what became of them."""

    def __init__(self, *, ledger: JobLedger, hub: ChangeHub, engine: str, costs: CountsCosts | None = None) -> None:
        self._ledger = ledger
        self._hub = hub
        self._engine = engine
        self._costs = costs

    async def pending_records(self) -> list[PendingRecord]:
        """Jobs that have ended and whose record is neither uploaded nor off, oldest first."""
        unrecorded = or_(JobRow.record.is_(None), JobRow.record.not_in(DONE))
        ended = JobRow.state.in_(FINAL_STATES)
        rows = await self._ledger.select_jobs(JobRow.engine == self._engine, ended, unrecorded, limit=AT_ONCE)
        return [_pending(row, await self._counted(row)) for row in rows]

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
        """Keep what became of a record; what is None stays as it is."""
        values: dict[str, object] = {"record": record}
        if figures is not None:
            values |= _columns(figures)
        if run_id is not None:
            values["run_id"] = run_id
        if experiment_id is not None:
            values["experiment_id"] = experiment_id
        if runs is not None:
            values["runs"] = [run.model_dump(mode="json") for run in runs]
        if run_id is not None:
            await self._ledger.costs.note_run(job_id, run_id=run_id)
        if await self._ledger.apply([JobChange(job_id=job_id, values=values)]):
            self._hub.announce()

    async def outdated_runs(self) -> list[OutdatedRun]:
        """Of records that are uploaded, those whose figures became known or changed since, oldest first."""
        carried = (JobRow.engine == self._engine, JobRow.record == "uploaded", JobRow.run_id.is_not(None))
        differs = or_(*(own.is_distinct_from(said) for own, said in _FIGURES))
        rows = await self._ledger.select_jobs(*carried, JobRow.state.in_(FINAL_STATES), differs, limit=AT_ONCE)
        return [_outdated(row) for row in rows]

    async def set_figures(self, job_id: str, figures: Figures) -> None:
        """Keep what a job's run says by now."""
        await self._ledger.apply([JobChange(job_id=job_id, values=_columns(figures))])

    async def _counted(self, row: JobRow) -> Counted | None:
        """What the job took: the record says it, so it is counted first."""
        return await self._costs.count(row) if self._costs is not None else None


def _columns(figures: Figures) -> dict[str, object]:
    return {
        "run_cost_usd": figures.cost_usd,
        "run_gpu_hours": figures.gpu_hours,
        "run_idle_fraction": figures.gpu_idle_fraction,
    }


def _outdated(row: JobRow) -> OutdatedRun:
    return OutdatedRun(
        job_id=row.id,
        run_id=row.run_id or "",
        ended_at=row.ended_at if row.ended_at is not None else row.created_us / 1e6,
        figures=Figures(cost_usd=row.cost_usd, gpu_hours=row.gpu_hours, gpu_idle_fraction=row.idle_fraction),
    )


def _pending(row: JobRow, counted: Counted | None) -> PendingRecord:
    request = JobRequest.model_validate(row.request)
    return PendingRecord(
        job_id=row.id,
        name=row.name,
        owner=row.owner,
        notebook=row.notebook,
        experiment=row.experiment,
        state=row.state,
        reason=row.status.get("reason", ""),
        world_size=request.workers * request.processes_per_worker,
        bundle_sha256=row.bundle_sha256 or "",
        python=row.python,
        parameters=dict(request.parameters),
        options=options_of(row),
        imports=tuple(row.imports or ()),
        started_at=row.started_at,
        ended_at=row.ended_at,
        exit_code=row.status.get("exit_code"),
        cost_usd=number(counted.cost.usd) if counted is not None else None,
        gpu_hours=number(counted.cost.gpu_hours) if counted is not None else None,
        gpu_idle_fraction=counted.idle_fraction if counted is not None else None,
        git=GitState.model_validate(row.git) if row.git else None,
        runs=tuple(row.status.get("runs", ())),
    )
