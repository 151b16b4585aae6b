"""Traces the chain from a run or a model version, both ways.

Each link names the one before it: a run its job and bundle by tags, a version its run. What is named and cannot be had
(a job of another server, a run deleted for good, a notebook that was moved) stays in the chain, marked as missing, so
that a gap is seen as a gap. Deployments will follow versions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from windlass.contract.lineage import Lineage, LineageKind, LineageNode
from windlass.errors import NotFound
from windlass.ledger.jobs import JobLedger
from windlass.ledger.tables import JobRow
from windlass.services.experiments.jobs import jobs_of
from windlass.services.experiments.reading import RunReader
from windlass.services.experiments.records import RunRecord, record_of
from windlass.services.experiments.rows import JOB_TAG, PARENT_TAG, moment
from windlass.services.lineage.chain import Chain
from windlass.services.lineage.origins import Origins
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.filters.quoting import quoted
from windlass.tracking.reads import MlflowReads, Page
from windlass.tracking.tracking import Tracking

MOST_NESTED = 50
MOST_VERSIONS = 50
_MOST_ANCESTORS = 5


class Lineages:
    """Traces chains. Methods raise NotFound, Unavailable, MlflowRefused and Upstream."""

    def __init__(self, *, tracking: Tracking, runs: RunReader, ledger: JobLedger, origins: Origins) -> None:
        self._tracking = tracking
        self._runs = runs
        self._ledger = ledger
        self._origins = origins

    async def of_run(self, run_id: str, *, owner: str) -> Lineage:
        """Where a run came from, the runs nested under it, and the versions that came of them."""
        record = await self._runs.get(run_id)
        reads = await self._tracking.reads()
        ancestors, nested = await asyncio.gather(self._ancestors(record), _nested(record, reads))
        children = [record_of(run) for run in nested.items]
        versions, jobs = await asyncio.gather(
            reads.registry.versions_of_runs([record.id, *(child.id for child in children)], limit=MOST_VERSIONS),
            jobs_of([*ancestors, record, *children], ledger=self._ledger, owner=owner),
        )
        chain = Chain()
        chain.truncated = nested.token is not None or versions.token is not None
        focus = await self._add_with_ancestors(chain, record, ancestors, jobs)
        places = {record.id: focus}
        for child in children:
            places[child.id] = await self._add_run(chain, child, jobs, under=(record, focus))
        for version in versions.items:
            chain.add(_version_node(version), after=places.get(str(version.get("run_id")), focus))
        return chain.whole(focus=focus)

    async def of_version(self, name: str, number: str, *, owner: str) -> Lineage:
        """Where a version came from. Raises NotFound when there is no such version."""
        reads = await self._tracking.reads()
        try:
            version = await reads.registry.version(name, number)
        except MlflowRefused as refused:
            if refused.is_missing or refused.is_invalid:
                told = f"There is no version {number[:20]!r} of a model {name[:100]!r}: it may have been deleted."
                raise NotFound(told) from refused
            raise
        chain = Chain()
        run_id = await _run_of(version, reads)
        before = await self._add_source(chain, run_id, owner=owner) if run_id else None
        return chain.whole(focus=chain.add(_version_node(version), after=before))

    async def _add_source(self, chain: Chain, run_id: str, *, owner: str) -> int:
        try:
            record = await self._runs.known(run_id)
        except NotFound as error:
            gone = LineageNode(kind=LineageKind.RUN, id=run_id, label=run_id[:8], detail=str(error), missing=True)
            return chain.add(gone)
        ancestors = await self._ancestors(record)
        jobs = await jobs_of([*ancestors, record], ledger=self._ledger, owner=owner)
        return await self._add_with_ancestors(chain, record, ancestors, jobs)

    async def _add_with_ancestors(
        self, chain: Chain, record: RunRecord, ancestors: Sequence[RunRecord], jobs: Mapping[str, JobRow]
    ) -> int:
        under: tuple[RunRecord, int] | None = None
        for ancestor in reversed(ancestors):
            under = (ancestor, await self._add_run(chain, ancestor, jobs, under=under))
        return await self._add_run(chain, record, jobs, under=under)

    async def _add_run(
        self,
        chain: Chain,
        record: RunRecord,
        jobs: Mapping[str, JobRow],
        *,
        under: tuple[RunRecord, int] | None = None,
    ) -> int:
        """A run behind what made it: the run it is nested under, and its job unless that made the other one, too."""
        if under is None:
            return chain.add(_run_node(record), after=await self._origins.add(chain, record, jobs))
        parent, place = under
        if record.tags.get(JOB_TAG) not in (None, parent.tags.get(JOB_TAG)):
            chain.add(_run_node(record), after=await self._origins.add(chain, record, jobs))
        return chain.add(_run_node(record), after=place)

    async def _ancestors(self, record: RunRecord) -> list[RunRecord]:
        """The runs it is nested under, the nearest first; as far as they can be had."""
        found: list[RunRecord] = []
        seen = {record.id}
        parent = record.tags.get(PARENT_TAG)
        while parent and parent not in seen and len(found) < _MOST_ANCESTORS:
            seen.add(parent)
            try:
                found.append(await self._runs.known(parent))
            except NotFound:
                break
            parent = found[-1].tags.get(PARENT_TAG)
        return found


async def _nested(record: RunRecord, reads: MlflowReads) -> Page:
    return await reads.runs.search(
        experiment_ids=[record.experiment_id],
        filter=f"tags.`{PARENT_TAG}` = {quoted(record.id)}",
        deleted=record.deleted,
        limit=MOST_NESTED,
    )


async def _run_of(version: Mapping[str, Any], reads: MlflowReads) -> str | None:
    """The run that a version came from; of one made of a LoggedModel alone, the model's."""
    if version.get("run_id"):
        return str(version["run_id"])
    model_id = str(version.get("model_id") or "") or _model_in(str(version.get("source") or ""))
    if not model_id:
        return None
    try:
        model = await reads.logged_models.get(model_id)
    except MlflowRefused as refused:
        if refused.is_missing:
            return None
        raise
    return (model.get("info") or {}).get("source_run_id") or None


def _model_in(source: str) -> str:
    """The LoggedModel that a source names, as `models:/m-…` does."""
    kind, _, rest = source.partition(":/")
    return rest if kind == "models" and rest.startswith("m-") and "/" not in rest else ""


def _run_node(record: RunRecord) -> LineageNode:
    detail = "In MLflow's bin" if record.deleted else record.status.value.capitalize()
    return LineageNode(
        kind=LineageKind.RUN, id=record.id, label=record.name[:200], detail=detail, at=moment(record.started_ms)
    )


def _version_node(version: Mapping[str, Any]) -> LineageNode:
    name, number = str(version.get("name")), str(version.get("version"))
    stage = str(version.get("current_stage") or "None")
    words = [*(f"@{alias}" for alias in version.get("aliases") or ()), *([stage] if stage != "None" else [])]
    return LineageNode(
        kind=LineageKind.MODEL_VERSION,
        id=f"{name}/{number}",
        label=f"{name[:200]} v{number}",
        detail=", ".join(words) or None,
        at=_moment_of(version.get("creation_timestamp")),
    )


def _moment_of(time_ms: object) -> datetime | None:
    return moment(int(time_ms)) if isinstance(time_ms, (int, str)) and str(time_ms).isdecimal() else None
