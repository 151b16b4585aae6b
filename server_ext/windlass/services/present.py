"""The ledger's rows as the jobs of the wire."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from windlass.contract.jobs import GitState, Job, JobError, JobProgress, JobRequest, JobRun, JobState
from windlass.ledger.jobs import FINAL_STATES
from windlass.ledger.tables import JobRow
from windlass.tracking.pages import run_page


def present(row: JobRow, *, now: float | None = None) -> Job:
    """A row as everyone sees it. `now` is in POSIX seconds."""
    request = JobRequest.model_validate(row.request)
    status = row.status
    state = JobState(row.state)
    runs = _runs(row)
    now = time.time() if now is None else now
    cost = cost_now(row, now)
    return Job(
        id=row.id,
        name=row.name,
        owner=row.owner,
        state=state,
        reason=status.get("reason", ""),
        engine=row.engine,
        kind=row.kind,
        notebook=row.notebook,
        parameters=request.parameters,
        environment=row.environment,
        environment_name=row.environment_name,
        workers=request.workers,
        processes_per_worker=request.processes_per_worker,
        gpus_per_worker=request.gpus_per_worker,
        world_size=request.workers * request.processes_per_worker,
        queue_position=status.get("queue_position") if state is JobState.QUEUED else None,
        time_limit_seconds=request.time_limit_seconds,
        retries=request.retries,
        restarts=status.get("restarts", 0),
        created_at=_moment(row.created_us / 1_000_000),
        started_at=None if row.started_at is None else _moment(row.started_at),
        ended_at=None if row.ended_at is None else _moment(row.ended_at),
        duration_seconds=_duration(row, state, now),
        exit_code=status.get("exit_code"),
        progress=JobProgress.model_validate(status.get("progress") or {}),
        executed_notebook=f"jobs/{row.id}/notebook" if status.get("has_notebook") else None,
        bundle_sha256=row.bundle_sha256,
        bundle_bytes=row.bundle_bytes,
        git=GitState.model_validate(row.git) if row.git else None,
        experiment=row.experiment,
        run_id=runs[0].run_id if row.runs else row.run_id,
        experiment_id=runs[0].experiment_id if row.runs else row.experiment_id,
        runs=runs,
        record=row.record or ("pending" if state.is_final else None),
        cost_usd=cost[0],
        gpu_hours=cost[1],
        usd_per_hour=None if state.is_final else row.usd_per_hour,
        cost_note=row.cost_note,
        error=JobError.model_validate(status["error"]) if status.get("error") else None,
        notices=list(dict.fromkeys([*row.sent_notices, *status.get("notices", ())])),
        rerun_of=row.rerun_of,
        version=row.version,
    )


def cost_now(row: JobRow, now: float) -> tuple[float | None, float | None]:
    """USD and GPU hours of a job, at a moment in POSIX seconds: counted, and grown since while it lives."""
    usd, hours = row.cost_usd, row.gpu_hours
    if row.cost_at is None or row.state in FINAL_STATES:
        return usd, hours
    since = max(0.0, now - row.cost_at) / 3600
    if usd is not None and row.usd_per_hour is not None:
        usd += row.usd_per_hour * since
    if hours is not None and row.cards is not None:
        hours += row.cards * since
    return usd, hours


def chosen_run(runs: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """The run that stands for the job: its own, else the first its notebook made.

    Not one that is kept with the job because MLflow is away: it gets another id when it comes there.
    """
    reported = [run for run in runs if not run.get("spooled")]
    return next((run for run in reported if run.get("own")), reported[0] if reported else None)


def _runs(row: JobRow) -> list[JobRun]:
    """What the keeper of records knows of each run, that with the record first; else what the job reported."""
    known = {run["run_id"]: JobRun.model_validate(run) for run in row.runs}
    for reported in row.status.get("runs", ()):
        if not reported.get("spooled"):
            known.setdefault(reported["run_id"], _reported_run(reported))
    return list(known.values())


def _reported_run(reported: dict[str, Any]) -> JobRun:
    run_id, experiment_id = reported["run_id"], reported.get("experiment_id")
    place = reported.get("tracking_uri")
    url = run_page(place, experiment_id=experiment_id, run_id=run_id) if place and experiment_id else None
    return JobRun(run_id=run_id, experiment_id=experiment_id, name=reported.get("name"), url=url)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=timezone.utc)


def _duration(row: JobRow, state: JobState, now: float) -> float | None:
    if row.started_at is None:
        return None
    if row.ended_at is not None:
        return max(0.0, row.ended_at - row.started_at)
    return None if state.is_final else max(0.0, now - row.started_at)
