"""The states of a job, from the conditions of its object *and* from its pods: no operator's status alone is enough.

* TrainJob knows Suspended, Complete and Failed, keeps a stale `Suspended=False` last, and counts Jobs, not pods.
* PyTorchJob says Running while one pod crashes in a loop, or was taken away and is made again.
* Job counts failed pods, and says that it will fail before it has.

So conditions are asked by name and only where they are true *now*; ends are believed to the object alone; what is
between comes from the pods. Pure: asks nothing, and knows no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from windlass.engines.base import State
from windlass.engines.kubernetes.kinds.common import QUEUE_LABEL
from windlass.engines.kubernetes.model import Object, Observed, Phase
from windlass.engines.kubernetes.observing.conditions import holding, labels, posix, since, status_of
from windlass.engines.kubernetes.observing.endings import failure
from windlass.engines.kubernetes.observing.pod_status import ATTEMPT_LABEL, REPLICATED_JOB_LABEL, PodStatus, read
from windlass.kube.resources import PYTORCH_JOBS, TRAIN_JOBS

REMOVED = "it was removed from the cluster before it had ended"
LEAVING = "it is being removed from the cluster"
UNSEEN_END = "it went from the cluster while the cluster was not watched: how it ended was not seen"
UNKNOWN_END = "the cluster no longer has it, and nothing there tells how it ended"
_RANKS = "node"
_SAME_SECOND = 1.0
"""Times of the API are whole seconds: a pod made in the second in which another started may be of the same batch."""


@dataclass(frozen=True, kw_only=True)
class _Read:
    """What one kind's object says, in words that all kinds share."""

    failed: Object | None
    succeeded: Object | None
    suspended: bool
    expected: int
    """Pods of ranks."""
    pods: Sequence[PodStatus]
    """The newest of each rank, of the present attempt."""
    past: Sequence[PodStatus] = ()
    """Those that were there before them."""
    has_run: bool = False
    """Some ranks have run before, by the object's word."""
    running_since: float | None = None
    restarting: bool = False
    restarts: int = 0
    """Those the object counts; what containers count is added."""
    ready: bool = False
    """The object says that all pods of ranks run."""


@dataclass(frozen=True, kw_only=True)
class Present:
    """The pods a job has now, and how many it should have."""

    expected: int
    pods: Sequence[PodStatus]
    past: Sequence[PodStatus]


def phase(seen: Observed) -> Phase:
    """How a job stands, whichever kind it is of."""
    return _judged(seen, seen.job or seen.last, _reader(seen))


def present(seen: Observed) -> Present:
    """The pods of the ranks, without those that others have taken the place of."""
    job = seen.job or seen.last
    if job is None:
        return Present(expected=0, pods=(), past=())
    reading = _reading(seen, job, _reader(seen))
    return Present(expected=reading.expected, pods=reading.pods, past=reading.past)


def pytorchjob(seen: Observed) -> Phase:
    """Of a PyTorchJob."""
    return _judged(seen, seen.job or seen.last, _read_pytorchjob)


def trainjob(seen: Observed) -> Phase:
    """Of a TrainJob; its JobSet says how often all ranks were started again."""
    return _judged(seen, seen.job or seen.last, _read_trainjob)


def batchjob(seen: Observed) -> Phase:
    """Of a Job of batch/v1."""
    return _judged(seen, seen.job or seen.last, _read_batchjob)


def _reader(seen: Observed) -> Callable[[Observed, Object], _Read]:
    kinds = {PYTORCH_JOBS.kind: _read_pytorchjob, TRAIN_JOBS.kind: _read_trainjob}
    return kinds.get(str((seen.job or seen.last or {}).get("kind")), _read_batchjob)


def _reading(seen: Observed, job: Object, reader: Callable[[Observed, Object], _Read]) -> _Read:
    """Read once: a thousand jobs of eight pods are looked at now and then."""
    found: _Read | None = seen.readings.get(reader)
    if found is None:
        found = seen.readings[reader] = reader(seen, job)
    return found


def _read_pytorchjob(seen: Observed, job: Object) -> _Read:
    spec = job.get("spec") or {}
    replicas = spec.get("pytorchReplicaSpecs") or {}
    running, restarting = holding(job, "Running"), holding(job, "Restarting")
    pods, past = _slots(seen.pods)
    return _Read(
        failed=holding(job, "Failed"),
        succeeded=holding(job, "Succeeded"),
        suspended=bool((spec.get("runPolicy") or {}).get("suspend")),
        expected=sum(int(each.get("replicas", 1)) for each in replicas.values()),
        pods=pods,
        past=past,
        has_run=running is not None or restarting is not None,
        running_since=since(running),
        restarting=restarting is not None,
        restarts=seen.replaced,
    )


def _read_trainjob(seen: Observed, job: Object) -> _Read:
    spec, trainer = job.get("spec") or {}, (job.get("spec") or {}).get("trainer") or {}
    ranks = [pod for pod in seen.pods if labels(pod).get(REPLICATED_JOB_LABEL, _RANKS) == _RANKS]
    newest = max([int(status_of(seen.jobset).get("restarts") or 0), *map(_attempt, ranks)])
    pods, past = _slots([pod for pod in ranks if _attempt(pod) == newest])
    counted: Object = next((each for each in status_of(job).get("jobsStatus") or () if each.get("name") == _RANKS), {})
    return _Read(
        failed=holding(job, "Failed"),
        succeeded=holding(job, "Complete"),
        suspended=bool(spec.get("suspend")),
        expected=int(trainer.get("numNodes") or _pods_of_ranks(seen.jobset) or 1),
        pods=pods,
        past=[*past, *(read(pod) for pod in ranks if _attempt(pod) < newest)],
        has_run=newest > 0,
        restarting=holding(seen.jobset, "RestartingJobSet") is not None,
        restarts=newest,
        ready=bool(counted.get("ready")),
    )


