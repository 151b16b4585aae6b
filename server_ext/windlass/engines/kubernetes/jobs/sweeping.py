"""Puts in order what servers that died in the middle left in the cluster, and what the cluster itself never removes.

A bundle's ConfigMap (or a TrainingRuntime) whose job was never made is removed once it is old enough that nobody can
still be making the job; one whose job is there gets it as its owner. TrainJobs have no time to live of their own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from windlass.engines.kubernetes.cluster.connected import Opened
from windlass.engines.kubernetes.jobs.live_job import LiveJob
from windlass.engines.kubernetes.jobs.stopping import remove_objects
from windlass.engines.kubernetes.kinds.choosing import KINDS
from windlass.engines.kubernetes.kinds.common import LEAST_KEPT_SECONDS
from windlass.engines.kubernetes.manifests.ownership import ownership_patch
from windlass.engines.kubernetes.model import Object
from windlass.engines.kubernetes.observing.conditions import created_at, labels
from windlass.engines.kubernetes.sending.planning import read_options
from windlass.errors import InvalidRequest
from windlass.kube.errors import Conflict, KubeError, NotFound
from windlass.kube.names import JOB_LABEL, job_selector
from windlass.kube.resources import CONFIG_MAPS, TRAIN_JOBS, TRAINING_RUNTIMES, Resource

ORPHAN_SECONDS = 600.0
SWEEP_SECONDS = 900.0

_log = logging.getLogger(__name__)


async def sweep(opened: Opened, jobs: Iterable[LiveJob], *, owner: str, now: float | None = None) -> None:
    """Look once. `owner`: whose objects are meant; `now`: POSIX seconds. Failures are logged, and tried next time."""
    now = time.time() if now is None else now
    resources = [CONFIG_MAPS, *([TRAINING_RUNTIMES] if TRAINING_RUNTIMES.kind in opened.facts.kinds else [])]
    try:
        for resource in resources:
            await _sweep_parts(opened, resource, owner=owner, now=now)
        for job in jobs:
            if _has_outstayed(job, now=now) and job.id in opened.watch.job_ids():
                await remove_objects(opened.client, job, namespace=opened.namespace, facts=opened.facts)
    except KubeError as error:
        _log.info("What was left behind in the cluster could not be swept: %s", error)


async def _sweep_parts(opened: Opened, resource: Resource, *, owner: str, now: float) -> None:
    found, _ = await opened.client.list(
        resource,
        namespace=opened.namespace,
        label_selector=job_selector(owner=owner or None),
        metadata_only=True,
    )
    for part in found:
        if part["metadata"].get("ownerReferences") or now - (created_at(part) or now) < ORPHAN_SECONDS:
            continue
        job = await _job_of(opened, part)
        try:
            if job is not None:
                name = part["metadata"]["name"]
                await opened.client.patch(resource, name, ownership_patch(job), namespace=opened.namespace)
            else:
                await _remove(opened, resource, part)
        except (NotFound, Conflict):
            continue


async def _job_of(opened: Opened, part: Object) -> Object | None:
    """The job's object, asked for afresh: a watch may be behind. Raises a KubeError but NotFound."""
    name, job_id = part["metadata"]["name"], labels(part).get(JOB_LABEL)
    for kind in KINDS.values():
        served = kind.served(opened.facts)
        if served is None:
            continue
        try:
            job = await opened.client.get(served, name, namespace=opened.namespace)
        except NotFound:
            continue
        if labels(job).get(JOB_LABEL) == job_id:
            return job
    return None


async def _remove(opened: Opened, resource: Resource, part: Object) -> None:
    metadata = part["metadata"]
    await opened.client.delete(
        resource, metadata["name"], namespace=opened.namespace, preconditions={"uid": metadata["uid"]}
    )
    _log.info("Removed the %s %s, whose job was never made.", resource.kind, metadata["name"])


def _has_outstayed(job: LiveJob, *, now: float) -> bool:
    if job.kind.name != TRAIN_JOBS.kind or not job.is_final or job.record.ended_at is None:
        return False
    try:
        keep_seconds = read_options(job.spec).keep_seconds
    except InvalidRequest:
        keep_seconds = 0
    return now - job.record.ended_at > max(keep_seconds, LEAST_KEPT_SECONDS)
