"""Makes a job's objects in the cluster: the bundle first, the job last, and each of them only once.

Names follow from the job, so whoever submits again finds what was made before. That is also how a request is tried
again whose answer was lost, or that met a quota in change or a busy server: once it has been carried out, the second
finds the object there. Where a step fails for good, what it and the steps before it made is removed. What a server that
dies in between leaves behind is found by `sweeping`.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from windlass.engines.kubernetes.kinds.common import MADE_OF
from windlass.engines.kubernetes.manifests.delivery import config_map
from windlass.engines.kubernetes.manifests.ownership import owned_by, owner_reference
from windlass.engines.kubernetes.model import InConfigMap, Object
from windlass.engines.kubernetes.refusals import refusal
from windlass.engines.kubernetes.sending.planning import Planned
from windlass.errors import Conflict as AnothersName
from windlass.kube.client import KubeClient
from windlass.kube.errors import Conflict, KubeError, NotFound, Unavailable
from windlass.kube.names import JOB_LABEL
from windlass.kube.resources import CONFIG_MAPS, Resource

TRY_AGAIN_SECONDS = (0.5, 1.0, 2.0)
"""Pauses after a request that was not answered, or that the cluster may take a moment later."""
LONGEST_PAUSE_SECONDS = 5.0
"""However long the server asks to wait: somebody waits for the answer."""

_log = logging.getLogger(__name__)

Made = list[tuple[Resource, Object]]


class Submitter:
    """Sends planned jobs to one cluster."""

    def __init__(self, client: KubeClient, *, namespace: str) -> None:
        self._client = client
        self._namespace = namespace

    async def submit(self, planned: Planned, own: Resource, *, bundle: bytes | None) -> Object:
        """Make everything; the job's own object as the cluster has it.

        Args:
            planned: what to make.
            own: the resource of the job's own object.
            bundle: the archive, where it travels in the ConfigMap.

        Raises:
            InvalidRequest, Forbidden: the cluster refuses it; nothing is left.
            Unavailable: it cannot be told whether the job was made, or it was not.
            Conflict: an object of that name is another job's.
        """
        carrier = config_map(planned.job, bundle if isinstance(planned.job.delivery, InConfigMap) else None)
        steps = [(CONFIG_MAPS, carrier), *((MADE_OF[item["kind"]], item) for item in planned.objects[:-1])]
        made: Made = []
        try:
            for resource, item in [*steps, (own, planned.own)]:
                begun = (resource, item)
                made.append((resource, await self._make(resource, item, job_id=planned.job.spec.id)))
        except BaseException as error:
            # Also when the asker has given up: what it began must not stay.
            await asyncio.shield(self._undo(made, begun, error, job_id=planned.job.spec.id))
            if isinstance(error, KubeError):
                raise refusal(error, doing="take the job") from error
            raise
        await self.own(made[:-1], made[-1][1])
        return made[-1][1]

    async def own(self, made: Made, owner: Object) -> None:
        """Give the job's other objects their owner, so that they go with it. What fails is left for the sweep."""
        for resource, item in made:
            references = item["metadata"].get("ownerReferences", [])
            if owner_reference(owner) in references:
                continue
            patch = {"metadata": {"ownerReferences": owned_by([item], owner)[0]["metadata"]["ownerReferences"]}}
            try:
                await self._client.patch(resource, item["metadata"]["name"], patch, namespace=self._namespace)
            except KubeError as error:
                _log.info("A %s has no owner yet: %s", item.get("kind", "part of a job"), error)

    async def _make(self, resource: Resource, item: Object, *, job_id: str) -> Object:
        """The object, made now or before. Raises a KubeError, and Conflict where it is another's."""
        for pause in (*TRY_AGAIN_SECONDS, None):
            try:
                return await self._client.create(resource, item, namespace=self._namespace)
            except (Conflict, Unavailable) as error:
                if isinstance(error, Conflict) and error.already_exists:
                    return _ours(await self._get(resource, item), job_id)
                if pause is None:
                    raise
                asked = error.retry_after or 0.0
            await asyncio.sleep(max(pause, min(asked, LONGEST_PAUSE_SECONDS)))
        raise AssertionError("The last attempt returns or raises.")

    async def _get(self, resource: Resource, item: Object) -> Object:
        return await self._client.get(resource, item["metadata"]["name"], namespace=self._namespace)

    async def _undo(self, made: Made, begun: tuple[Resource, Object], error: BaseException, *, job_id: str) -> None:
        """Remove what was made, and what may have been although no answer came to it."""
        if isinstance(error, Unavailable) or not isinstance(error, (KubeError, AnothersName)):
            resource, item = begun
            with suppress(KubeError, AnothersName):
                made = [*made, (resource, _ours(await self._get(resource, item), job_id))]
        await self._take_back(made)

    async def _take_back(self, made: Made) -> None:
        for resource, item in reversed(made):
            name, uid = item["metadata"]["name"], item["metadata"]["uid"]
            try:
                await self._client.delete(
                    resource, name, namespace=self._namespace, propagation="Background", preconditions={"uid": uid}
                )
            except KubeError as error:
                if not isinstance(error, NotFound):
                    _log.warning("%s %s was left behind in the cluster: %s", resource.kind, name, error)


def _ours(found: Object, job_id: str) -> Object:
    if found["metadata"].get("labels", {}).get(JOB_LABEL) != job_id:
        name = found["metadata"]["name"]
        raise AnothersName(f"The cluster has an object named {name} already that is not this job's: rename the job.")
    return found
