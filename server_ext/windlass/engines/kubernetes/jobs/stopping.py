"""Ends jobs for good: their object goes from the cluster, and with it everything that runs.

The wish lies on disk before anything is asked of the cluster. While the cluster does not answer it is tried again, by
this server or the next one, so that a job which was stopped never goes on for long.
"""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import suppress

from windlass.engines.base import State
from windlass.engines.kubernetes.cluster.connected import ClusterAccess, Opened
from windlass.engines.kubernetes.jobs.live_job import LiveJob
from windlass.engines.kubernetes.jobs.live_jobs import STOPPING, LiveJobs
from windlass.engines.kubernetes.model import ClusterFacts
from windlass.engines.kubernetes.refusals import refusal
from windlass.errors import Unavailable
from windlass.kube.client import KubeClient
from windlass.kube.errors import Forbidden, KubeError, NotFound
from windlass.kube.names import object_name
from windlass.kube.resources import CONFIG_MAPS, TRAIN_JOBS, TRAINING_RUNTIMES

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0

_log = logging.getLogger(__name__)


async def remove_objects(client: KubeClient, job: LiveJob, *, namespace: str, facts: ClusterFacts) -> None:
    """Have everything of a job removed; what is gone already is no error. Raises a KubeError.

    The object goes at once, and the cluster takes away what it owns: an operator that still sees the object would make
    its pods again.
    """
    name = object_name(job.spec.name, job.id)
    served = job.kind.served(facts)
    if served is not None:
        with suppress(NotFound):
            await client.delete(served, name, namespace=namespace, propagation="Background")
    has_runtime = job.kind.name == TRAIN_JOBS.kind and TRAINING_RUNTIMES.kind in facts.kinds
    # These go with their owner, but one that was made in a moment of trouble may have none. Who may not remove them
    # has stopped the job all the same.
    for resource in [*([TRAINING_RUNTIMES] if has_runtime else []), CONFIG_MAPS]:
        with suppress(NotFound, Forbidden):
            await client.delete(resource, name, namespace=namespace, propagation="Background")


class Stopper:
    """Carries out wishes to stop."""

    def __init__(self, *, access: ClusterAccess, live: LiveJobs) -> None:
        self._access = access
        self._live = live
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def stop(self, job: LiveJob, *, reason: str) -> None:
        """Stop a job, now or as soon as the cluster answers. Raises OSError, and Forbidden: then it goes on."""
        await asyncio.to_thread(job.wish_end, reason)
        try:
            opened = await self._access.get()
            if not job.is_at(opened.home):
                await self._live.give_up(job)
                return
            await self._carry_out(opened, job)
        except Forbidden as error:
            await asyncio.to_thread(job.drop_wish)
            raise refusal(error, doing="stop the job") from error
        except (KubeError, Unavailable) as error:
            self._try_later(job)
            await self._say_trouble(job, f"to be stopped as soon as the cluster answers: {error}")

    async def resume(self, opened: Opened) -> None:
        """The cluster answers: carry out what was wished before."""
        for job in [*self._live, *self._live.unconfirmed]:
            if self._is_due(opened, job):
                try:
                    await self._carry_out(opened, job)
                except KubeError:
                    self._try_later(job)

    async def close(self) -> None:
        """Try no more; the wishes stay."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @staticmethod
    def _is_due(opened: Opened, job: LiveJob) -> bool:
        """Whether there is a wish that can be carried out, also of a job that was given up as out of reach."""
        if job.wish is None or not job.is_at(opened.home):
            return False
        given_up = job.record.state is State.LOST and job.id in opened.watch.job_ids()
        return given_up or not job.is_final

    async def _carry_out(self, opened: Opened, job: LiveJob) -> None:
        await remove_objects(opened.client, job, namespace=opened.namespace, facts=opened.facts)
        job.stop_trouble = None
        if self._live.get(job.id) is None:
            # Nobody ever saw it run: there is nothing to keep.
            await asyncio.to_thread(job.mirror.remove)
        elif not job.is_final:
            await self._live.look(job.id)

    async def _say_trouble(self, job: LiveJob, trouble: str) -> None:
        job.stop_trouble = trouble
        await self._live.say(job, trouble)

    def _try_later(self, job: LiveJob) -> None:
        known = self._tasks.get(job.id)
        if known is None or known.done():
            self._tasks[job.id] = asyncio.create_task(self._keep_trying(job), name=f"stop of job {job.id}")

    async def _keep_trying(self, job: LiveJob) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            await asyncio.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311 - jitter
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            try:
                opened = await self._access.get()
                if not job.is_at(opened.home):
                    return
                await self._carry_out(opened, job)
            except Forbidden as error:
                # Asking again brings no right: the job goes on, and says why.
                await asyncio.to_thread(job.drop_wish)
                await self._say_trouble(job, f"could not be stopped: {refusal(error, doing='stop the job')}")
                return
            except (KubeError, Unavailable) as error:
                _log.info("Job %s is still to be stopped: %s", job.id, error)
                continue
            if not job.is_final and self._live.get(job.id) is not None:
                await self._live.say(job, STOPPING)
            return
