"""Runs by id, from what was read lately or from MLflow, a few at a time.

One place for all that show single runs (details, comparison, curves, files, lineage), so that they share what is known.
"""

from __future__ import annotations

from collections.abc import Sequence

from windlass.contract.comparison import MissingRun
from windlass.errors import NotFound
from windlass.services.experiments.cache import RunCache
from windlass.services.experiments.records import RunRecord, record_of
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.tracking import Tracking

GONE = "There is no run {} in MLflow: it may have been deleted for good."


class RunReader:
    """Runs of the tracking server. Methods raise Unavailable when it is away, and Upstream for nonsense."""

    def __init__(self, *, tracking: Tracking, cache: RunCache) -> None:
        self._tracking = tracking
        self._cache = cache

    async def get(self, run_id: str) -> RunRecord:
        """One run, as it is now; also a deleted one. Raises NotFound."""
        reads = await self._tracking.reads()
        try:
            record = record_of(await reads.runs.get(run_id))
        except MlflowRefused as refused:
            raise self._told(refused, run_id) from refused
        self._cache.keep([record])
        return record

    async def known(self, run_id: str) -> RunRecord:
        """One run; one that has ended may be as it was half a minute ago. Raises NotFound."""
        return self._cache.get(run_id) or await self.get(run_id)

    async def many(self, run_ids: Sequence[str]) -> tuple[dict[str, RunRecord], list[MissingRun]]:
        """Runs by id, and those that cannot be had; ones that have ended may be as they were half a minute ago."""
        found: dict[str, RunRecord] = {}
        missing: list[MissingRun] = []
        wanted = list(dict.fromkeys(run_ids))
        unknown = []
        for run_id in wanted:
            record = self._cache.get(run_id)
            if record is None:
                unknown.append(run_id)
            else:
                found[run_id] = record
        if unknown:
            reads = await self._tracking.reads()
            for run_id, answer in (await reads.runs.many(unknown)).items():
                if isinstance(answer, MlflowRefused):
                    missing.append(MissingRun(run_id=run_id, message=str(self._told(answer, run_id))))
                else:
                    found[run_id] = record_of(answer)
        self._cache.keep(found[run_id] for run_id in unknown if run_id in found)
        return {run_id: found[run_id] for run_id in wanted if run_id in found}, missing

    def _told(self, refused: MlflowRefused, run_id: str) -> NotFound | MlflowRefused:
        if not (refused.is_missing or refused.is_invalid):
            return refused
        self._cache.forget(run_id)
        return NotFound(GONE.format(run_id[:64]))
