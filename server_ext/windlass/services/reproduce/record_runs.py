"""Which run of a job carries its record: a job may have made several, and one of them has its files."""

from __future__ import annotations

from windlass.services.experiments.records import RunRecord, record_of
from windlass.services.experiments.rows import JOB_TAG
from windlass.tracking.filters.quoting import quoted
from windlass.tracking.tracking import Tracking

MOST = 50
_STATE_TAG = "windlass.state"
"""Set with the record, on the run that carries it."""


class RecordRuns:
    """Finds the runs beside a run. Methods raise Unavailable, MlflowRefused and Upstream."""

    def __init__(self, *, tracking: Tracking) -> None:
        self._tracking = tracking

    async def beside(self, record: RunRecord) -> list[RunRecord]:
        """The other runs of its job that may carry the record: those of the same experiment, at most 50."""
        job_id = record.tags.get(JOB_TAG)
        if job_id is None or _STATE_TAG in record.tags:
            return []
        reads = await self._tracking.reads()
        page = await reads.runs.search(
            experiment_ids=[record.experiment_id], filter=f"tags.`{JOB_TAG}` = {quoted(job_id)}", limit=MOST
        )
        runs = [record_of(run) for run in page.items]
        return [run for run in runs if run.id != record.id and _STATE_TAG in run.tags]
