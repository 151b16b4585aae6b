"""Keeps a row of each job that has ended, with what it took, while its pods can still be asked.

The row comes before everything else that is done about a job: from then on nothing depends on the cluster's memory.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from windlass.engines.base import State
from windlass.engines.kubernetes.observing.conditions import created_at
from windlass_hub.profiles.model import Prices

from .costs import cost_of
from .records import JobRecord, Records
from .seen_jobs import Place, SeenJob, SeenJobs
from .verdict import Verdict, expected_pods, verdict

SETTLE_SECONDS = 60.0
"""How long the pods of a job that has ended may take to end too, before what they took is counted without them."""
MOST_KEPT = 20_000

Decide = Callable[..., None]
"""`decide(action, target, decision, **detail)`: into the audit log."""


class Keeper:
    """For one hub; used by one task at a time.

    Args:
        jobs: what the cluster has.
        records: where rows are kept.
        prices: of the catalogue in force; None where it cannot be read.
        decide: writes the audit log.
        clock, wall: monotonic, and POSIX seconds.
    """

    def __init__(
        self,
        *,
        jobs: SeenJobs,
        records: Records,
        prices: Callable[[], Awaitable[Prices | None]],
        decide: Decide,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._jobs = jobs
        self._records = records
        self._prices = prices
        self._decide = decide
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
        ended = [(job, end) for job in seen if job.uid not in self._kept and (end := self._end_of(job))]
        if ended:
            self._kept |= await self._records.known([job.uid for job, _ in ended])
        new = [(job, end) for job, end in ended if job.uid not in self._kept]
        prices = await self._prices() if new else None
        for job, end in new:
            await self._keep(self._record_of(job, end, prices))
        for job, _ in ended:
            self._ended_at.pop(job.uid, None)
        if len(self._kept) > MOST_KEPT:
            self._kept.clear()  # Those that are looked at again are asked for again.
        self._again = {(job.namespace, job.job_id) for job in seen if job.uid in self._ended_at}
        return len(new)

    async def _keep(self, record: JobRecord) -> None:
        if await self._records.add(record):
            detail = {"owner": record.owner, "job": record.job_id, "state": record.state, "cause": record.cause}
            self._decide("job.recorded", f"{record.namespace}/{record.name}", "allowed", **detail)
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

    def _record_of(self, job: SeenJob, end: Verdict, prices: Prices | None) -> JobRecord:
        last = job.observed.job or job.observed.last or {}
        # Of what succeeded all pods must have been there, whatever was seen.
        watched = job.watched and end.state is not State.SUCCEEDED
        cost = cost_of(job.usages, expected=expected_pods(last), watched=watched, prices=prices)
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
        )
