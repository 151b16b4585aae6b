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
from dataclasses import dataclass

from windlass.engines.kubernetes.kinds.choosing import KINDS
from windlass.engines.kubernetes.kinds.common import QUEUE_LABEL
from windlass.engines.kubernetes.model import ClusterFacts, Object, Observed
from windlass.engines.kubernetes.observing.conditions import labels
from windlass.engines.kubernetes.observing.job_index import JobIndex
from windlass.engines.kubernetes.observing.pod_status import JOBSET_LABEL
from windlass.engines.kubernetes.observing.queueing import GRACE_SECONDS
from windlass.engines.kubernetes.observing.trimming import EVENT_SELECTOR, event, job_object, pod, workload
from windlass.kube.client import KubeClient
from windlass.kube.errors import Forbidden, NotFound
from windlass.kube.names import JOB_LABEL, job_selector
from windlass.kube.reflector import Reflector
from windlass.kube.resources import EVENTS, PODS, TRAIN_JOBS, TRAINING_RUNTIMES, Resource


@dataclass(frozen=True, kw_only=True)
class _Watched:
    """What one watch is of."""

    resource: Resource
    transform: Callable[[Object], Object]
    labels: str = ""
    fields: str = ""
    is_job: bool = False
    """The objects are jobs' own."""


_PODS = _Watched(resource=PODS, transform=pod, labels=job_selector())
_PODS_OF_TRAINER_2_0 = _Watched(resource=PODS, transform=pod, labels=f"{JOBSET_LABEL},!{JOB_LABEL}")
"""These carry none of the job's labels."""
_EVENTS = _Watched(resource=EVENTS, transform=event, fields=EVENT_SELECTOR)


def _watched(facts: ClusterFacts) -> list[_Watched]:
    """Everything of which there is something to be seen in this cluster."""
    kinds = [kind.served(facts) for kind in KINDS.values()]
    watched = [
        _Watched(resource=each, transform=job_object, labels=job_selector(), is_job=True)
        for each in kinds
        if each is not None
    ]
    watched.append(_PODS)
    if TRAIN_JOBS.kind in facts.kinds and TRAINING_RUNTIMES.kind not in facts.kinds:
        watched.append(_PODS_OF_TRAINER_2_0)
    for name, transform in (("JobSet", job_object), ("Workload", workload)):
        if (served := facts.kinds.get(name)) is not None:
            watched.append(_Watched(resource=served.resource, transform=transform))
    return [*watched, _EVENTS]


class JobWatch:
    """Start it in the event loop of its client; all else is asked there too. `changes` has one consumer."""

    def __init__(self, client: KubeClient, *, namespace: str, facts: ClusterFacts) -> None:
        self._client = client
        self._namespace = namespace
        self._index = JobIndex()
        self._changed: dict[str, None] = {}
        self._news = asyncio.Event()
        self._alarms: set[asyncio.TimerHandle] = set()
        self._reflectors = {each: self._reflector(each) for each in _watched(facts)}

    def start(self) -> None:
        """Begin to watch, again where that was refused; does nothing to what is watched."""
        for reflector in self._reflectors.values():
            reflector.start()

    def follow(self, facts: ClusterFacts) -> None:
        """From now on watch what the cluster serves by these facts too: an operator was installed.

        What it serves no longer is asked for on: an API server that starts may forget a kind for a moment. What was
        refused is asked for again: roles that are written anew are gone for a moment, too.
        """
        for each in _watched(facts):
            if each not in self._reflectors:
                self._reflectors[each] = self._reflector(each)
        self.start()

    async def ready(self, timeout: float) -> None:
        """Wait until everything that may be read was listed once, `timeout` seconds at most.

        Raises the KubeError of what did not come; Forbidden only where no kind of job, or no pod, may be listed.
        """
        watched = dict(self._reflectors)
        answers = await asyncio.gather(*(each.ready(timeout) for each in watched.values()), return_exceptions=True)
        refused: dict[_Watched, Forbidden] = {}
        for each, error in zip(watched, answers, strict=True):
            if isinstance(error, Forbidden):
                refused[each] = error
            elif isinstance(error, BaseException):
                raise error
        jobs = [each for each in watched if each.is_job]
        if jobs and all(each in refused for each in jobs):
            raise refused[jobs[0]]
        if _PODS in refused:
            raise refused[_PODS]

    async def stop(self) -> None:
        """End all watches. What is known stays."""
        for alarm in self._alarms:
            alarm.cancel()
        self._alarms.clear()
        await asyncio.gather(*(reflector.stop() for reflector in self._reflectors.values()))

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
        # Of a kind that is served no more nothing can be missed.
        stand = [each for each in self._reflectors.values() if not isinstance(each.last_error, NotFound)]
        known = [each.stale_since for each in stand if each.stopped_because is None]
        return min((each for each in known if each is not None), default=None)

    @property
    def forbidden(self) -> list[str]:
        """The rights that are missing: `list events in namespace x`. What needs them is not known; the rest goes on."""
        known = [each.stopped_because for each in self._reflectors.values()]
        return [each for each in known if each is not None]

    def _reflector(self, watched: _Watched) -> Reflector:
        return Reflector(
            self._client,
            watched.resource,
            namespace=self._namespace,
            label_selector=watched.labels,
            field_selector=watched.fields,
            transform=watched.transform,
            on_change=self._noted,
        )

    def _noted(self, change: str, old: Object | None, new: Object | None) -> None:
        unseen = change == "MISSING"
        for job_id in self._index.note(old, new, now=time.monotonic(), wall=time.time(), unseen=unseen):
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
