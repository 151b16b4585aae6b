"""Gives the MLflow runs of a job the end they did not get, over MLflow's REST with the hub service's own credentials.

The job's id, by which its runs are found, is a label that its user may write: only runs of the same user are touched,
so that nobody ends another's. Files are put only where the server itself puts those of the run, since an experiment's
maker may name another place, as another's run's, to which the service's credentials reach and his own do not. No run is
made: in which experiment would be the user's word, and nobody would ask whether he may write there. His own server
makes it when it is back. Every step looks first at what is there, and may be repeated.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from windlass.tracking.client import MAX_VALUE_LENGTH, MlflowRefused, MlflowRest, NeedsMlflow

from .records import JobRecord

Run = dict[str, Any]

TAIL_TAG = "windlass.tail"
TAIL_ARTIFACT = "windlass/tail.txt"
OPEN = ("RUNNING", "SCHEDULED")
MOST_RUNS = 2000
_OWN_TAG, _FATE, _SUPERSEDED = "windlass.own", "windlass.own_run", "superseded"
_STATUS = {"succeeded": "FINISHED", "stopped": "KILLED"}
"""As a user's server has it; all else has failed."""


@dataclass(frozen=True, kw_only=True)
class Closed:
    """What was found and done."""

    found: int
    """Runs of the job and its user."""
    closed: int
    """Those of them that were still open."""
    foreign: int = 0
    """Runs that bear the job's id and another user's name."""


async def find_runs(mlflow: MlflowRest, record: JobRecord) -> tuple[list[Run], int]:
    """The job's runs in whatever experiment, oldest first, and how many of another user bear its id.

    Raises Unavailable and MlflowRefused.
    """
    found = await mlflow.runs_tagged_anywhere({"windlass.job_id": record.job_id}, most=MOST_RUNS)
    own = [run for run in found if _tags(run).get("mlflow.user") == record.owner]
    return own, len(found) - len(own)


async def close_runs(mlflow: MlflowRest, record: JobRecord, *, tail: str = "") -> Closed:
    """Describe the job's own run, and end those that are open. Raises Unavailable and MlflowRefused."""
    runs, foreign = await find_runs(mlflow, record)
    opened = [run for run in runs if run["info"]["status"] in OPEN]
    if (chosen := _own_run(runs, record.job_id)) is not None:
        await _describe(mlflow, chosen, record, tail=tail)
    for run in opened:
        status = _STATUS.get(record.state, "FAILED")
        await mlflow.end_run(_id(run), status=status, end_time=record.ended_at or record.recorded_at)
    return Closed(found=len(runs), closed=len(opened), foreign=foreign)


def _own_run(runs: list[Run], job_id: str) -> Run | None:
    """The run that stands for the job: the one its pods agreed on, else what was made to be it, else the oldest."""
    passed_over = [_SUPERSEDED in (_tags(run).get(_OWN_TAG), _params(run).get(_FATE)) for run in runs]
    candidates = [run for run, is_so in zip(runs, passed_over, strict=True) if not is_so]
    agreed = [run for run in candidates if _params(run).get(_FATE) == job_id]
    made = [run for run in candidates if _tags(run).get(_OWN_TAG) == "true"]
    return next(iter([*agreed, *made, *candidates]), None)


async def _describe(mlflow: MlflowRest, run: Run, record: JobRecord, *, tail: str) -> None:
    tags = {
        "windlass.state": record.state,
        "windlass.cause": record.cause,
        "windlass.reason": record.reason,
        "windlass.exit_code": _text(record.exit_code),
        "windlass.gpu_hours": _text(record.gpu_hours),
        "windlass.cost_usd": _text(record.usd),
        TAIL_TAG: _last(tail, MAX_VALUE_LENGTH),
    }
    if run["info"]["status"] in OPEN:
        tags["windlass.finished_by"] = "reconciler"
    there = _tags(run)
    await mlflow.log_batch(
        _id(run), params={}, tags={name: value for name, value in tags.items() if value and there.get(name) != value}
    )
    await _price(mlflow, run, record)
    if tail:
        await _upload(mlflow, run, tail)


async def _price(mlflow: MlflowRest, run: Run, record: JobRecord) -> None:
    """What the job took as metrics, too: MLflow sorts those as numbers. What the user's server wrote stays."""
    there = {metric["key"] for metric in run.get("data", {}).get("metrics", [])}
    known = {"windlass.cost_usd": record.usd, "windlass.gpu_hours": record.gpu_hours}
    missing = {key: value for key, value in known.items() if value is not None and key not in there}
    if missing:
        await mlflow.log_metrics(_id(run), missing, at=record.ended_at or record.recorded_at)


async def _upload(mlflow: MlflowRest, run: Run, tail: str) -> None:
    """All of the lines as an artifact, where MLflow itself takes artifacts; the tag has the last of them anyhow."""
    if not _is_servers_place(run):
        return
    content = tail.encode()
    try:
        if (await mlflow.artifact_sizes(_id(run), "windlass")).get(TAIL_ARTIFACT) == len(content):
            return
        with tempfile.NamedTemporaryFile(prefix="windlass-tail-") as file:
            file.write(content)
            file.flush()
            await mlflow.upload(run, Path(file.name), artifact_path=TAIL_ARTIFACT)
    except (NeedsMlflow, MlflowRefused):
        return


def _is_servers_place(run: Run) -> bool:
    """Whether the run's files are where the server puts those of an experiment that names no place of its own."""
    own = re.escape(f"{run['info']['experiment_id']}/{_id(run)}/artifacts")
    uri = str(run["info"].get("artifact_uri") or "")
    return re.fullmatch(rf"mlflow-artifacts:(//[^/?#]*)?/(workspaces/[A-Za-z0-9_-]+/)?{own}", uri) is not None


def _last(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[-longest:]


def _text(number: float | None) -> str:
    return "" if number is None else f"{number:g}"


def _id(run: Run) -> str:
    return str(run["info"]["run_id"])


def _params(run: Run) -> dict[str, str]:
    return {param["key"]: param["value"] for param in run.get("data", {}).get("params", [])}


def _tags(run: Run) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in run.get("data", {}).get("tags", [])}
