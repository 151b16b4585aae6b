"""Makes the model of a run a version of a registered model; the same model is registered once.

It is done with this server's own credentials. Where MLflow does not let them, because a hub protects the model's
aliases and so nobody but the hub service may edit it, the hub service is asked to do it in the user's name.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from windlass.contract.hub import VersionRequest
from windlass.contract.models import ModelVersion, RegisterRequest
from windlass.contract.runs import RunModel
from windlass.errors import Conflict, InvalidRequest, NotFound
from windlass.services.experiments.detail import models_of
from windlass.services.experiments.reading import RunReader
from windlass.services.experiments.records import RunRecord
from windlass.services.registry.hub_side import HubSide
from windlass.services.registry.models import ModelRegistry, check_tag
from windlass.services.registry.names import asking_for, invalid, told_model
from windlass.services.registry.rows import Row
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.model_words import USER_TAG, source_in, source_of, why_no_name
from windlass.tracking.reads import MlflowReads
from windlass.tracking.registering import ModelFiles, earlier_version, ensure_model, register_once
from windlass.tracking.tracking import Tracking

_MODEL_FILE = "MLmodel"
_LONGEST_LISTED = 10
_NOT_ALLOWED = 403


@dataclass(frozen=True, kw_only=True)
class Registered:
    """The answer to a registration."""

    version: ModelVersion
    created: bool
    """False: this model was that version already."""


class Registration:
    """Registers models of runs. Methods raise Unavailable, MlflowRefused and Upstream."""

    def __init__(self, *, tracking: Tracking, runs: RunReader, models: ModelRegistry, hub: HubSide) -> None:
        self._hub = hub
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
            Conflict: the run is deleted, or others were at this model for too long.
            Forbidden: the hub service does not let the user register it either.
        """
        _check(request)
        reads = await self._tracking.reads()
        run = await self._runs.get(request.run_id)
        if run.deleted:
            raise Conflict("This run is deleted: restore it in MLflow before you register its model.")
        files = await _chosen(request, run, reads)
        async with self._turn(request.name):
            earlier = await earlier_version(reads.registry, request.name, files)
            if earlier is not None:
                return Registered(version=await self._models.shown(earlier), created=False)
            made, created = await self._made(request, files, reads, owner=owner)
        return Registered(version=await self._models.shown(made), created=created)

    async def _made(
        self, request: RegisterRequest, files: ModelFiles, reads: MlflowReads, *, owner: str
    ) -> tuple[Row, bool]:
        tags = {USER_TAG: owner, **request.tags}
        try:
            with asking_for(told_model(request.name)):
                await ensure_model(reads.registry, request.name)
                return await register_once(
                    reads.registry, request.name, files, by=owner, description=request.description, tags=tags
                )
        except MlflowRefused as refused:
            hub = await self._hub.doing("registering") if refused.status == _NOT_ALLOWED else None
            if hub is None:
                raise
        wanted = VersionRequest(
            run_id=files.run_id,
            model_id=files.model_id,
            path=files.path,
            description=request.description,
            tags=request.tags,
        )
        done = await hub.register_version(request.name, wanted)
        return await self._models.found(request.name, done.version), done.created

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


async def _chosen(request: RegisterRequest, run: RunRecord, reads: MlflowReads) -> ModelFiles:
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


async def _of_logged_model(model_id: str, run: RunRecord, reads: MlflowReads) -> ModelFiles:
    with asking_for(f"The model {model_id!r}"):
        info = (await reads.logged_models.get(model_id)).get("info") or {}
    if info.get("source_run_id") != run.id and model_id not in run.model_outputs:
        raise invalid("model_id", "This model is not of this run: name the run that made it.")
    return ModelFiles(source=source_of(model_id), run_id=run.id, model_id=model_id)


async def _of_folder(path: str, run: RunRecord, reads: MlflowReads) -> ModelFiles:
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


def _files_of(model: RunModel, run: RunRecord) -> ModelFiles:
    if model.model_id:
        return ModelFiles(source=source_of(model.model_id), run_id=run.id, model_id=model.model_id)
    return ModelFiles(source=source_in(run.artifact_uri, model.path), run_id=run.id, path=model.path or "")
