"""A model in MLflow's registry, asked with somebody's credentials: what its aliases and stages are at, and moving them.

MLflow decides what those credentials may; its refusals become sentences. It keeps nothing and knows no rule.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from windlass.errors import Conflict, Forbidden, InvalidRequest, NotFound, Unavailable, Upstream
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.reads import MlflowReads
from windlass.tracking.rest import MlflowHttp

from .rules import HELD_STAGES, Target

Environ = Mapping[str, str]
T = TypeVar("T")

READ_SECONDS = 15.0
MOVE_SECONDS = 20.0
MOST_ALIASES = 200
_NOT_READY = frozenset({"PENDING_REGISTRATION", "FAILED_REGISTRATION"})


@dataclass(frozen=True, kw_only=True)
class Model:
    """What a model's aliases and stages are at: version by target."""

    name: str
    versions: Mapping[Target, str]

    def at(self, target: Target) -> str | None:
        """The version that holds a target; None: nobody does, or many may."""
        return self.versions.get(target)


class Registry:
    """One MLflow server.

    Methods raise Unavailable when it is away, NotFound, Forbidden when it does not let these credentials, and Upstream.

    Args:
        url: its address.
        environ: MLflow's own variables with the credentials; read anew for each question.
        whose: of whom the credentials are, for the sentence when they do not do.
    """

    def __init__(self, url: str, *, environ: Callable[[], Awaitable[Environ]], whose: str) -> None:
        self._url = url
        self._environ = environ
        self._whose = whose

    async def model(self, name: str) -> Model:
        """A model as it is now."""

        async def read(http: MlflowHttp) -> Model:
            found = (await http.get("registered-models/get", {"name": name})).get("registered_model")
            if not isinstance(found, dict):
                raise Upstream("MLflow answered without a model where one was asked for.")
            return Model(name=name, versions=_held(found))

        return await self._ask(read, what=f"The model {name!r}", seconds=READ_SECONDS)

    async def version(self, name: str, version: str) -> dict[str, Any]:
        """A version as MLflow has it."""

        async def read(http: MlflowHttp) -> dict[str, Any]:
            return await http.get("model-versions/get", {"name": name, "version": version})

        found = await self._ask(read, what=f"Version {version} of {name!r}", seconds=READ_SECONDS)
        known = found.get("model_version")
        return known if isinstance(known, dict) else {}

    async def stage_of(self, name: str, version: str) -> str | None:
        """The stage that a version is in, which may be `None`; None on servers without stages.

        Raises Conflict, too, where the version's files are not there yet.
        """
        known = await self.version(name, version)
        if known.get("status") in _NOT_READY:
            message = f"Version {version} of {name!r} is not ready ({known['status']}): register it again, or wait."
            raise Conflict(message)
        return str(known["current_stage"]) if known.get("current_stage") else None

    async def move(self, name: str, target: Target, version: str) -> None:
        """Move an alias or a stage; done twice it is done once."""

        async def post(http: MlflowHttp) -> dict[str, Any]:
            if target.kind == "alias":
                body: dict[str, Any] = {"name": name, "alias": target.name, "version": version}
                return await http.post("registered-models/alias", body)
            body = {"name": name, "version": version, "stage": target.name}
            body["archive_existing_versions"] = target.name in HELD_STAGES
            return await http.post("model-versions/transition-stage", body)

        await self._ask(post, what=f"Version {version} of {name!r}", seconds=MOVE_SECONDS)

    async def has_stages(self) -> bool:
        """Whether this MLflow has stages: one that does finds fault with an empty request, not with its address."""

        async def post(http: MlflowHttp) -> bool:
            try:
                await http.post("model-versions/transition-stage", {})
            except MlflowRefused as refusal:
                return refusal.error_code == "INVALID_PARAMETER_VALUE"
            return False

        return await self._ask(post, what="The stages", seconds=READ_SECONDS)

    async def get(self, endpoint: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Ask for any other object. Raises MlflowRefused as it is said."""
        async with self._opened() as http:
            return await within(http.get(endpoint, dict(query or {})), READ_SECONDS)

    async def patch(self, endpoint: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change any other object. Raises MlflowRefused as it is said."""
        async with self._opened() as http:
            return await within(http.patch(endpoint, body), MOVE_SECONDS)

    @asynccontextmanager
    async def reads(self, what: str) -> AsyncIterator[MlflowReads]:
        """All that can be read of MLflow, by topic; `what` is asked for, as the sentence about a refusal says."""
        reads = MlflowReads(self._url, environ=await self._variables())
        try:
            yield reads
        except MlflowRefused as refusal:
            raise self._told(refusal, what) from refusal
        finally:
            await reads.close()

    async def _ask(self, question: Callable[[MlflowHttp], Awaitable[T]], *, what: str, seconds: float) -> T:
        try:
            async with self._opened() as http:
                return await within(question(http), seconds)
        except MlflowRefused as refusal:
            raise self._told(refusal, what) from refusal

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[MlflowHttp]:
        async with MlflowHttp(self._url, environ=await self._variables()) as http:
            yield http

    async def _variables(self) -> Environ:
        try:
            return await self._environ()
        except OSError as error:
            raise Unavailable(f"MLflow cannot be asked: {error}") from error

    def _told(self, refusal: MlflowRefused, what: str) -> Exception:
        if refusal.is_missing:
            return NotFound(f"{what} is not in MLflow.")
        if refusal.status == 401:
            return Forbidden(f"MLflow does not know {self._whose}: ask an admin of this hub to set them.")
        if refusal.status == 403:
            return Forbidden(f"MLflow does not let {self._whose} do this: ask whoever manages the model there.")
        if refusal.status == 400:
            return InvalidRequest(str(refusal))
        return refusal


async def within(answer: Awaitable[T], seconds: float) -> T:
    """An answer of MLflow's. Raises Unavailable when it takes longer."""
    try:
        return await asyncio.wait_for(answer, seconds)
    except asyncio.TimeoutError as error:
        raise Unavailable("MLflow did not answer in time; try again.") from error


def _held(found: Mapping[str, Any]) -> dict[Target, str]:
    held: dict[Target, str] = {}
    for alias in (found.get("aliases") or ())[:MOST_ALIASES]:
        held[Target(kind="alias", name=str(alias["alias"]))] = str(alias["version"])
    for version in found.get("latest_versions") or ():
        if version.get("current_stage") in HELD_STAGES:
            held[Target(kind="stage", name=str(version["current_stage"]))] = str(version["version"])
    return held
