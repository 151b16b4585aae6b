"""The pods of a job as its page lists them: which ranks run where, and what is wrong with those that do not."""

from __future__ import annotations

from datetime import datetime, timezone

from windlass.contract.cluster import JobPod
from windlass.engines.kubernetes.model import Kind, Observed
from windlass.engines.kubernetes.observing.pod_status import PodStatus, read
from windlass.engines.kubernetes.observing.reasons import pod_reason

_STATES = {"restarting": "starting"}


def job_pods(seen: Observed, kind: Kind, *, processes_per_worker: int) -> list[JobPod]:
    """By rank, the newest of a rank first; pods without ranks at the end."""
    departed = [(kind.node_rank(pod), read(pod), True) for pod in seen.departed]
    found = [*departed, *((kind.node_rank(pod), read(pod), False) for pod in seen.pods)]
    last = 1 + max((rank for rank, _, _ in found if rank is not None), default=0)
    found.sort(key=lambda each: (last if each[0] is None else each[0], -(each[1].created_at or 0.0), each[1].name))
    return [_view(seen, pod, rank, processes_per_worker, has_gone=has_gone) for rank, pod, has_gone in found]


def _view(seen: Observed, pod: PodStatus, node_rank: int | None, processes: int, *, has_gone: bool) -> JobPod:
    ended = pod.stage in ("succeeded", "failed")
    last = pod.main.ending or (pod.main.last if pod.stage == "restarting" else None)
    is_gone = ((pod.is_leaving or has_gone) and not ended) or (pod.evicted != "" and ended)
    return JobPod(
        name=pod.name,
        role=pod.title.partition(" ")[0],
        ranks=[] if node_rank is None else list(range(node_rank * processes, (node_rank + 1) * processes)),
        node=pod.node,
        state="gone" if is_gone else _STATES.get(pod.stage, pod.stage),
        reason=pod_reason(pod, seen.events),
        restarts=pod.main.restarts,
        exit_code=last.exit_code if last is not None else None,
        started_at=_moment(pod.started_at),
        ended_at=_moment(pod.main.ending.ended_at if pod.main.ending is not None else None),
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)
