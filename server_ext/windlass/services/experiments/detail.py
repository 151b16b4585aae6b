"""One run, whole: everything MLflow has of it, and what of it can still be had.

The run itself is asked for each time, as whoever opens it may have just changed it; what surrounds it (its experiment's
name, its models, its record's files, runs nested under it) is asked for beside one another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from windlass.contract.runs import MetricValue, RunDetail, RunModel, TextValue
from windlass.errors import Unavailable, Upstream
from windlass.ledger.jobs import JobLedger
from windlass.ledger.tables import JobRow
from windlass.services.bundles import Bundles
from windlass.services.experiments.jobs import jobs_of
from windlass.services.experiments.model_log import HISTORY_TAG, models_logged
from windlass.services.experiments.reading import RunReader
from windlass.services.experiments.records import RunRecord, plain
from windlass.services.experiments.rows import JOB_TAG, PARENT_TAG, moment, row_of
from windlass.tracking.filters.quoting import quoted
from windlass.tracking.reads import MlflowReads
from windlass.tracking.tracking import Tracking

DESCRIPTION_TAG = "mlflow.note.content"
RECORD_FOLDER = "windlass"
BUNDLE_FILE = f"{RECORD_FOLDER}/bundle.tar.gz"
NOTEBOOK_FILE = f"{RECORD_FOLDER}/executed.ipynb"
_OWN_LONG_TAGS = frozenset({DESCRIPTION_TAG, HISTORY_TAG})


class RunDetails:
    """Single runs of the tracking server. Methods raise Unavailable, MlflowRefused and Upstream."""

    def __init__(self, *, tracking: Tracking, runs: RunReader, ledger: JobLedger, bundles: Bundles) -> None:
        self._tracking = tracking
        self._runs = runs
        self._ledger = ledger
        self._bundles = bundles

    async def get(self, run_id: str, *, owner: str) -> RunDetail:
        """One run, also a deleted one. Raises NotFound."""
        record = await self._runs.get(run_id)
        reads = await self._tracking.reads()
        names, models, files, nested, jobs = await asyncio.gather(
            reads.experiments.names([record.experiment_id]),
            models_of(record, reads),
            _record_files(record, reads),
            _has_nested(record, reads),
            jobs_of([record], ledger=self._ledger, owner=owner),
        )
        job = jobs.get(record.tags.get(JOB_TAG, ""))
        has_bundle = BUNDLE_FILE in files or (job is not None and self._has_bundle(job))
        has_notebook = NOTEBOOK_FILE in files or (job is not None and bool(job.status.get("has_notebook")))
        return RunDetail(
            run=row_of(record, site=self._tracking.browser_site()),
            experiment_name=names.get(record.experiment_id),
            description=record.tags.get(DESCRIPTION_TAG),
            metrics=_metrics_of(record),
            params=[TextValue(key=key, value=value) for key, value in sorted(record.params.items())],
            tags=[TextValue(key=key, value=value) for key, value in _tags_of(record)],
            inputs=list(record.inputs),
            models=models,
            nested=nested,
            can_rerun=has_bundle,
            executed_notebook=f"runs/{record.id}/notebook" if has_notebook else None,
            bundle=f"runs/{record.id}/bundle" if has_bundle else None,
        )

    def _has_bundle(self, job: JobRow) -> bool:
        return job.bundle_sha256 is not None and self._bundles.path(job.bundle_sha256).is_file()


def _metrics_of(record: RunRecord) -> list[MetricValue]:
    return [
        MetricValue(key=key, value=plain(latest.value), step=latest.step, at=moment(latest.time_ms))
        for key, latest in sorted(record.metrics.items())
    ]


def _tags_of(record: RunRecord) -> list[tuple[str, str]]:
    return sorted((key, value) for key, value in record.tags.items() if key not in _OWN_LONG_TAGS)


async def models_of(record: RunRecord, reads: MlflowReads) -> list[RunModel]:
    """The models that a run made: LoggedModels, and folders among its files as older clients make them."""
    """The models that a run made: LoggedModels, and the folders that older clients logged."""
    given = {"outputs": {"model_outputs": [{"model_id": model_id} for model_id in record.model_outputs]}}
    found = [_logged_model(model) for model in await reads.logged_models.of_run(given)]
    folders = [
        RunModel(
            name=folder.path.rsplit("/", 1)[-1],
            path=folder.path,
            flavors=list(folder.flavors),
            uri=f"runs:/{record.id}/{folder.path}",
        )
        for folder in models_logged(record)
    ]
    # Some clients write both: the thing of its own is the one to take.
    known = {model.name for model in found}
    return found + [folder for folder in folders if folder.name not in known]


def _logged_model(model: Mapping[str, Any]) -> RunModel:
    info = model.get("info") or {}
    model_id = str(info.get("model_id") or "")
    return RunModel(name=str(info.get("name") or model_id), model_id=model_id, uri=f"models:/{model_id}")


async def _record_files(record: RunRecord, reads: MlflowReads) -> frozenset[str]:
    """Paths in the folder that a job's record puts beside its run; empty where it cannot be looked into."""
    if JOB_TAG not in record.tags:
        return frozenset()
    try:
        page = await reads.artifacts.list(run_id=record.id, path=RECORD_FOLDER)
    except (Unavailable, Upstream):
        return frozenset()
    return frozenset(str(file.get("path")) for file in page.items if not file.get("is_dir"))


async def _has_nested(record: RunRecord, reads: MlflowReads) -> bool:
    condition = f"tags.`{PARENT_TAG}` = {quoted(record.id)}"
    page = await reads.runs.search(
        experiment_ids=[record.experiment_id], filter=condition, deleted=record.deleted, limit=1
    )
    return bool(page.items)
