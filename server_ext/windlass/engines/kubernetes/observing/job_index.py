"""Which object belongs to which job, as objects come, change and go in any order.

A pod may be told before its job, and an event before its pod. So each object is kept by what it can be found by, and a
job is put together when somebody asks for it.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field

from windlass.engines.kubernetes.model import Object, Observed
from windlass.engines.kubernetes.observing.conditions import created_at, event_time, holding, labels
from windlass.engines.kubernetes.observing.pod_status import JOBSET_LABEL
from windlass.kube.names import JOB_LABEL
from windlass.kube.resources import JOB_SETS, JOBS

MOST_GONE = 1000
"""Jobs whose object is gone that are remembered."""
MOST_EVENTS = 20
"""Events kept of one object; the newest."""

_CLOCKS_DIFFER_SECONDS = 60.0
_JOB_UID_LABEL = "kueue.x-k8s.io/job-uid"
_ENDS = ("Succeeded", "Complete", "Failed")
_CLAIM = "claim "


@dataclass
class _Job:
    """A job's own object, and what was seen of its coming and going."""

    live: Object | None
    last: Object
    seen_at: float
    age_then: float
    """How old it was then, in seconds."""
    missing: set[str] = field(default_factory=set)
    """Names of pods that went while the job went on."""
    replaced: int = 0
    departed: dict[str, Object] = field(default_factory=dict)
    """Pods that went as the job ended, as they were last, by uid."""
    end_unseen: bool = False
    """Its object went while nobody watched."""


