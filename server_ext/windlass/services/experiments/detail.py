"""One run, whole: everything MLflow has of it, and what of it can still be had.

The run itself is asked for each time, as whoever opens it may have just changed it; what surrounds it (its experiment's
name, its models, its record's files, runs nested under it) is asked for beside one another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from windlass.contract.runs import MetricValue, RunDetail, RunModel, TextValue
from windlass.errors import InvalidRequest, Unavailable, Upstream
from windlass.ledger.jobs import JobLedger
from windlass.ledger.tables import JobRow
from windlass.services.bundles import Bundles
from windlass.services.experiments.curves import beside
from windlass.services.experiments.jobs import jobs_of
from windlass.services.experiments.model_files import ModelFiles
from windlass.services.experiments.model_log import HISTORY_TAG, LANGUAGE_FLAVOR, models_logged
from windlass.services.experiments.reading import RunReader
from windlass.services.experiments.records import RunRecord, plain
from windlass.services.experiments.rows import JOB_TAG, PARENT_TAG, moment, row_of
from windlass.services.reproduce.record_runs import RecordRuns
from windlass.tracking.filters.quoting import quoted
from windlass.tracking.reads import MlflowReads
from windlass.tracking.tracking import Tracking

DESCRIPTION_TAG = "mlflow.note.content"
RECORD_FOLDER = "windlass"
BUNDLE_FILE = f"{RECORD_FOLDER}/bundle.tar.gz"
NOTEBOOK_FILE = f"{RECORD_FOLDER}/executed.ipynb"
_MOST_FILES = 20
_MOST_CARRIERS = 3
"""There is one, but for jobs that were interrupted."""
_FILES_AT_ONCE = 6
_OWN_LONG_TAGS = frozenset({DESCRIPTION_TAG, HISTORY_TAG})


class RunDetails:
    """Single runs of the tracking server. Methods raise Unavailable, MlflowRefused and Upstream."""

    def __init__(self, *, tracking: Tracking, runs: RunReader, ledger: JobLedger, bundles: Bundles) -> None:
        self._tracking = tracking
        self._runs = runs
        self._ledger = ledger
        self._bundles = bundles
        self._files = ModelFiles()
        self._records = RecordRuns(tracking=tracking)

    async def get(self, run_id: str, *, owner: str) -> RunDetail:
        """One run, also a deleted one. Raises NotFound."""
        record = await self._runs.get(run_id)
        reads = await self._tracking.reads()
        names, models, files, nested, jobs = await asyncio.gather(
            reads.experiments.names([record.experiment_id]),
            self._models(record, reads),
            _record_files(record, reads),
            _has_nested(record, reads),
            jobs_of([record], ledger=self._ledger, owner=owner),
        )
        job = jobs.get(record.tags.get(JOB_TAG, ""))
        found = set(files)
        if job is not None and self._has_bundle(job):
            found.add(BUNDLE_FILE)
        if job is not None and job.status.get("has_notebook"):
            found.add(NOTEBOOK_FILE)
        if not found >= {BUNDLE_FILE, NOTEBOOK_FILE}:
            found |= await self._files_beside(record, reads)
        has_bundle, has_notebook = BUNDLE_FILE in found, NOTEBOOK_FILE in found
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

    async def _files_beside(self, record: RunRecord, reads: MlflowReads) -> frozenset[str]:
        """The same of the run that carries the record, where a job made several; empty where that cannot be told."""
        try:
            others = await self._records.beside(record)
        except (Unavailable, Upstream, InvalidRequest):
            return frozenset()
        found = [await _record_files(other, reads) for other in others[:_MOST_CARRIERS]]
        return frozenset().union(*found)

    async def _models(self, record: RunRecord, reads: MlflowReads) -> list[RunModel]:
        """The run's models, each with its flavors: a LoggedModel has them in a file only."""
        models = await models_of(record, reads)
        unknown = [model for model in models if model.model_id and not model.flavors][:_MOST_FILES]
        asked = [self._files.of(reads, model_id=model.model_id) for model in unknown]
        for model, facts in zip(unknown, await beside(asked, at_once=_FILES_AT_ONCE), strict=True):
            model.flavors = [name for name in facts.flavors if name != LANGUAGE_FLAVOR] if facts is not None else []
        return models

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
