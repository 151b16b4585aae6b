"""Runs as rows of a list: what every list shows of them, and the columns in view.

MLflow sends all of a run; the browser gets what it shows. It asks nobody.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import PurePosixPath
from typing import NamedTuple

from windlass.contract.runs import Run, RunStatus
from windlass.errors import FieldError, InvalidRequest
from windlass.services.experiments.records import RunRecord, plain
from windlass.tracking.pages import run_page_of

COST = "windlass.cost_usd"
GPU_HOURS = "windlass.gpu_hours"
PARENT_TAG = "mlflow.parentRunId"
JOB_TAG = "windlass.job_id"
LONGEST_TEXT = 500
DVC_TAGS = ("windlass.dvc_rev", "dvc.rev")
COLUMN_KINDS = ("metrics", "params", "tags")
_DIGESTS_SHOWN = 3
_DIRTY = {"true": True, "false": False}
_NO_NOTEBOOK = frozenset({"ipykernel_launcher.py", "colab_kernel_launcher.py"})
_LATEST_MS = 253_402_300_799_999


class Column(NamedTuple):
    """A metric, parameter or tag of a run."""

    kind: str
    key: str

    @classmethod
    def named(cls, name: str) -> Column:
        """A column by its name on the wire, `metrics.<key>` …. Raises InvalidRequest when it is none."""
        kind, _, key = name.partition(".")
        if kind in COLUMN_KINDS and key:
            return cls(kind, key)
        message = f"{shortened(name)!r} is no column: name it metrics.<key>, params.<key> or tags.<key>."
        raise InvalidRequest(message, fields=[FieldError(field="columns", message=message)])

    def of(self, record: RunRecord) -> float | str | None:
        """Its value in a run, as it crosses the wire, texts cut; None when the run has none."""
        if self.kind == "metrics":
            latest = record.metrics.get(self.key)
            return None if latest is None else plain(latest.value)
        text = (record.params if self.kind == "params" else record.tags).get(self.key)
        return None if text is None else shortened(text)


def shortened(text: str) -> str:
    """A text that fits a cell of a table; `…` at its end tells that it was cut."""
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def moment(time_ms: int | None) -> datetime | None:
    """A moment of MLflow's (POSIX milliseconds); None for one that no calendar has."""
    if time_ms is None or not 0 <= time_ms <= _LATEST_MS:
        return None
    return datetime.fromtimestamp(time_ms / 1000, tz=timezone.utc)


def row_of(record: RunRecord, *, columns: Sequence[Column] = (), site: str | None, now_ms: float | None = None) -> Run:
    """A run as lists show it.

    Args:
        record: The run.
        columns: What `values` are to be.
        site: Where a browser finds MLflow's pages (`Tracking.browser_site`).
        now_ms: POSIX milliseconds.
    """
    tags = record.tags
    return Run(
        id=record.id,
        experiment_id=record.experiment_id,
        name=shortened(record.name),
        status=record.status,
        deleted=record.deleted,
        started_at=moment(record.started_ms),
        ended_at=moment(record.ended_ms),
        duration_seconds=duration_of(record, time.time() * 1000 if now_ms is None else now_ms),
        user=_cut(tags.get("mlflow.user") or record.user_id),
        notebook=_cut(notebook_of(record)),
        git_commit=_cut(tags.get("mlflow.source.git.commit")),
        git_dirty=_DIRTY.get(tags.get("windlass.git.dirty", "").lower()),
        data_version=_cut(data_version_of(record)),
        cost_usd=record.number(COST),
        gpu_hours=record.number(GPU_HOURS),
        parent_id=_cut(tags.get(PARENT_TAG)),
        job_id=_cut(tags.get(JOB_TAG)),
        url=run_page_of(site, experiment_id=record.experiment_id, run_id=record.id) if site is not None else None,
        values=[column.of(record) for column in columns],
    )


def duration_of(record: RunRecord, now_ms: float) -> float | None:
    """Seconds from start to end, or to now while it runs; None when unknown."""
    if record.started_ms is None:
        return None
    ended: float | None = record.ended_ms
    if ended is None and record.status is RunStatus.RUNNING:
        ended = now_ms
    return None if ended is None else max(0.0, (ended - record.started_ms) / 1000)


def notebook_of(record: RunRecord) -> str | None:
    """The notebook's path, else the name of what made the run; None where that only says "some kernel"."""
    name = record.tags.get("windlass.notebook") or record.tags.get("mlflow.source.name")
    return None if not name or PurePosixPath(name).name in _NO_NOTEBOOK else name


def data_version_of(record: RunRecord) -> str | None:
    """The DVC revision, else the digests of what was logged as inputs."""
    for tag in DVC_TAGS:
        if revision := record.tags.get(tag):
            return revision
    digests = list(dict.fromkeys(given.digest for given in record.inputs if given.digest))
    more = f" +{len(digests) - _DIGESTS_SHOWN}" if len(digests) > _DIGESTS_SHOWN else ""
    return ", ".join(digests[:_DIGESTS_SHOWN]) + more if digests else None


def _cut(text: str | None) -> str | None:
    return shortened(text) if text else None
