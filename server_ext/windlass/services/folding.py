"""What an engine says of a job, as values of the ledger's columns."""

from __future__ import annotations

import json
import logging
from typing import Any

from pydantic import ValidationError

from windlass.contract.base import WireModel
from windlass.contract.jobs import JobError, JobProgress
from windlass.engines.base import JobStatus
from windlass.ledger.jobs import JobChange
from windlass.services.present import chosen_run

_log = logging.getLogger(__name__)


_RUN_TEXTS = frozenset({"run_id", "experiment_id", "tracking_uri", "name"})
_RUN_FLAGS = frozenset({"own", "spooled"})
MOST_RUNS = 1000
"""Of one job; a search over more than that is found in MLflow."""
_LONGEST_TEXT = 2000


def fold(status: JobStatus) -> JobChange:
    """An engine's status as a change of the ledger's row; equal statuses give equal changes."""
    runs = [run for run in map(_run, status.runs) if run is not None]
    run = chosen_run(runs)
    values: dict[str, Any] = {
        "state": status.state.value,
        "status": _plain(
            {
                "reason": status.reason,
                "queue_position": status.queue_position,
                "restarts": status.restarts,
                "exit_code": status.exit_code,
                "progress": _valid(JobProgress, status.progress),
                "error": _valid(JobError, status.error),
                "notices": list(status.notices),
                "runs": runs[:MOST_RUNS],
                "has_notebook": status.has_notebook,
            }
        ),
        "started_at": status.started_at,
        "ended_at": status.ended_at,
    }
    if status.kind:
        values["kind"] = status.kind
    if run is not None:
        values |= {"run_id": run["run_id"], "experiment_id": run.get("experiment_id")}
    return JobChange(job_id=status.job_id, values=values)


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    """As it will be read back from the ledger, so that comparing tells whether anything changed.

    A notebook can print half a surrogate pair, which no UTF-8 can carry: it becomes a question mark.
    """
    text = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")
    plain: dict[str, Any] = json.loads(text)
    return plain


def _run(reported: dict[str, Any]) -> dict[str, Any] | None:
    """What the contract takes of a run; None when that is too little. The file it comes from is the notebook's."""
    texts = {
        name: value[:_LONGEST_TEXT] for name, value in reported.items() if name in _RUN_TEXTS and isinstance(value, str)
    }
    if not texts.get("run_id"):
        return None
    return texts | {name: value for name, value in reported.items() if name in _RUN_FLAGS and isinstance(value, bool)}


def _valid(model: type[WireModel], value: dict[str, Any] | None) -> dict[str, Any] | None:
    """What a job said of itself, if it is what the contract takes: nothing it writes may break the list of jobs."""
    if value is None:
        return None
    try:
        return model.model_validate(value).model_dump(mode="json")
    except ValidationError as error:
        _log.warning("A job reported something odd, which is left out: %s", error)
        return None
