"""Makes the model of a run a version of a registered model; the same model is registered once.

MLflow would make a new version each time. So before one is made it is looked whether there is one of the same files,
and equal requests at once take turns in this process. Two servers that register the same model in the same moment can
still make two versions: MLflow has no way to keep them from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from windlass.contract.models import ModelVersion, RegisterRequest
from windlass.contract.runs import RunModel
from windlass.errors import Conflict, InvalidRequest, NotFound
from windlass.services.experiments.detail import models_of
from windlass.services.experiments.reading import RunReader
from windlass.services.experiments.records import RunRecord
from windlass.services.registry.models import ModelRegistry, check_tag
from windlass.services.registry.names import asking_for, invalid, told_model, why_no_name
from windlass.services.registry.rows import USER_TAG, Row, source_of
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.reads import MlflowReads
from windlass.tracking.tracking import Tracking

_MODEL_FILE = "MLmodel"
_EXISTS = "RESOURCE_ALREADY_EXISTS"
_FAILED = "FAILED_REGISTRATION"
_LONGEST_LISTED = 10


@dataclass(frozen=True, kw_only=True)
class Registered:
    """The answer to a registration."""

    version: ModelVersion
    created: bool
    """False: this model was that version already."""


@dataclass(frozen=True, kw_only=True)
class _Files:
    """What is registered: the address of the files, and the LoggedModel they are of, if any."""

    source: str
    model_id: str | None = None


class Registration:
    """Registers models of runs. Methods raise Unavailable, MlflowRefused and Upstream."""

    def __init__(self, *, tracking: Tracking, runs: RunReader, models: ModelRegistry) -> None:
        self._tracking = tracking
        self._runs = runs
        self._models = models
        self._turns: dict[str, tuple[asyncio.Lock, int]] = {}

    async def register(self, request: RegisterRequest, *, owner: str) -> Registered:
        """Register the model of a run.

        Args:
            request: which model, under which name.
            owner: who is told to have registered it, where MLflow does not know its users.

        Raises:
            InvalidRequest: the name cannot be, or it is not said which of several models is meant.
            NotFound: there is no such run or model.
            Conflict: the run is deleted.
        """
        _check(request)
        reads = await self._tracking.reads()
        run = await self._runs.get(request.run_id)
        if run.deleted:
            raise Conflict("This run is deleted: restore it in MLflow before you register its model.")
        files = await _chosen(request, run, reads)
        async with self._turn(request.name):
            earlier = await _earlier(request, files, run, reads)
            if earlier is not None:
                return Registered(version=await self._models.shown(earlier), created=False)
            made = await self._made(request, files, reads, owner=owner)
        return Registered(version=await self._models.shown({**made, "aliases": []}), created=True)

    async def _made(self, request: RegisterRequest, files: _Files, reads: MlflowReads, *, owner: str) -> Row:
        with asking_for(told_model(request.name)):
            try:
                await reads.registry.create_model(request.name)
            except MlflowRefused as refused:
                if refused.error_code != _EXISTS:
                    raise
            return await reads.registry.create_version(
                request.name,
                source=files.source,
                run_id=request.run_id,
                model_id=files.model_id,
                description=request.description,
                tags={USER_TAG: owner, **request.tags},
            )

    @asynccontextmanager
    async def _turn(self, name: str) -> AsyncIterator[None]:
        """One registration of a name at a time."""
        lock, users = self._turns.get(name, (asyncio.Lock(), 0))
        self._turns[name] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._turns.pop(name)
            if users > 1:
                self._turns[name] = (lock, users - 1)


def _check(request: RegisterRequest) -> None:
    problem = why_no_name(request.name)
    if problem is not None:
        raise invalid("name", problem)
    if request.model_id is not None and request.path is not None:
        raise invalid("path", "Name the model by its id or by its path, not by both.")
    for key, value in request.tags.items():
        check_tag(key, value)


async def _chosen(request: RegisterRequest, run: RunRecord, reads: MlflowReads) -> _Files:
    """The files of the model that is meant."""
    if request.model_id is not None:
        return await _of_logged_model(request.model_id, run, reads)
    if request.path is not None:
        return await _of_folder(request.path, run, reads)
    made = await models_of(run, reads)
    if len(made) == 1:
        return _files_of(made[0], run)
    if not made:
        message = "This run has logged no model that is known of: name the folder among its artifacts that holds one."
        raise invalid("path", message)
    listed = ", ".join(model.model_id or model.path or model.name for model in made[:_LONGEST_LISTED])
    raise invalid("model_id", f"This run has {len(made)} models: say which one. They are {listed}.")


async def _of_logged_model(model_id: str, run: RunRecord, reads: MlflowReads) -> _Files:
    with asking_for(f"The model {model_id!r}"):
        info = (await reads.logged_models.get(model_id)).get("info") or {}
    if info.get("source_run_id") != run.id and model_id not in run.model_outputs:
        raise invalid("model_id", "This model is not of this run: name the run that made it.")
    return _Files(source=source_of(model_id), model_id=model_id)


async def _of_folder(path: str, run: RunRecord, reads: MlflowReads) -> _Files:
    folder = path.strip("/")
    try:
        page = await reads.artifacts.list(run_id=run.id, path=folder)
    except InvalidRequest as error:
        raise invalid("path", str(error)) from error
    names = {str(item.get("path")).rpartition("/")[2] for item in page.items}
    if _MODEL_FILE in names:
        return _files_of(RunModel(name=folder, path=folder, uri=""), run)
    # What MLflow 3 calls a model's path is its name: the files are elsewhere.
    same = [model for model in await models_of(run, reads) if model.model_id and folder == model.name]
    if len(same) == 1:
        return _files_of(same[0], run)
    if same:
        listed = ", ".join(str(model.model_id) for model in same[:_LONGEST_LISTED])
        raise invalid("model_id", f"This run has {len(same)} models of this name: say which one. They are {listed}.")
    raise NotFound(f"There is no model at {path!r} among the run's artifacts: no {_MODEL_FILE} file lies there.")


def _files_of(model: RunModel, run: RunRecord) -> _Files:
    if model.model_id:
        return _Files(source=source_of(model.model_id), model_id=model.model_id)
    return _Files(source="/".join(filter(None, [run.artifact_uri.rstrip("/"), model.path])))


async def _earlier(request: RegisterRequest, files: _Files, run: RunRecord, reads: MlflowReads) -> Row | None:
    """The newest version of these files under this name, if any, but for one whose registration failed."""
    try:
        found = await reads.registry.versions_of_source(name=request.name, source=files.source)
    except InvalidRequest:
        # A name that MLflow's filters cannot hold.
        versions = await reads.registry.versions_of_run(run.id)
        found = [each for each in versions if (each.get("name"), each.get("source")) == (request.name, files.source)]
    return next((each for each in found if each.get("status") != _FAILED), None)