def _read_batchjob(seen: Observed, job: Object) -> _Read:
    spec, failed = job.get("spec") or {}, holding(job, "Failed")
    pods, past = _slots(seen.pods)
    tries_lost = max(int(status_of(job).get("failed") or 0), len([pod for pod in (*past, *pods) if _is_lost(pod)]))
    is_last = bool(failed or holding(job, "FailureTarget") or tries_lost > int(spec.get("backoffLimit", 6)))
    return _Read(
        failed=failed,
        succeeded=holding(job, "Complete"),
        suspended=bool(spec.get("suspend")),
        expected=int(spec.get("parallelism") or 1),
        pods=pods,
        past=past,
        has_run=tries_lost > 0,
        restarting=not is_last and tries_lost > 0 and all(_is_lost(pod) for pod in pods),
        # The last failure is the end, and none that it started again after.
        restarts=max(0, tries_lost - 1) if is_last else tries_lost,
    )


def _judged(seen: Observed, job: Object | None, reader: Callable[[Observed, Object], _Read]) -> Phase:
    """The table, from the top: an end holds for ever, then what holds the job back, then what the pods do."""
    if job is None:
        return Phase(state=State.LOST, reason=UNKNOWN_END)
    reading = _reading(seen, job, reader)
    departed = [read(pod) for pod in seen.departed]
    everyone = [*reading.pods, *reading.past, *departed]
    known = [reading.running_since, *(pod.started_at for pod in everyone)]
    started = min((each for each in known if each is not None), default=None)
    restarts = reading.restarts + sum(pod.main.restarts for pod in reading.pods)
    state = State.QUEUED if QUEUE_LABEL in labels(job) else State.SUSPENDED
    begun = Phase(state=state, started_at=started, restarts=restarts)
    if reading.failed is not None:
        why, code = failure(reading.failed, reading.pods, [*reading.past, *departed])
        end = _ended(job, reading.failed)
        return replace(begun, state=State.FAILED, reason=why, ended_at=end, exit_code=code)
    if reading.succeeded is not None:
        return replace(begun, state=State.SUCCEEDED, ended_at=_ended(job, reading.succeeded), exit_code=0)
    if seen.job is None and seen.end_unseen:
        return replace(begun, state=State.LOST, reason=UNSEEN_END)
    if seen.job is None:
        return replace(begun, state=State.STOPPED, reason=REMOVED)
    is_leaving = bool(job.get("metadata", {}).get("deletionTimestamp"))
    if not reading.suspended:
        # On its way out its pods go one by one, and none comes again.
        on_its_way = State.PENDING if started is None else State.RUNNING
        begun = replace(begun, state=on_its_way if is_leaving else _by_pods(reading))
    begun = replace(begun, reason=LEAVING if is_leaving else "")
    return begun if begun.state in (State.RUNNING, State.RESTARTING) else replace(begun, started_at=None)


def _by_pods(reading: _Read) -> State:
    """Of a job that has neither ended nor is held back."""
    if reading.restarting or any(pod.stage == "restarting" for pod in reading.pods):
        return State.RESTARTING
    # A pod that failed counts until its job says what follows from it.
    at_work = [pod for pod in reading.pods if pod.stage in ("running", "succeeded", "failed") and not pod.is_leaving]
    if len(at_work) >= reading.expected or (reading.ready and not reading.pods):
        return State.RUNNING
    if reading.has_run and not at_work:
        return State.RESTARTING
    first = min((pod.started_at for pod in at_work if pod.started_at is not None), default=None)
    late = [pod for pod in reading.pods if pod not in at_work]
    again = first is not None and any((pod.created_at or 0.0) > first + _SAME_SECOND for pod in late)
    return State.RESTARTING if again else State.PENDING


def _slots(pods: Sequence[Object]) -> tuple[list[PodStatus], list[PodStatus]]:
    """The newest pod of each rank, and the others."""
    found = sorted((read(pod) for pod in pods), key=lambda pod: pod.created_at or 0.0)
    newest = {pod.title: pod for pod in found}
    return list(newest.values()), [pod for pod in found if newest[pod.title] is not pod]


def _attempt(pod: Object) -> int:
    text = str(labels(pod).get(ATTEMPT_LABEL, ""))
    return int(text) if text.isdecimal() else 0


def _pods_of_ranks(jobset: Object | None) -> int | None:
    for each in ((jobset or {}).get("spec") or {}).get("replicatedJobs") or ():
        if each.get("name") == _RANKS:
            child = (each.get("template") or {}).get("spec") or {}
            return int(child.get("parallelism") or 1) * int(each.get("replicas") or 1)
    return None


def _is_lost(pod: PodStatus) -> bool:
    return pod.stage == "failed" and not pod.is_leaving


def _ended(job: Object, condition: Object) -> float | None:
    return posix(status_of(job).get("completionTime")) or since(condition)
