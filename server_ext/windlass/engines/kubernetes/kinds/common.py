"""What all kinds of job object have in common around the pod."""

from __future__ import annotations

from collections.abc import Mapping

from windlass.engines.kubernetes.model import ClusterJob, Object
from windlass.errors import FieldError
from windlass.kube.resources import CONFIG_MAPS, JOBS, PYTORCH_JOBS, TRAIN_JOBS, TRAINING_RUNTIMES, Resource

MADE_OF: Mapping[str, Resource] = {
    each.kind: each for each in (CONFIG_MAPS, JOBS, PYTORCH_JOBS, TRAIN_JOBS, TRAINING_RUNTIMES)
}
"""Every resource that jobs are made of, by kind: what is made, asked about beforehand and counted by quotas."""
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
LEAST_KEPT_SECONDS = 300


def job_metadata(job: ClusterJob) -> Object:
    """Metadata of the job's own object: what the list of jobs is written anew from, and Kueue's queue.

    Kueue itself suspends what has its label, when it is made. Were that done here, a job of a kind that Kueue does not
    look after would wait for ever; so it runs, and the user is told that the queue is not in force.
    """
    labels = dict(job.labels)
    if job.options.queue:
        labels[QUEUE_LABEL] = job.options.queue
    metadata: Object = {"name": job.name, "namespace": job.namespace, "labels": labels}
    if job.annotations:
        metadata["annotations"] = dict(job.annotations)
    return metadata


def kept_seconds(job: ClusterJob) -> int:
    """How long the cluster keeps the job after its end: long enough for a server to read how it ended."""
    return max(job.options.keep_seconds, LEAST_KEPT_SECONDS)


def no_runtime(job: ClusterJob, *, kind: str) -> list[FieldError]:
    """A training runtime is for TrainJob only."""
    if job.options.runtime is None:
        return []
    message = f"A {kind} uses no training runtime: leave it out, or choose the kind TrainJob."
    return [FieldError(field="cluster.runtime", message=message)]
