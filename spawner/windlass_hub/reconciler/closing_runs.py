"""Gives the MLflow runs of a job the end they did not get, over MLflow's REST with the hub service's own credentials.

The job's id, by which its runs are found, is a label that its user may write: only runs of the same user are touched,
so that nobody ends another's. Every step looks first at what is there, and may be repeated.
"""

from __future__ import annotations

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
_STATUS = {"succeeded": "FINISHED", "stopped": "KILLED", "lost": "KILLED"}


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
    found = await mlflow.runs_tagged_anywhere({"windlass.job_id": record.job_id})
    own = [run for run in found if _tags(run).get("mlflow.user") == record.owner]
    return own, len(found) - len(own)


async def close_runs(mlflow: MlflowRest, record: JobRecord, *, tail: str = "") -> Closed:
    """Describe the job's own run, and end those that are open. Raises Unavailable and MlflowRefused."""
    runs, foreign = await find_runs(mlflow, record)
    opened = [run for run in runs if run["info"]["status"] in OPEN]
    if runs:
        chosen = next((run for run in runs if _tags(run).get("windlass.own") == "true"), runs[0])
        await _describe(mlflow, chosen, record, tail=tail)
    for run in opened:
        status = _STATUS.get(record.state, "FAILED")
        await mlflow.end_run(_id(run), status=status, end_time=record.ended_at or record.recorded_at)
    return Closed(found=len(runs), closed=len(opened), foreign=foreign)


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
    if tail:
        await _upload(mlflow, run, tail)


async def _upload(mlflow: MlflowRest, run: Run, tail: str) -> None:
    """All of the lines as an artifact, where MLflow itself takes artifacts; the tag has the last of them anyhow."""
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


def _last(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[-longest:]


def _text(number: float | None) -> str:
    return "" if number is None else f"{number:g}"


def _id(run: Run) -> str:
    return str(run["info"]["run_id"])


def _tags(run: Run) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in run.get("data", {}).get("tags", [])}
