"""Ends jobs and forgets them."""

from __future__ import annotations

import logging

from windlass.contract.jobs import Job, JobState
from windlass.errors import Conflict, NotFound
from windlass.ledger.jobs import JobChange, JobLedger
from windlass.services.bundles import Bundles
from windlass.services.changes import ChangeHub
from windlass.services.engines import Engines
from windlass.services.folding import fold
from windlass.services.present import present

_log = logging.getLogger(__name__)


class JobControl:
    """Stop and delete. Both raise NotFound for a job that is not the owner's."""

    def __init__(self, *, ledger: JobLedger, engines: Engines, bundles: Bundles, hub: ChangeHub) -> None:
        self._ledger = ledger
        self._engines = engines
        self._bundles = bundles
        self._hub = hub

    async def stop(self, job_id: str, *, owner: str, reason: str | None) -> Job:
        """End a job for good; one that has ended stays as it is."""
        row = await self._ledger.get(job_id, owner=owner)
        if JobState(row.state).is_final:
            return present(row)
        engine = self._engines.get(row.engine)
        try:
            await engine.stop(job_id, reason=reason or f"Stopped by {owner}.")
        except NotFound:
            _log.info("Job %s was not known to its engine when it was stopped.", job_id)
        status = await engine.status(job_id)
        if status is not None:
            await self._ledger.apply([fold(status)])
        elif row.state == JobState.SUBMITTED.value:
            stopped = {**row.status, "reason": "Stopped before it was handed to the engine."}
            await self._ledger.apply([JobChange(job_id=job_id, values={"state": "stopped", "status": stopped})])
        self._hub.announce()
        return present(await self._ledger.get(job_id, owner=owner))

    async def delete(self, job_id: str, *, owner: str) -> None:
        """Forget a job that has ended, with its files. Raises Conflict while it lives."""
        row = await self._ledger.get(job_id, owner=owner)
        if not JobState(row.state).is_final:
            raise Conflict(f"{row.name} is {row.state}: stop it first, then delete it.")
        try:
            await self._engines.get(row.engine).remove(job_id)
        except NotFound:
            _log.info("Job %s was forgotten by its engine before it was deleted.", job_id)
        await self._ledger.remove(job_id)
        self._hub.announce()
        await self._bundles.sweep()
