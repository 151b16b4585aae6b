"""Whose files: a run's own, or those of a LoggedModel that the run made; and MLflow's refusals as what they mean here.

The one door to artifacts for listing, showing and handing out, so that a model's file cannot be read past the line in
the hub's audit log.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from windlass.errors import FieldError, InvalidRequest, NotFound
from windlass.services.artifacts.audit import ModelAudit
from windlass.services.experiments.reading import RunReader
from windlass.services.experiments.records import RunRecord
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.reads import MlflowReads, Page
from windlass.tracking.rest import Streamed
from windlass.tracking.tracking import Tracking

_LONGEST_PATH = 4096


@dataclass(frozen=True, kw_only=True)
class ArtifactSource:
    """The files of one run, or of one model of it.

    Methods raise InvalidRequest for a path that is none, NotFound for what is not there (any more), Unavailable when
    MLflow is away or cannot reach the store, and MlflowRefused.
    """

    record: RunRecord
    model_id: str | None
    _reads: MlflowReads
    _audit: ModelAudit

    async def list(self, path: str, *, page_token: str | None = None) -> Page:
        """What is directly in a folder, as `ArtifactReads.list` gives it."""
        with _told(path):
            return await self._reads.artifacts.list(**self._whose, path=path, page_token=page_token)

    async def read(self, path: str, *, limit_bytes: int) -> tuple[bytes, int | None]:
        """A file's first bytes, and its size where that is known."""
        await self._write_down(path)
        with _told(path):
            return await self._reads.artifacts.read(**self._whose, path=path, limit_bytes=limit_bytes)

    @asynccontextmanager
    async def stream(self, path: str) -> AsyncIterator[Streamed]:
        """A file's bytes as they come."""
        await self._write_down(path)
        with _told(path):
            async with self._reads.artifacts.stream(**self._whose, path=path) as streamed:
                yield streamed

    @property
    def _whose(self) -> dict[str, str]:
        return {"run_id": self.record.id} if self.model_id is None else {"model_id": self.model_id}

    async def _write_down(self, path: str) -> None:
        await self._audit.before_read(self.record, model_id=self.model_id, path=path, reads=self._reads)


class ArtifactSources:
    """Finds the files that are asked for."""

    def __init__(self, *, tracking: Tracking, runs: RunReader, audit: ModelAudit) -> None:
        self._tracking = tracking
        self._runs = runs
        self._audit = audit

    async def of(self, run_id: str, *, model_id: str | None = None) -> ArtifactSource:
        """The files of a run, or of its model. Raises NotFound when there is no such run, or the model is another's."""
        record = await self._runs.known(run_id)
        reads = await self._tracking.reads()
        if model_id is not None and model_id not in record.model_outputs:
            await _expect_model(reads, model_id, run_id=record.id)
        return ArtifactSource(record=record, model_id=model_id, _reads=reads, _audit=self._audit)


async def _expect_model(reads: MlflowReads, model_id: str, *, run_id: str) -> None:
    """A run that was read half a minute ago may have made the model since; MLflow knows."""
    message = f"The run has no model {model_id[:64]!r}: it may have been deleted; reload the run."
    try:
        model = await reads.logged_models.get(model_id)
    except MlflowRefused as refused:
        if refused.is_missing or refused.is_invalid:
            raise NotFound(message) from refused
        raise
    if (model.get("info") or {}).get("source_run_id") != run_id:
        raise NotFound(message)


@contextmanager
def _told(path: str) -> Iterator[None]:
    if len(path) > _LONGEST_PATH:
        message = f"A path may have {_LONGEST_PATH} characters at most."
        raise InvalidRequest(message, fields=[FieldError(field="path", message=message)])
    try:
        yield
    except MlflowRefused as refused:
        if refused.is_missing and not path.isprintable():
            raise NotFound(f"MLflow cannot read {path!r}: it takes no control characters in names.") from refused
        if refused.is_missing:
            raise NotFound(f"{path!r} is not among the artifacts (any more): reload the list.") from refused
        if refused.is_invalid:
            raise InvalidRequest(str(refused), fields=[FieldError(field="path", message=str(refused))]) from refused
        raise
