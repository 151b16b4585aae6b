"""What an engine says of a job, as values of the ledger's columns."""

from __future__ import annotations

import json
from typing import Any

from windlass.engines.base import JobStatus
from windlass.ledger.jobs import JobChange
from windlass.services.present import chosen_run


def fold(status: JobStatus) -> JobChange:
    """An engine's status as a change of the ledger's row; equal statuses give equal changes."""
    values: dict[str, Any] = {
        "state": status.state.value,
        "status": _plain(
            {
                "reason": status.reason,
                "queue_position": status.queue_position,
                "restarts": status.restarts,
                "exit_code": status.exit_code,
                "progress": status.progress,
                "error": status.error,
                "notices": list(status.notices),
                "runs": list(status.runs),
                "has_notebook": status.has_notebook,
            }
        ),
        "started_at": status.started_at,
        "ended_at": status.ended_at,
    }
    if status.kind:
        values["kind"] = status.kind
    run = chosen_run(status.runs)
    if run is not None:
        values |= {"run_id": run["run_id"], "experiment_id": run.get("experiment_id")}
    return JobChange(job_id=status.job_id, values=values)


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    """As it will be read back from the ledger, so that comparing tells whether anything changed."""
    plain: dict[str, Any] = json.loads(json.dumps(document))
    return plain
