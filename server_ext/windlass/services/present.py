"""The ledger's rows as the jobs of the wire."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from windlass.contract.jobs import GitState, Job, JobError, JobProgress, JobRequest, JobRun, JobState
from windlass.ledger.tables import JobRow


def present(row: JobRow, *, now: float | None = None) -> Job:
    """A row as everyone sees it. `now` is in POSIX seconds."""
    request = JobRequest.model_validate(row.request)
    status = row.status
    state = JobState(row.state)
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
        duration_seconds=_duration(row, state, time.time() if now is None else now),
        exit_code=status.get("exit_code"),
        progress=JobProgress.model_validate(status.get("progress") or {}),
        executed_notebook=f"jobs/{row.id}/notebook" if status.get("has_notebook") else None,
        bundle_sha256=row.bundle_sha256,
        bundle_bytes=row.bundle_bytes,
        git=GitState.model_validate(row.git) if row.git else None,
        experiment=row.experiment,
        run_id=row.run_id,
        experiment_id=row.experiment_id,
        runs=_runs(row),
        record=row.record,
        error=JobError.model_validate(status["error"]) if status.get("error") else None,
        notices=list(dict.fromkeys([*row.sent_notices, *status.get("notices", ())])),
        rerun_of=row.rerun_of,
        version=row.version,
    )


def chosen_run(runs: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """The run that stands for the job: its own, else the first its notebook made."""
    reported = list(runs)
    return next((run for run in reported if run.get("own")), reported[0] if reported else None)


def _runs(row: JobRow) -> list[JobRun]:
    """What the record's keeper knows of each run, else what the job itself reported."""
    known = {run["run_id"]: JobRun.model_validate(run) for run in row.runs}
    for reported in row.status.get("runs", ()):
        known.setdefault(
            reported["run_id"],
            JobRun(
                run_id=reported["run_id"],
                experiment_id=reported.get("experiment_id"),
                name=reported.get("name"),
            ),
        )
    return list(known.values())


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=timezone.utc)


def _duration(row: JobRow, state: JobState, now: float) -> float | None:
    if row.started_at is None:
        return None
    if row.ended_at is not None:
        return max(0.0, row.ended_at - row.started_at)
    return None if state.is_final else max(0.0, now - row.started_at)
