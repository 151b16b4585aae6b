"""Notes on a job in the cluster that this server has put its record into MLflow, so that nobody else need do it.

On a hub the reconciler waits for that note before it closes a run itself, and removes what has been finished for long.
The note is a courtesy: without it the reconciler looks at MLflow, and finds the same.
"""

from __future__ import annotations

import logging

from windlass.engines.kubernetes.cluster.connected import Opened
from windlass.engines.kubernetes.jobs.live_job import LiveJob
from windlass.engines.kubernetes.model import Object
from windlass.kube.errors import Forbidden, KubeError, NotFound
from windlass.kube.names import RECORD_ANNOTATION, RECORD_FINISHED

_log = logging.getLogger(__name__)


class RecordMarks:
    """Of one server. What could not be noted is kept for `try_again`, as long as the server lives."""

    def __init__(self) -> None:
        self._left: dict[str, LiveJob] = {}

    async def mark(self, opened: Opened | None, job: LiveJob) -> None:
        """Note it now, or later where the cluster does not answer."""
        self._left[job.id] = job
        if opened is not None:
            await self._try(opened, job)

    async def try_again(self, opened: Opened) -> None:
        """Note what is left to be."""
        for job in list(self._left.values()):
            await self._try(opened, job)

    async def _try(self, opened: Opened, job: LiveJob) -> None:
        seen, served = opened.watch.seen(job.id), job.kind.served(opened.facts)
        item = seen.job if seen is not None else None
        if item is not None and served is not None and not _is_marked(item):
            metadata = item["metadata"]
            # With its uid the API changes this object and no other of that name.
            patch = {"metadata": {"uid": metadata["uid"], "annotations": {RECORD_ANNOTATION: RECORD_FINISHED}}}
            try:
                await opened.client.patch(served, metadata["name"], patch, namespace=opened.namespace)
            except (NotFound, Forbidden) as error:
                _log.debug("That the record of job %s is done is not noted: %s", job.id, error)
            except KubeError as error:
                _log.info("That the record of job %s is done is noted later: %s", job.id, error)
                return
        self._left.pop(job.id, None)


def _is_marked(item: Object) -> bool:
    return (item["metadata"].get("annotations") or {}).get(RECORD_ANNOTATION) == RECORD_FINISHED
