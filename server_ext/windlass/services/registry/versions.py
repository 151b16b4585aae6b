"""One version with what its files and its run say, and two of them side by side."""

from __future__ import annotations

import asyncio
from typing import Any

from windlass.contract.models import ModelVersionDetail, VersionComparison
from windlass.contract.runs import MetricValue, TextValue
from windlass.errors import NotFound, Upstream
from windlass.services.experiments.compare import compared
from windlass.services.experiments.reading import RunReader
from windlass.services.experiments.records import Latest, RunRecord, number_of, plain
from windlass.services.experiments.rows import moment
from windlass.services.registry.files import VersionFiles
from windlass.services.registry.models import ModelRegistry
from windlass.services.registry.names import invalid
from windlass.services.registry.rows import Row, model_id_of
from windlass.services.registry.signatures import schema_changes
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.reads import MlflowReads
from windlass.tracking.tracking import Tracking

Metrics = dict[str, Latest]


class Versions:
    """Versions of the tracking server's models. Methods raise NotFound, Unavailable, MlflowRefused and Upstream."""

    def __init__(self, *, tracking: Tracking, runs: RunReader, models: ModelRegistry, files: VersionFiles) -> None:
        self._tracking = tracking
        self._runs = runs
        self._models = models
        self._files = files

    async def get(self, name: str, version: str) -> ModelVersionDetail:
        """A version, with what its files and its run say."""
        found = await self._models.found(name, version)
        reads = await self._tracking.reads()
        shown, facts, run, (metrics, params) = await asyncio.gather(
            self._models.shown(found),
            self._files.of(found, reads),
            self._run_of(found),
            _logged(found, reads),
        )
        if run is not None:
            metrics, params = {**run.metrics, **metrics}, {**run.params, **params}
        messages = [facts.message, _about(found, run)]
        return ModelVersionDetail(
            version=shown,
            metrics=[
                MetricValue(key=key, value=plain(latest.value), step=latest.step, at=moment(latest.time_ms))
                for key, latest in sorted(metrics.items())
            ],
            params=[TextValue(key=key, value=value) for key, value in sorted(params.items())],
            signature=facts.model.signature,
            flavors=facts.model.flavors,
            size_bytes=facts.model.size_bytes,
            requirements=facts.requirements,
            mlflow_version=facts.model.mlflow_version,
            message=" ".join(filter(None, messages)) or None,
        )

    async def compare(self, name: str, version: str, *, present: str | None) -> VersionComparison:
        """A version against the present one. Raises InvalidRequest when that is not named."""
        if not present:
            raise invalid("with", "Name the version to compare with.")
        before, after = await asyncio.gather(self.get(name, present), self.get(name, version))
        changes = schema_changes(before.signature, after.signature) if before.signature and after.signature else None
        return VersionComparison(
            before=before,
            after=after,
            metrics=compared([{metric.key: metric.value for metric in side.metrics} for side in (before, after)]),
            params=compared([{param.key: param.value for param in side.params} for side in (before, after)]),
            schema_changes=changes or [],
            breaking=None if changes is None else any(change.breaking for change in changes),
        )

    async def _run_of(self, found: Row) -> RunRecord | None:
        run_id = str(found.get("run_id") or "")
        try:
            return await self._runs.known(run_id) if run_id else None
        except (NotFound, MlflowRefused):
            return None


def _about(found: Row, run: RunRecord | None) -> str | None:
    if not found.get("run_id"):
        return None
    if run is None:
        return "Its source run is gone, or not yours to read: what it measured is not known."
    return "Its source run is deleted; MLflow can restore it for a while." if run.deleted else None


async def _logged(found: Row, reads: MlflowReads) -> tuple[Metrics, dict[str, str]]:
    """Metrics and parameters of the LoggedModel that a version is of; none where there is no such model."""
    model_id = model_id_of(found)
    if model_id is None:
        return {}, {}
    try:
        model = await reads.logged_models.get(model_id)
    except MlflowRefused:
        return {}, {}
    data: dict[str, Any] = model.get("data") or {}
    try:
        return _newest(data.get("metrics") or ()), {
            str(param["key"]): str(param.get("value", "")) for param in data.get("params") or ()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"MLflow answered a model that cannot be understood: {type(error).__name__} in it."
        raise Upstream(message) from error


def _newest(metrics: Any) -> Metrics:
    """The newest value of each metric: a model has one for each data set and step."""
    found: Metrics = {}
    for metric in metrics:
        latest = Latest(
            number_of(metric.get("value", 0.0)), int(metric.get("step") or 0), int(metric.get("timestamp") or 0) or None
        )
        known = found.get(str(metric["key"]))
        if known is None or (latest.step or 0, latest.time_ms or 0) >= (known.step or 0, known.time_ms or 0):
            found[str(metric["key"])] = latest
    return found
