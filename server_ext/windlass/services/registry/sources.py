"""The runs that versions came from: their names, experiments, jobs and first metrics, for lists of versions.

A page of versions names up to 200 runs, and MLflow tells of them one by one; so what is needed of those that have ended
is kept for some minutes. A run that is gone for good is simply not known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from windlass.contract.runs import MetricValue
from windlass.services.experiments.cache import BoundedCache
from windlass.services.experiments.reading import RunReader
from windlass.services.experiments.records import RunRecord, plain
from windlass.services.experiments.rows import JOB_TAG, moment, shortened

_FRESH_SECONDS = 300.0
_BUDGET_BYTES = 2 << 20
_ENTRY_BYTES = 400
_METRIC_BYTES = 300
_MOST_METRICS = 8
_NOT_OF_THE_MODEL = ("system/", "windlass.")


@dataclass(frozen=True, kw_only=True)
class SourceRun:
    """What a version shows of its run."""

    name: str
    experiment_id: str
    job_id: str | None
    metrics: tuple[MetricValue, ...]

    @classmethod
    def of(cls, record: RunRecord) -> SourceRun:
        """What is needed of a run."""
        job_id = record.tags.get(JOB_TAG)
        return cls(
            name=shortened(record.name),
            experiment_id=record.experiment_id,
            job_id=shortened(job_id) if job_id else None,
            metrics=_few(record),
        )


def _few(record: RunRecord) -> tuple[MetricValue, ...]:
    """The first metrics by name, without those that say how the machine or Windlass fared."""
    keys = sorted(key for key in record.metrics if not key.startswith(_NOT_OF_THE_MODEL))[:_MOST_METRICS]
    return tuple(
        MetricValue(key=key, value=plain(latest.value), step=latest.step, at=moment(latest.time_ms))
        for key, latest in ((key, record.metrics[key]) for key in keys)
    )


class SourceRuns:
    """Runs by id. Methods raise Unavailable and Upstream."""

    def __init__(self, *, runs: RunReader) -> None:
        self._runs = runs
        self._kept: BoundedCache[str, SourceRun] = BoundedCache(budget_bytes=_BUDGET_BYTES)

    async def of(self, run_ids: Iterable[str]) -> dict[str, SourceRun]:
        """Runs by id; those that are gone, or that MLflow does not let us see, are left out."""
        wanted = list(dict.fromkeys(run_id for run_id in run_ids if run_id))
        known = {run_id: self._kept.get(run_id, fresh_seconds=_FRESH_SECONDS) for run_id in wanted}
        found = {run_id: run for run_id, run in known.items() if run is not None}
        records, _ = await self._runs.many([run_id for run_id in wanted if run_id not in found])
        for run_id, record in records.items():
            found[run_id] = SourceRun.of(record)
            if record.has_ended:
                size_bytes = _ENTRY_BYTES + len(found[run_id].name) + _METRIC_BYTES * len(found[run_id].metrics)
                self._kept.put(run_id, found[run_id], size_bytes=size_bytes)
        return found
