"""Where a job is in its cluster, for the job's page: put together from what the watch has seen."""

from __future__ import annotations

from windlass.contract.cluster import JobPlacement
from windlass.engines.kubernetes.jobs.live_job import LiveJob
from windlass.engines.kubernetes.model import Observed
from windlass.engines.kubernetes.observing.pods_view import job_pods
from windlass.engines.kubernetes.observing.timeline import timeline
from windlass.engines.kubernetes.sending.planning import KIND_REASON_ANNOTATION
from windlass.kube.names import object_name


def placement_of(job: LiveJob, seen: Observed, *, namespace: str, first_line_at: float | None) -> JobPlacement:
    """The placement. `first_line_at`: when the job printed its first line, POSIX seconds."""
    metadata = (seen.job or seen.last or {}).get("metadata", {})
    return JobPlacement(
        namespace=namespace,
        object_kind=job.kind.name,
        object_name=metadata.get("name") or object_name(job.spec.name, job.id),
        kind_reason=(metadata.get("annotations") or {}).get(KIND_REASON_ANNOTATION, ""),
        pods=job_pods(seen, job.kind, processes_per_worker=job.spec.processes_per_worker),
        timeline=timeline(seen, first_line_at=first_line_at),
    )


def before_seen(job: LiveJob, *, namespace: str) -> JobPlacement:
    """The placement of a job that the watch has not told of yet."""
    return JobPlacement(namespace=namespace, object_kind=job.kind.name, object_name=object_name(job.spec.name, job.id))
