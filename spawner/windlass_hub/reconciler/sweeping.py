"""Removes what nobody will: parts of jobs that were never made or are gone, and jobs kept longer than was asked.

A part is removed when it is old by the cluster's clock *and* was seen without its job for long by this process's own,
so that no wrong clock and no watch that lags removes what is just being made. Kubernetes itself removes what has an
owner.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from windlass.contract.cluster import ClusterOptions
from windlass.engines.kubernetes.observing.conditions import created_at, labels
from windlass.kube.client import KubeClient
from windlass.kube.errors import Conflict, KubeError, NotFound
from windlass.kube.names import JOB_LABEL, RECORD_ANNOTATION, RECORD_FINISHED, job_selector, spec_from
from windlass.kube.resources import CONFIG_MAPS, TRAIN_JOBS, TRAINING_RUNTIMES, Resource

from .seen_jobs import SeenJob, SeenJobs
from .verdict import verdict

ORPHAN_SECONDS = 3600.0
SEEN_ALONE_SECONDS = 600.0
OVERDUE_SECONDS = 3600.0
"""How much longer than asked a job is left to its operator, which should remove it."""
_DEFAULT_KEEP_SECONDS = int(ClusterOptions.model_fields["keep_seconds"].default)
_LONGEST_KEEP_SECONDS = 60 * 86_400


class Sweeper:
    """Looks through all users' namespaces, one request each.

    Args:
        client: with the rights of the service's account.
        jobs: what the cluster has.
        decide: `decide(action, target, decision, **detail)`, into the audit log.
        clock, wall: monotonic, and POSIX seconds.
    """

    def __init__(
        self,
        client: KubeClient,
        *,
        jobs: SeenJobs,
        decide: Callable[..., None],
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._jobs = jobs
        self._decide = decide
        self._clock = clock
        self._wall = wall
        self._alone_since: dict[str, float] = {}
        """By uid: since when, by `clock`, a part was seen without its job."""

    async def sweep(self, *, may_act: Callable[[], bool] = lambda: True) -> None:
        """Look once. What fails is logged and tried next time; nothing is removed while a watch may be behind."""
        if self._jobs.problem is not None:
            return
        seen: set[str] = set()
        for namespace in sorted(self._jobs.namespaces):
            if not may_act():
                return
            try:
                for resource in self._parts():
                    await self._sweep_parts(resource, namespace, seen)
            except NotFound:
                continue  # The namespace went.
            except KubeError as error:
                self._decide("orphans.sweep", namespace, "failed", reason=error.message)
        self._alone_since = {uid: since for uid, since in self._alone_since.items() if uid in seen}
        for job in self._jobs.jobs():
            if may_act() and self._is_overdue(job):
                await self._remove(job.resource, job.observed.job or {}, job.namespace, why="kept longer than asked")

    def _parts(self) -> list[Resource]:
        return [CONFIG_MAPS, *([TRAINING_RUNTIMES] if TRAIN_JOBS in self._jobs.kinds else [])]

    async def _sweep_parts(self, resource: Resource, namespace: str, seen: set[str]) -> None:
        found, _ = await self._client.list(
            resource, namespace=namespace, label_selector=job_selector(), metadata_only=True
        )
        for part in found:
            uid = str(part["metadata"]["uid"])
            job = self._jobs.find(namespace, str(labels(part).get(JOB_LABEL)))
            if part["metadata"].get("ownerReferences") or (job is not None and job.observed.job is not None):
                continue
            seen.add(uid)
            alone_since = self._alone_since.setdefault(uid, self._clock())
            age = self._wall() - (created_at(part) or self._wall())
            if age >= ORPHAN_SECONDS and self._clock() - alone_since >= SEEN_ALONE_SECONDS:
                await self._remove(resource, part, namespace, why="no job")

    def _is_overdue(self, job: SeenJob) -> bool:
        item = job.observed.job
        if item is None or item["metadata"].get("deletionTimestamp"):
            return False
        annotations = item["metadata"].get("annotations") or {}
        spec, end = spec_from(annotations), verdict(job.observed)
        if annotations.get(RECORD_ANNOTATION) != RECORD_FINISHED or spec is None or end is None or end.ended_at is None:
            return False
        keep = (spec.get("cluster") or {}).get("keep_seconds", _DEFAULT_KEEP_SECONDS)
        keep = keep if isinstance(keep, int) and 0 <= keep <= _LONGEST_KEEP_SECONDS else _DEFAULT_KEEP_SECONDS
        return self._wall() - end.ended_at > keep + OVERDUE_SECONDS

    async def _remove(self, resource: Resource, item: dict[str, Any], namespace: str, *, why: str) -> None:
        name, target = item["metadata"]["name"], f"{namespace}/{item['metadata']['name']}"
        try:
            await self._client.delete(
                resource,
                name,
                namespace=namespace,
                propagation="Background",
                preconditions={"uid": item["metadata"]["uid"]},
            )
        except (NotFound, Conflict):
            return  # Somebody else was first, or it is another by now.
        except KubeError as error:
            self._decide("orphans.remove", target, "failed", kind=resource.kind, reason=error.message)
            return
        self._decide("orphans.remove", target, "allowed", kind=resource.kind, reason=why)
