"""Keeps a row of each job that has ended, with what it took, while its pods can still be asked.

The row comes before everything else that is done about a job: from then on nothing depends on the cluster's memory.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from windlass.engines.base import State
from windlass.engines.kubernetes.observing.conditions import created_at
from windlass_hub.profiles.model import Prices

from .costs import cost_of
from .records import JobRecord, RecordRefused, Records
from .seen_jobs import Place, SeenJob, SeenJobs
from .verdict import Verdict, told, verdict

log = logging.getLogger("windlass_hub.reconciler")

SETTLE_SECONDS = 60.0
"""How long the pods of a job that has ended may take to end too, before what they took is counted without them."""
MOST_KEPT = 20_000

_T = TypeVar("_T")
Decide = Callable[..., None]
"""`decide(action, target, decision, **detail)`: into the audit log."""


class Keeper:
    """For one hub; used by one task at a time.

    Args:
        jobs: what the cluster has.
        records: where rows are kept.
        prices: of the catalogue in force; None where it cannot be read.
        decide: writes the audit log.
        keep_days: after how many days a row is deleted.
        clock, wall: monotonic, and POSIX seconds.
    """

    def __init__(
        self,
        *,
        jobs: SeenJobs,
        records: Records,
        prices: Callable[[], Awaitable[Prices | None]],
        decide: Decide,
        keep_days: int,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._jobs = jobs
        self._records = records
        self._prices = prices
        self._decide = decide
        self._keep_days = keep_days
        self._clock = clock
        self._wall = wall
        self._again: set[Place] = set()
        """Jobs to look at, whether they change or not."""
        self._kept: set[str] = set()
        """Uids of jobs that have a row."""
        self._ended_at: dict[str, float] = {}
        """When a job without a row was first seen to have ended, by `clock`."""

    async def keep_ended(self) -> int:
        """Keep a row for each job that has ended and has none; how many were kept. Raises RecordsAway.

        Looked at are the jobs that have changed, and those that were not done with the last time.
        """
        self._again |= self._jobs.take_changed()
        seen = [job for place in self._again if (job := self._jobs.find(*place)) is not None]
        self._ended_at = {job.uid: self._ended_at[job.uid] for job in seen if job.uid in self._ended_at}
        ended = [(job, end) for job in seen if job.uid not in self._kept and (end := self._guarded(self._end_of, job))]
        if ended:
            self._kept |= await self._records.known([job.uid for job, _ in ended])
        new = [(job, end) for job, end in ended if job.uid not in self._kept]
        prices = await self._prices() if new else None
        for job, end in new:
            record = self._guarded(partial(self._record_of, end=end, prices=prices), job)
            if record is not None:
                await self._keep(record)
        for job, _ in ended:
            self._ended_at.pop(job.uid, None)
        if len(self._kept) > MOST_KEPT:
            self._kept.clear()  # Those that are looked at again are asked for again.
        self._again = {(job.namespace, job.job_id) for job in seen if job.uid in self._ended_at}
        return len(new)

    async def prune(self) -> int:
        """Delete rows that are older than is kept, but for jobs that the cluster still has. Raises RecordsAway.

        Those would be taken for new, and told of again; so nothing goes while a watch may be behind.
        """
        if self._jobs.problem is not None:
            return 0
        there = {job.uid for job in self._jobs.jobs()}
        gone = await self._records.prune(before=self._wall() - self._keep_days * 86_400.0, keep=there)
        if gone:
            log.info("%d rows of jobs that were older than %d days were deleted.", gone, self._keep_days)
        return gone

    def _guarded(self, work: Callable[[SeenJob], _T | None], job: SeenJob) -> _T | None:
        """What `work` makes of a job; None where it cannot, whatever its user wrote into it."""
        try:
            return work(job)
        except Exception as error:  # noqa: BLE001 - one job must not hold up all users'
            # No traceback: it may hold what the user wrote.
            log.error("The job %s in %s cannot be judged (%s).", job.job_id, job.namespace, type(error).__name__)
            return None

    async def _keep(self, record: JobRecord) -> None:
        detail = {"owner": record.owner, "job": record.job_id, "state": record.state, "cause": record.cause}
        target = f"{record.namespace}/{record.name}"
        try:
            if await self._records.add(record):
                self._decide("job.recorded", target, "allowed", **detail)
        except RecordRefused as error:
            self._decide("job.recorded", target, "failed", reason=str(error), **detail)
        self._kept.add(record.uid)

    def _end_of(self, job: SeenJob) -> Verdict | None:
        """How a job ended, once its pods have too, or had the time to."""
        end = verdict(job.observed)
        if end is None:
            self._ended_at.pop(job.uid, None)
            return None
        since = self._ended_at.setdefault(job.uid, self._clock())
        settled = all(usage.ended or usage.since is None for usage in job.usages)
        return end if settled or self._clock() - since >= SETTLE_SECONDS else None

    def _record_of(self, job: SeenJob, *, end: Verdict, prices: Prices | None) -> JobRecord:
        last = job.observed.job or job.observed.last or {}
        # Of what succeeded all pods must have been there, whatever was seen.
        watched = job.watched and end.state is not State.SUCCEEDED
        of = told(job.observed, end)
        cost = cost_of(job.usages, told=of, watched=watched, prices=prices)
        return JobRecord(
            uid=job.uid,
            job_id=job.job_id,
            owner=job.owner,
            namespace=job.namespace,
            name=str(last["metadata"]["name"]),
            kind=job.resource.kind,
            state=end.state.value,
            cause=end.cause,
            reason=end.reason,
            exit_code=end.exit_code,
            created_at=created_at(last),
            started_at=end.started_at,
            ended_at=end.ended_at,
            recorded_at=self._wall(),
            gpu_hours=cost.gpu_hours,
            usd=cost.usd,
            cost_note=cost.note,
            unseen_of=of.least if cost.unseen else 0,
        )
