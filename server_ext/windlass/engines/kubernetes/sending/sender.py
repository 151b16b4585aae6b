"""Sends jobs to the cluster, and shows beforehand what would be sent: the way from a specification to its objects.

What a failed submission has made is taken back, here and in the cluster; only where nobody can tell whether the
cluster has taken the job its folder stays, so that it can be stopped.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from windlass.contract.preview import Finding
from windlass.engines.base import JobSpec, LaunchPlan, State
from windlass.engines.job_folder.paths import is_job_id
from windlass.engines.job_folder.record import JobRecord, write_record
from windlass.engines.kubernetes.cluster.connected import ClusterAccess, Opened
from windlass.engines.kubernetes.cluster.settings import ClusterSettings
from windlass.engines.kubernetes.jobs.live_job import SENT, LiveJob, begin
from windlass.engines.kubernetes.jobs.live_jobs import LiveJobs
from windlass.engines.kubernetes.logs.mirror import Mirror
from windlass.engines.kubernetes.manifests.delivery import room_for_bundle
from windlass.engines.kubernetes.model import ClusterFacts, Delivery, InConfigMap
from windlass.engines.kubernetes.preflight.worker_pods import pod_groups
from windlass.engines.kubernetes.refusals import refusal
from windlass.engines.kubernetes.sending import planning
from windlass.engines.kubernetes.sending.bundle_upload import BundleUpload, small_bundle
from windlass.engines.kubernetes.sending.planning import Check, Checked, Planned
from windlass.engines.kubernetes.sending.submitting import Submitter
from windlass.errors import Conflict, InvalidRequest, Unavailable, WindlassError
from windlass.kube.errors import KubeError
from windlass.kube.names import object_name

CATALOGUE_SECONDS = 300.0


class Sending:
    """Of one server. `checks`: what looks at a job before it is sent."""

    def __init__(
        self,
        *,
        settings: ClusterSettings,
        access: ClusterAccess,
        mirror: Mirror,
        live: LiveJobs,
        upload: BundleUpload,
        checks: Sequence[Check],
    ) -> None:
        self._settings = settings
        self._access = access
        self._mirror = mirror
        self._live = live
        self._upload = upload
        self._checks = checks
        self._catalogue: tuple[float, tuple[str, ...]] = (float("-inf"), ())

    async def plan(self, spec: JobSpec) -> LaunchPlan:
        """What `submit` would make. Raises InvalidRequest, Forbidden and Unavailable."""
        opened, facts = await self._access.get(), await self._access.facts()
        planned = await self._plan(spec, opened, facts)
        manifests = [_shown_carrier(planned), *planned.objects]
        return LaunchPlan(
            kind=planned.kind.name,
            command=tuple(_command(planned)),
            manifest=planned.own,
            manifests=tuple(manifests),
            kind_reason=planned.why,
            findings=tuple(await self._find(planned, opened, facts)),
            notices=planned.notices,
        )

    async def submit(self, spec: JobSpec) -> None:
        """Make the job. Raises InvalidRequest, Forbidden, Conflict and Unavailable; nothing is left then."""
        if not is_job_id(spec.id):
            raise InvalidRequest(f"{spec.id!r} cannot be the id of a job.")
        if self._live.get(spec.id) is not None:
            return
        opened, facts = await self._access.get(), await self._access.facts()
        spec = replace(spec, created_at=spec.created_at or time.time())
        planned = await self._plan(spec, opened, facts)
        try:
            planned, content = await self._deliverable(planned, opened, facts)
            job = await self._send(planned, opened, facts, content)
        except Unavailable:
            # It may be there all the same, and need its bundle.
            raise
        except BaseException:
            await asyncio.shield(self._upload.take_back(spec.id))
            raise
        self._upload.keep(spec.id)
        self._live.take(job)
        await self._live.look(spec.id)

    async def _send(self, planned: Planned, opened: Opened, facts: ClusterFacts, content: bytes | None) -> LiveJob:
        """Make the objects; `content` is what travels in the ConfigMap. Raises as `submit`."""
        spec = planned.job.spec
        resource = planned.kind.served(facts)
        if resource is None:
            raise InvalidRequest(f"This cluster does not serve {planned.kind.name}.")
        job = await asyncio.to_thread(begin, self._mirror.job(spec.id), spec, planned.kind)
        if job.wish is not None:
            raise Conflict("This job was stopped before it had started.")
        try:
            await Submitter(opened.client, namespace=opened.namespace).submit(planned, resource, bundle=content)
        except Unavailable:
            # It may be there all the same: the folder stays, so that it can be stopped.
            raise
        except WindlassError:
            await self._live.forget(spec.id)
            await asyncio.to_thread(job.mirror.remove)
            raise
        record = JobRecord(state=State.PENDING, reason=SENT, kind=planned.kind.name)
        await asyncio.to_thread(write_record, job.mirror.folder, record)
        return job

    async def _plan(
        self, spec: JobSpec, opened: Opened, facts: ClusterFacts, *, delivery: Delivery | None = None
    ) -> Planned:
        return planning.plan(
            spec,
            settings=self._settings,
            facts=facts,
            namespace=opened.namespace,
            catalogue=await self._images(),
            delivery=delivery,
            environ=self._access.environ,
        )

    async def _deliverable(self, planned: Planned, opened: Opened, facts: ClusterFacts) -> tuple[Planned, bytes | None]:
        """The same job, its bundle on the way that is wide enough; and the bundle, where that is the ConfigMap."""
        job = planned.job
        room = room_for_bundle(requirement_count=len(job.packages))
        content = await asyncio.to_thread(small_bundle, job.spec.bundle_path, job.spec.bundle_sha256, room)
        delivery: Delivery
        if content is not None:
            delivery = InConfigMap(name=job.name, size_bytes=len(content))
        else:
            delivery = await self._upload.deliver_large(job, client=opened.client)
        return await self._plan(job.spec, opened, facts, delivery=delivery), content

    async def _find(self, planned: Planned, opened: Opened, facts: ClusterFacts) -> list[Finding]:
        checked = Checked(
            planned=planned,
            facts=facts,
            client=opened.client,
            server=opened.connection.server,
            broker=self._access.broker,
            environ=self._access.environ,
        )
        try:
            found = await asyncio.gather(*(check(checked) for check in self._checks))
        except KubeError as error:
            raise refusal(error, doing="check the job") from error
        return [finding for findings in found for finding in findings]

    async def _images(self) -> tuple[str, ...]:
        """The catalogue's, at most some minutes old."""
        asked_at, images = self._catalogue
        broker = self._access.broker
        if broker is None or time.monotonic() - asked_at < CATALOGUE_SECONDS:
            return images
        with suppress(WindlassError):
            images = tuple(item.image for item in (await broker.images()).items)
        self._catalogue = (time.monotonic(), images)
        return images


def _command(planned: Planned) -> list[str]:
    """What is started in each worker."""
    workers = (group.spec for group in pod_groups(planned.job, planned.objects) if group.is_worker)
    found = (each for pod in workers for each in pod["containers"] if each["name"] == planned.kind.container)
    return [str(word) for word in next(found)["command"]]


def _shown_carrier(planned: Planned) -> dict[str, object]:
    """The ConfigMap as a preview shows it: what is in it by name, without half a megabyte of text."""
    made = {"apiVersion": "v1", "kind": "ConfigMap", "immutable": True}
    metadata = {
        "name": object_name(planned.job.spec.name, planned.job.spec.id),
        "namespace": planned.job.namespace,
        "labels": dict(planned.job.labels),
    }
    return {**made, "metadata": metadata, "binaryData": {"bundle.tar.gz": "…"}}
