"""What the cluster says of all jobs at once: one watch for each kind of object, however many jobs there are.

The API is asked O(1) times, and a change costs as much as the job it belongs to has pods. What is kept is what phases,
reasons and time lines read, and nothing else of objects that may be large (`trimming`).

Objects find their job by the label `windlass.io/job`; Kueue's Workloads by the uid they carry, JobSets and the pods of
Trainer 2.0 (which cannot label them) by their owner's name, events by the object they are about. Nothing here knows
what any of it means.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from windlass.engines.kubernetes.conditions import labels
from windlass.engines.kubernetes.job_index import JobIndex
from windlass.engines.kubernetes.kinds.choosing import KINDS
from windlass.engines.kubernetes.kinds.common import QUEUE_LABEL
from windlass.engines.kubernetes.model import ClusterFacts, Object, Observed
from windlass.engines.kubernetes.pod_status import JOBSET_LABEL
from windlass.engines.kubernetes.queueing import GRACE_SECONDS
from windlass.engines.kubernetes.trimming import EVENT_SELECTOR, event, job_object, pod, workload
from windlass.kube.client import KubeClient
from windlass.kube.errors import Forbidden, KubeError
from windlass.kube.names import JOB_LABEL, job_selector
from windlass.kube.reflector import Reflector
from windlass.kube.resources import EVENTS, PODS, TRAIN_JOBS, TRAINING_RUNTIMES, Resource

Transform = Callable[[Object], Object]


class JobWatch:
    """Start it in the event loop of its client; all else is asked there too. `changes` has one consumer."""

    def __init__(self, client: KubeClient, *, namespace: str, facts: ClusterFacts) -> None:
        self._client = client
        self._namespace = namespace
        self._index = JobIndex()
        self._changed: dict[str, None] = {}
        self._news = asyncio.Event()
        self._alarms: set[asyncio.TimerHandle] = set()
        jobs = [(kind.name, kind.served(facts)) for kind in KINDS.values()]
        self._jobs = [self._reflector(found, job_object, job_selector()) for _, found in jobs if found is not None]
        self._others = [self._reflector(PODS, pod, job_selector())]
        if TRAIN_JOBS.kind in facts.kinds and TRAINING_RUNTIMES.kind not in facts.kinds:
            # Pods of Trainer 2.0 carry none of the job's labels.
            self._others.append(self._reflector(PODS, pod, f"{JOBSET_LABEL},!{JOB_LABEL}"))
        for kind, transform in (("JobSet", job_object), ("Workload", workload)):
            if (served := facts.kinds.get(kind)) is not None:
                self._others.append(self._reflector(served.resource, transform))
        self._events = self._reflector(EVENTS, event, fields=EVENT_SELECTOR)

    def start(self) -> None:
        """Begin to watch; does nothing while it does."""
        for reflector in self._all:
            reflector.start()

    async def ready(self, timeout: float) -> None:
        """Wait until everything that may be read was listed once, `timeout` seconds at most.

        Raises the KubeError of what did not come; Forbidden only where no kind of job, or no pod, may be listed.
        """
        found = await asyncio.gather(*(each.ready(timeout) for each in self._all), return_exceptions=True)
        refused = [isinstance(error, Forbidden) for error in found]
        for error in found:
            if isinstance(error, BaseException) and not isinstance(error, Forbidden):
                raise error
        kinds = len(self._jobs)
        if (kinds and all(refused[:kinds])) or refused[kinds]:
            raise next(error for error in found if isinstance(error, KubeError))

    async def stop(self) -> None:
        """End all watches. What is known stays."""
        for alarm in self._alarms:
            alarm.cancel()
        self._alarms.clear()
        await asyncio.gather(*(reflector.stop() for reflector in self._all))

    def job_ids(self) -> list[str]:
        """Of all jobs whose object is in the cluster."""
        return self._index.job_ids()

    def seen(self, job_id: str) -> Observed | None:
        """What is known of a job now; None where nothing is. A job that is gone keeps its last object for a while."""
        return self._index.seen(job_id, now=time.monotonic())

    def forget(self, job_id: str) -> None:
        """Drop what is kept of a job whose object is gone."""
        self._index.forget(job_id)

    async def changes(self) -> AsyncIterator[str]:
        """The ids of jobs as they change, for ever; one that changes often before it is taken comes once."""
        while True:
            while self._changed:
                job_id = next(iter(self._changed))
                del self._changed[job_id]
                yield job_id
            self._news.clear()
            await self._news.wait()

    @property
    def stale_since(self) -> float | None:
        """Since when (`time.monotonic`) changes may have been missed; None while all watches stand."""
        known = [each.stale_since for each in self._all if each.stopped_because is None]
        return min((each for each in known if each is not None), default=None)

    @property
    def forbidden(self) -> list[str]:
        """The rights that are missing: `list events in namespace x`. What needs them is not known; the rest goes on."""
        return [each.stopped_because for each in self._all if each.stopped_because is not None]

    @property
    def _all(self) -> list[Reflector]:
        return [*self._jobs, *self._others, self._events]

    def _reflector(
        self, resource: Resource, transform: Transform, selector: str = "", *, fields: str = ""
    ) -> Reflector:
        return Reflector(
            self._client,
            resource,
            namespace=self._namespace,
            label_selector=selector,
            field_selector=fields,
            transform=transform,
            on_change=self._noted,
        )

    def _noted(self, _change: str, old: Object | None, new: Object | None) -> None:
        for job_id in self._index.note(old, new, now=time.monotonic(), wall=time.time()):
            self._tell(job_id)
            if old is None and new is not None and QUEUE_LABEL in labels(new):
                self._look_again(job_id)

    def _tell(self, job_id: str) -> None:
        self._changed[job_id] = None
        self._news.set()

    def _look_again(self, job_id: str) -> None:
        """Whether a queue is in force shows by what has not happened, which no watch tells."""

        def look() -> None:
            self._alarms.discard(alarm)
            self._tell(job_id)

        alarm = asyncio.get_running_loop().call_later(GRACE_SECONDS + 0.1, look)
        self._alarms.add(alarm)
