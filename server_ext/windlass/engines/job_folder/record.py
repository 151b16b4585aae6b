"""What a job folder says about its job: `spec.json` and `state.json`, to and from the engine's dataclasses.

Whoever changes a record publishes it: the file first, then a line in the journal, so that a server that follows the
journal never reads a state older than the line it was told by.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from windlass.engines.base import JobSpec, JobStatus, State
from windlass.engines.job_folder.files import read_json, write_json
from windlass.engines.job_folder.journal import note
from windlass.engines.job_folder.paths import JobFolder

_LARGEST_RUNS_BYTES = 1024 * 1024
_SPEC_FIELDS = frozenset(item.name for item in fields(JobSpec))


@dataclass(frozen=True, kw_only=True)
class JobRecord:
    """The content of `state.json`; times are POSIX seconds."""

    state: State
    reason: str = ""
    kind: str | None = None
    restarts: int = 0
    attempt: int = 0
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    progress: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    notices: list[str] = field(default_factory=list)
    gpus: list[str] = field(default_factory=list)
    queue_position: int | None = None

    def with_notices(self, *notices: str) -> JobRecord:
        """The same, with these notices too, each once."""
        return replace(self, notices=list(dict.fromkeys([*self.notices, *notices])))


_RECORD_FIELDS = frozenset(item.name for item in fields(JobRecord))


def write_spec(job: JobFolder, spec: JobSpec) -> None:
    """Write `spec.json`. Raises OSError."""
    write_json(job.spec, {**asdict(spec), "bundle_path": str(spec.bundle_path)})


def read_spec(job: JobFolder) -> JobSpec | None:
    """The job as it was submitted; None when the folder holds none that can be read."""
    content = read_json(job.spec)
    if content is None:
        return None
    known = {name: value for name, value in content.items() if name in _SPEC_FIELDS}
    try:
        return JobSpec(**{**known, "bundle_path": Path(known["bundle_path"])})
    except (KeyError, TypeError):
        return None


def read_record(job: JobFolder) -> JobRecord | None:
    """The job's state now; None when there is none that can be read."""
    content = read_json(job.state)
    if content is None:
        return None
    known = {name: value for name, value in content.items() if name in _RECORD_FIELDS}
    try:
        return JobRecord(**{**known, "state": State(known["state"])})
    except (KeyError, TypeError, ValueError):
        return None


def write_record(job: JobFolder, record: JobRecord) -> None:
    """Write `state.json` without telling anyone. Raises OSError."""
    write_json(job.state, {**asdict(record), "state": record.state.value})


def publish(job: JobFolder, record: JobRecord) -> None:
    """Write `state.json`, and tell every server. Raises OSError."""
    write_record(job, record)
    note(job.data, job.id, what="state")


def read_status(job: JobFolder) -> JobStatus | None:
    """The job as its folder shows it, for the engine's callers; None when there is no such job."""
    record = read_record(job)
    if record is None:
        if not job.spec.exists():
            return None
        record = JobRecord(state=State.LOST, reason="its state file cannot be read any more")
    return status_by(job, record)


def status_by(job: JobFolder, record: JobRecord) -> JobStatus:
    """The job as a record has it, with what else lies in its folder; `state.json` itself is not read."""
    return JobStatus(
        job_id=job.id,
        state=record.state,
        reason=record.reason,
        kind=record.kind,
        queue_position=record.queue_position,
        restarts=record.restarts,
        started_at=record.started_at,
        ended_at=record.ended_at,
        exit_code=record.exit_code,
        progress=record.progress,
        error=record.error,
        notices=tuple(record.notices),
        runs=tuple(_read_runs(job.runs)),
        has_notebook=job.executed.exists(),
    )


def _read_runs(path: Path) -> list[dict[str, Any]]:
    """MLflow runs the ranks have reported, each once, in the order they were made."""
    try:
        with path.open("rb") as file:
            lines = file.read(_LARGEST_RUNS_BYTES).splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
    runs: dict[str, dict[str, Any]] = {}
    for line in lines:
        try:
            run = json.loads(line)
        except ValueError:
            continue
        if isinstance(run, dict) and isinstance(run.get("run_id"), str):
            runs[run["run_id"]] = run
    return list(runs.values())
