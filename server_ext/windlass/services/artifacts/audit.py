"""On a hub, who reads a model's files is written down before they are read: see `docs/hub.md`.

What is no model's file leaves no line. A hub service that keeps the log and cannot be reached keeps the file unread:
a log with gaps nobody knows of is worth nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from windlass.contract.hub import ModelRead
from windlass.errors import Unavailable
from windlass.hub.broker import HubBroker
from windlass.services.experiments.model_log import models_logged
from windlass.services.experiments.records import RunRecord
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.reads import MlflowReads

FEATURE = "model-reads"
_FRESH_SECONDS = 60.0
_MOST_RUNS = 200

Versions = list[dict[str, Any]]


class ModelAudit:
    """Tells the hub which model's file is about to be read.

    Args:
        broker: None without a hub: then there is no log.
        clock: seconds that only grow.
    """

    def __init__(self, *, broker: HubBroker | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._broker = broker
        self._clock = clock
        self._kept: tuple[bool, float] | None = None
        self._versions: dict[str, tuple[Versions, float]] = {}

    async def before_read(self, record: RunRecord, *, model_id: str | None, path: str, reads: MlflowReads) -> None:
        """Have the line written, if the file is a model's. Raises Unavailable when the hub cannot."""
        if self._broker is None:
            return
        versions = await self._versions_of(record.id, reads)
        version = next((one for one in versions if _is_of(one, record, model_id=model_id, path=path)), None)
        folders = [folder.path for folder in models_logged(record)]
        if model_id is None and version is None and not any(_is_within(path, folder) for folder in folders):
            return
        try:
            if not await self._is_kept(self._broker):
                return
            await self._broker.model_read(_line(record, model_id=model_id, path=path, version=version))
        except Unavailable as error:
            message = f"Reading a model's files is written into the hub's log, and that cannot be done now: {error}"
            raise Unavailable(message) from error

    async def _is_kept(self, broker: HubBroker) -> bool:
        """Whether this hub keeps such a log; an older one does not."""
        if self._kept is None or self._clock() - self._kept[1] > _FRESH_SECONDS:
            self._kept = (FEATURE in (await broker.me()).features, self._clock())
        return self._kept[0]

    async def _versions_of(self, run_id: str, reads: MlflowReads) -> Versions:
        """Versions that came from the run; none where the registry cannot be asked: the line has the run then."""
        known = self._versions.get(run_id)
        if known is not None and self._clock() - known[1] < _FRESH_SECONDS:
            return known[0]
        try:
            found = await reads.registry.versions_of_run(run_id)
        except MlflowRefused:
            found = []
        self._versions.pop(run_id, None)
        self._versions[run_id] = (found, self._clock())
        while len(self._versions) > _MOST_RUNS:
            del self._versions[next(iter(self._versions))]
        return found


def _line(record: RunRecord, *, model_id: str | None, path: str, version: dict[str, Any] | None) -> ModelRead:
    return ModelRead(
        model=str(version["name"])[:256] if version else None,
        version=str(version["version"])[:20] if version else None,
        run_id=record.id[:64],
        # Of a model that is not registered, its id tells it from the run's own files.
        path=(path if model_id is None or version else f"{model_id}/{path}")[:4096],
    )


def _is_of(version: dict[str, Any], record: RunRecord, *, model_id: str | None, path: str) -> bool:
    """Whether a file is one of a version's."""
    source = str(version.get("source") or "").rstrip("/")
    if model_id is not None:
        return version.get("model_id") == model_id or source == f"models:/{model_id}"
    for root in (record.artifact_uri.rstrip("/"), f"runs:/{record.id}"):
        if root and source == root:
            return True
        if root and source.startswith(f"{root}/"):
            return _is_within(path, source[len(root) + 1 :])
    return False


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")
