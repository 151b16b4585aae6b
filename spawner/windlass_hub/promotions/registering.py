"""Registers versions of protected models in people's names: MLflow lets nobody but the hub service edit these.

MLflow has one permission for moving an alias and for registering. What somebody may is asked of MLflow with the
credentials that this hub hands out to them: that they may use the model, and read the run and the files they register
from. Only the version itself is made with the hub service's own credentials, and only of models that a rule protects.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from windlass.contract.hub import VersionMade, VersionRequest
from windlass.errors import Conflict, FieldError, Forbidden, InvalidRequest, NotFound
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.model_words import USER_TAG, source_in, source_of, why_no_name, why_no_tag
from windlass.tracking.reads import MlflowReads
from windlass.tracking.reads.artifacts import checked
from windlass.tracking.registering import ModelFiles, ensure_model, register_once
from windlass_hub.profiles.access import Person

from .registry import READ_SECONDS, Registry, within
from .rules import PromotionSettings

REGISTER_SECONDS = 60.0
_PERMISSION = "/api/3.0/mlflow/users/permissions/get"
_MODEL_FILE = "MLmodel"
_PROMPT = "mlflow.prompt."
_USE = frozenset({"USE", "EDIT", "MANAGE"})
_REFUSED = (Forbidden, NotFound, InvalidRequest, Conflict)
_YOURS = "the credentials that this hub hands out to you"


class Registrations:
    """Registers for people.

    Args:
        settings: the rules: of models without any nothing is registered.
        service: MLflow with the hub service's own credentials.
        registry_of: MLflow with the credentials that the hub hands out to somebody.
        person: somebody with the groups they are in now.
        made_model: told of a model that somebody made, before it has a version.
        decide: writes a line of the audit log.
    """

    def __init__(
        self,
        *,
        settings: PromotionSettings,
        service: Registry,
        registry_of: Callable[[Person], Registry],
        person: Callable[[str], Awaitable[Person]],
        made_model: Callable[[str], Awaitable[None]],
        decide: Callable[..., None],
    ) -> None:
        self._settings = settings
        self._service = service
        self._registry_of = registry_of
        self._person = person
        self._made_model = made_model
        self._decide = decide

    async def register(self, name: str, request: VersionRequest, *, by: str) -> VersionMade:
        """Make a version; the same files are registered once under a name, however often it is asked.

        Raises:
            InvalidRequest, NotFound: there is no such run or model, or it cannot be registered so.
            Forbidden: this person may not use the model or read the run; nothing was done.
            Conflict: the run is deleted, or others were at this model for too long.
            Unavailable, Upstream: MLflow is away.
        """
        try:
            _check(name, request)
            files = await self._files_of(name, request, by=by)
        except _REFUSED as error:
            self._audit(name, request, by=by, decision="refused", why=str(error))
            raise
        tags = {**request.tags, USER_TAG: by}
        async with self._service.reads(f"The model {name!r}") as reads:
            made, created = await within(
                register_once(reads.registry, name, files, by=by, description=request.description, tags=tags),
                REGISTER_SECONDS,
            )
        version = str(made["version"])
        self._audit(f"{name}/{version}", request, by=by, decision="allowed", created=created)
        return VersionMade(name=name, version=version, created=created)

    async def _files_of(self, name: str, request: VersionRequest, *, by: str) -> ModelFiles:
        """What is meant, once it is sure that they may; the model is there then."""
        if not self._settings.rules_of(name):
            raise Forbidden(
                f"MLflow does not let you register versions of {name!r}, and no rule of this hub protects it: ask "
                "whoever manages the model in MLflow for EDIT."
            )
        own = self._registry_of(await self._person(by))
        async with own.reads(f"The model {name!r}") as reads:
            model = await _found(name, reads)
            if model is not None:
                await self._refuse_without_use(name, own)
            files = await within(_files(request, reads), READ_SECONDS)
            if model is None:
                await self._make_model(name, own, reads)
        return files

    async def _make_model(self, name: str, own: Registry, reads: MlflowReads) -> None:
        """Make it as whoever asks, whose it is then. Somebody else may have been first."""
        if await within(ensure_model(reads.registry, name), READ_SECONDS):
            await self._made_model(name)
        else:
            await self._refuse_without_use(name, own)

    async def _refuse_without_use(self, name: str, own: Registry) -> None:
        needed = self._settings.register_with
        permission = await _permission(own, "registered_model", name)
        if permission not in _USE and permission != needed:
            raise Forbidden(
                f"To register versions of {name!r} through this hub you need {needed} of it in MLflow, and have "
                f"{permission[:40] or 'nothing that is known'}: ask an admin of MLflow."
            )
        if await _permission(own, "registered_model_version", "*") == "DENY":
            raise Forbidden("MLflow denies you versions of models: ask an admin of MLflow.")

    def _audit(self, target: str, request: VersionRequest, *, by: str, decision: str, **more: Any) -> None:
        detail = {"run_id": request.run_id, "logged_model": request.model_id, "path": request.path, **more}
        self._decide(who=by, action="model.register", target=target, decision=decision, detail=detail)


def _check(name: str, request: VersionRequest) -> None:
    problem = why_no_name(name)
    if problem is not None:
        raise _invalid("name", problem)
    if (request.model_id is None) == (request.path is None):
        raise _invalid("path", "Name the model by its id or by its path among the run's artifacts.")
    for key, value in request.tags.items():
        why = why_no_tag(key, value)
        if why is None and key.startswith(_PROMPT):
            why = "Tags of this name make a prompt of it: choose another."
        if why is not None:
            raise _invalid(f"tags.{key[:250]}", why)


async def _found(name: str, reads: MlflowReads) -> dict[str, Any] | None:
    try:
        model = await within(reads.registry.model(name), READ_SECONDS)
    except MlflowRefused as refused:
        if refused.is_missing:
            return None
        raise
    if any(str(tag.get("key")).startswith(_PROMPT) for tag in model.get("tags") or ()):
        raise _invalid("name", "This is the name of a prompt: choose another.")
    return model


async def _permission(own: Registry, kind: str, which: str) -> str:
    """What the account behind these credentials may do, as MLflow itself tells it."""
    try:
        account = str((await own.get("users/current"))["user"]["username"])
        query = {"username": account, "resource_type": kind, "resource_id": which}
        return str((await own.get(_PERMISSION, query))["permission"])
    except MlflowRefused as refused:
        if refused.is_invalid and which == "*":
            return ""  # A version of MLflow that knows no permission of versions.
        raise Forbidden(f"This MLflow does not tell what {_YOURS} may do: ask an admin of it.") from refused
    except (KeyError, TypeError) as error:
        raise Forbidden(f"This MLflow does not tell what {_YOURS} may do: ask an admin of it.") from error


async def _files(request: VersionRequest, reads: MlflowReads) -> ModelFiles:
    """The files, looked at with the credentials of who asks: they are read by whoever reads the version."""
    try:
        run = await reads.runs.get(request.run_id)
        info = run.get("info") or {}
        if info.get("lifecycle_stage") == "deleted":
            raise Conflict("This run is deleted: restore it in MLflow before you register its model.")
        if request.model_id is not None:
            return await _of_logged_model(request.model_id, request.run_id, run, reads)
        return await _of_folder(request, str(info.get("artifact_uri") or ""), reads)
    except MlflowRefused as refused:
        if refused.is_missing:
            raise NotFound("This run, or its model, is not in MLflow: it may have been deleted.") from refused
        if refused.status == 403:
            message = (
                f"MLflow does not let {_YOURS} read this run and its model, or they are not there: ask whose they are."
            )
            raise Forbidden(message) from refused
        raise


async def _of_logged_model(model_id: str, run_id: str, run: dict[str, Any], reads: MlflowReads) -> ModelFiles:
    info = (await reads.logged_models.get(model_id)).get("info") or {}
    outputs = (run.get("outputs") or {}).get("model_outputs") or ()
    if info.get("source_run_id") != run_id and all(output.get("model_id") != model_id for output in outputs):
        raise _invalid("model_id", "This model is not of this run: name the run that made it.")
    return ModelFiles(source=source_of(model_id), run_id=run_id, model_id=model_id)


async def _of_folder(request: VersionRequest, artifact_uri: str, reads: MlflowReads) -> ModelFiles:
    given = (request.path or "").strip("/")
    folder = checked(given) if given else ""
    page = await reads.artifacts.list(run_id=request.run_id, path=folder)
    if all(str(item.get("path")).rpartition("/")[2] != _MODEL_FILE for item in page.items):
        raise NotFound(f"There is no model at {given!r} among the run's artifacts: no {_MODEL_FILE} file lies there.")
    return ModelFiles(source=source_in(artifact_uri, folder), run_id=request.run_id, path=folder)


def _invalid(field: str, message: str) -> InvalidRequest:
    return InvalidRequest(message, [FieldError(field=field, message=message)])