class JobIndex:
    """Feed it changes of all kinds; it says which jobs they are of."""

    def __init__(self) -> None:
        self._jobs: dict[str, _Job] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._ids_by_name: dict[str, str] = {}
        self._ids_by_uid: dict[str, str] = {}
        """Of jobs, of what operators make for them, and of pods."""
        self._children: defaultdict[str, set[str]] = defaultdict(set)
        """Uids of JobSets and Jobs that belong to a job, by its id."""
        self._pods: defaultdict[str, dict[str, Object]] = defaultdict(dict)
        """By job id and uid."""
        self._unlabelled: defaultdict[str, dict[str, Object]] = defaultdict(dict)
        """Pods without the job's label, by the name of their JobSet and uid."""
        self._jobsets: dict[str, Object] = {}
        self._workloads: dict[str, Object] = {}
        """By the uid of the job."""
        self._events: defaultdict[str, dict[str, Object]] = defaultdict(dict)
        """By what they are about (`_about`) and their own name."""
        self._claims: defaultdict[str, set[str]] = defaultdict(set)
        """Job ids by the names of the volume claims their pods mount."""

    def job_ids(self) -> list[str]:
        """Of jobs whose object is there."""
        return [job_id for job_id, job in self._jobs.items() if job.live is not None]

    def note(
        self, old: Object | None, new: Object | None, *, now: float, wall: float, unseen: bool = False
    ) -> list[str]:
        """Take over a change; which jobs it is of, as far as they are known yet.

        Args:
            old: as it was, None for what is new.
            new: as it is, None for what is gone.
            now: in seconds of some steady clock.
            wall: POSIX seconds.
            unseen: it went while nobody watched, and may have changed before that.
        """
        item = new or old or {}
        kind = item.get("kind")
        if kind == "Event":
            return self._note_event(old, new)
        if kind == "Pod":
            return self._note_pod(old, new)
        if kind == JOB_SETS.kind:
            return self._note_jobset(item, new)
        if kind == "Workload":
            return self._note_workload(item, new)
        if kind == JOBS.kind and item["metadata"].get("ownerReferences"):
            return self._note_child(item, new)
        return self._note_job(item, new, now=now, wall=wall, unseen=unseen)

    def seen(self, job_id: str, *, now: float) -> Observed | None:
        """All that is known of a job; None when its object was never seen. `now` is of the clock of `note`."""
        job = self._jobs.get(job_id)
        if job is None:
            return None
        metadata = job.last["metadata"]
        pods = [*self._pods.get(job_id, {}).values(), *self._unlabelled.get(metadata["name"], {}).values()]
        jobset = self._jobsets.get(metadata["name"])
        there = {pod["metadata"]["uid"] for pod in pods}
        return Observed(
            job=job.live,
            last=job.last,
            pods=pods,
            events=self._events_of(job_id, pods),
            workload=self._workloads.get(metadata["uid"]),
            jobset=jobset,
            seconds_since_created=job.age_then + now - job.seen_at,
            replaced=job.replaced,
            departed=[each for uid, each in job.departed.items() if uid not in there],
            end_unseen=job.live is None and job.end_unseen,
        )

    def forget(self, job_id: str) -> None:
        """Drop a job whose object is gone; one that is there stays."""
        job = self._jobs.get(job_id)
        if job is None or job.live is not None:
            return
        metadata = job.last["metadata"]
        del self._jobs[job_id]
        self._gone.pop(job_id, None)
        self._ids_by_name.pop(metadata["name"], None)
        for uid in (metadata["uid"], *self._children.pop(job_id, ())):
            self._ids_by_uid.pop(uid, None)
        for known in self._claims.values():
            known.discard(job_id)

    def _note_job(self, item: Object, new: Object | None, *, now: float, wall: float, unseen: bool) -> list[str]:
        job_id = labels(item).get(JOB_LABEL)
        if job_id is None:
            return []
        job = self._jobs.get(job_id)
        if job is None or job.last["metadata"]["uid"] != item["metadata"]["uid"]:
            age = wall - (created_at(item) or wall)
            # The cluster's clock may be another; what seems young is taken for just made.
            job = _Job(live=None, last=item, seen_at=now, age_then=age if age > _CLOCKS_DIFFER_SECONDS else 0.0)
            self._jobs[job_id] = job
        job.live, job.last, job.end_unseen = new, item, unseen
        self._ids_by_name[item["metadata"]["name"]] = job_id
        self._ids_by_uid[item["metadata"]["uid"]] = job_id
        if not _goes_on(item):
            # Its pods are taken away on purpose, and come again, if they do, as a new start.
            job.missing.clear()
        if new is not None and not _ends(item):
            job.departed.clear()
        self._gone.pop(job_id, None)
        if new is None:
            self._gone[job_id] = None
            while len(self._gone) > MOST_GONE:
                self.forget(next(iter(self._gone)))
        return [job_id]

    def _note_pod(self, old: Object | None, new: Object | None) -> list[str]:
        item = new or old or {}
        uid, name = item["metadata"]["uid"], item["metadata"]["name"]
        job_id = labels(item).get(JOB_LABEL)
        jobset = labels(item).get(JOBSET_LABEL, "")
        store, key = (self._pods, job_id) if job_id is not None else (self._unlabelled, jobset)
        if new is not None:
            store[key][uid] = new
        else:
            store[key].pop(uid, None)
            if not store[key]:
                del store[key]
        job_id = job_id or self._ids_by_name.get(jobset)
        if job_id is None:
            return []
        self._count(job_id, name, came=old is None, went=new is None)
        job = self._jobs.get(job_id)
        if new is None and job is not None and (job.live is None or _ends(job.live)):
            job.departed[uid] = item
        if new is not None:
            self._ids_by_uid[uid] = job_id
            for claim in _claims(new):
                self._claims[claim].add(job_id)
        else:
            self._ids_by_uid.pop(uid, None)
        return [job_id] if job_id in self._jobs else []

    def _count(self, job_id: str, pod: str, *, came: bool, went: bool) -> None:
        """A pod that goes while its job goes on, and comes again by the same name, was replaced."""
        job = self._jobs.get(job_id)
        if job is None:
            return
        if went and job.live is not None and _goes_on(job.live):
            job.missing.add(pod)
        elif came and pod in job.missing:
            job.missing.discard(pod)
            job.replaced += 1

    def _note_jobset(self, item: Object, new: Object | None) -> list[str]:
        name = item["metadata"]["name"]
        if new is not None:
            self._jobsets[name] = new
        else:
            self._jobsets.pop(name, None)
        return self._of_child(item, new, self._ids_by_name.get(name))

    def _note_child(self, item: Object, new: Object | None) -> list[str]:
        """A Job that belongs to a JobSet: only events about it matter."""
        job_id = labels(item).get(JOB_LABEL) or self._ids_by_name.get(labels(item).get(JOBSET_LABEL, ""))
        return self._of_child(item, new, job_id)

    def _of_child(self, item: Object, new: Object | None, job_id: str | None) -> list[str]:
        if job_id is None:
            return []
        uid = item["metadata"]["uid"]
        if new is not None:
            self._ids_by_uid[uid] = job_id
            self._children[job_id].add(uid)
        else:
            self._ids_by_uid.pop(uid, None)
            self._children[job_id].discard(uid)
        return [job_id]

    def _note_workload(self, item: Object, new: Object | None) -> list[str]:
        uids = [str(each.get("uid")) for each in item["metadata"].get("ownerReferences") or ()]
        uid = labels(item).get(_JOB_UID_LABEL) or (uids[0] if uids else "")
        if new is not None:
            self._workloads[uid] = new
        else:
            self._workloads.pop(uid, None)
        job_id = self._ids_by_uid.get(uid)
        return [job_id] if job_id is not None else []

    def _note_event(self, old: Object | None, new: Object | None) -> list[str]:
        item = new or old or {}
        about = _about(item)
        if about is None:
            return []
        known = self._events[about]
        known.pop(item["metadata"]["name"], None)
        if new is not None:
            known[item["metadata"]["name"]] = new
            while len(known) > MOST_EVENTS:
                del known[next(iter(known))]
        if not known:
            del self._events[about]
        if new is None:
            return []
        claim = about.removeprefix(_CLAIM) if about.startswith(_CLAIM) else None
        if claim is not None:
            return sorted(self._claims.get(claim, ()))
        job_id = self._ids_by_uid.get(about)
        return [job_id] if job_id is not None else []

    def _events_of(self, job_id: str, pods: list[Object]) -> list[Object]:
        keys = [self._jobs[job_id].last["metadata"]["uid"], *self._children.get(job_id, ())]
        keys += [pod["metadata"]["uid"] for pod in pods]
        keys += [f"{_CLAIM}{claim}" for pod in pods for claim in _claims(pod)]
        found = [each for key in dict.fromkeys(keys) for each in self._events.get(key, {}).values()]
        return sorted(found, key=lambda each: event_time(each) or 0.0)


def _about(event: Object) -> str | None:
    """What an event is about: a uid, or a volume claim's name; None for what no job has."""
    about = event.get("involvedObject") or {}
    if about.get("kind") == "PersistentVolumeClaim":
        return f"{_CLAIM}{about.get('name')}"
    return about.get("uid")


def _claims(pod: Object) -> list[str]:
    found = (volume.get("persistentVolumeClaim") or {} for volume in pod.get("spec", {}).get("volumes") or ())
    return [str(each["claimName"]) for each in found if each.get("claimName")]


def _goes_on(job: Object) -> bool:
    """Whether the operator should keep the job's pods there."""
    spec = job.get("spec") or {}
    suspended = spec.get("suspend") or (spec.get("runPolicy") or {}).get("suspend")
    return not (suspended or _ends(job))


def _ends(job: Object) -> bool:
    """Whether the job has ended, or is to end."""
    return bool(job["metadata"].get("deletionTimestamp")) or any(holding(job, kind) for kind in _ENDS)
