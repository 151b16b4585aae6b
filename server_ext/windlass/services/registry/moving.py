"""Moves an alias or a stage with the log in tags: intent first, in turn, compared before and after.

Two who promote at once both leave a line; the one whose turn comes second finds the alias moved, and is told so. Who is
interrupted leaves a line that says what was meant, and the log judges by MLflow what came of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Literal, NamedTuple

from windlass.contract.models import Promotion, PromotionRequest
from windlass.errors import Conflict, Unavailable, WindlassError
from windlass.services.registry.names import told_version
from windlass.services.registry.rows import Row
from windlass.services.registry.tag_log import Line, TagLog, key_digest, lines_of, new_line, shown
from windlass.services.registry.targets import Target
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.reads.registry import RegistryReads
from windlass.tracking.turns import STALE_SECONDS, turn


class _Outcome(NamedTuple):
    """What came of a move. `state` None: it is not known."""

    state: Literal["done", "failed"] | None
    message: str | None = None
    error: WindlassError | None = None


class Mover:
    """Promotes in one MLflow. Methods raise as MLflow's registry does.

    Args:
        registry: the registry.
        clock: POSIX seconds, for tests.
    """

    def __init__(self, *, registry: RegistryReads, clock: Callable[[], float] = time.time) -> None:
        self._registry = registry
        self._log = TagLog(registry)
        self._clock = clock

    async def promote(
        self, name: str, target: Target, version: Row, *, request: PromotionRequest, by: str, key: str | None
    ) -> Promotion:
        """Move the target to a version (as MLflow answered it). Raises Conflict when it was not done."""
        number = str(version["version"])
        if str(version.get("status") or "READY") != "READY":
            raise Conflict(
                f"{told_version(name, number)} is not ready ({version['status']}): register it again, or wait."
            )
        digest = key_digest(by=by, key=key)
        earlier = next((line for line in lines_of(version) if digest is not None and line.key == digest), None)
        if earlier is not None:
            if earlier.target != target:
                raise Conflict("This Idempotency-Key was used for another promotion.")
            return await self._told(name, earlier)
        base = request.expected
        if base is None:
            base = target.at(await self._registry.model(name))
        line = new_line(
            target,
            from_version=(base or None) if target.is_held else None,
            to_version=number,
            by=by,
            comment=request.comment,
            key=digest,
            now=self._clock(),
        )
        # What was begun is brought to its end, though whoever asked may have gone.
        return await asyncio.shield(asyncio.ensure_future(self._carry_out(name, line, version)))

    async def _carry_out(self, name: str, line: Line, version: Row) -> Promotion:
        await self._log.begin(name, line, version=version)
        began = time.monotonic()
        try:
            async with turn(self._registry, name, by=line.by, clock=self._clock) as model:
                outcome = await self._moved(name, line, model, began=began)
        except WindlassError as error:
            # Before the move: MLflow is away, or somebody else is at it.
            outcome = _Outcome("failed", f"It was not moved: {error}", error)
        if outcome.state is None:
            raise Unavailable(f"{outcome.message} Whether it was done is looked up, and the log will say.")
        ended = line.ended_as(outcome.state, message=outcome.message, at=self._clock())
        try:
            await self._log.write(name, ended)
        except WindlassError:
            # The line of the intent stays, and is judged by what MLflow has.
            if outcome.error is not None:
                raise outcome.error from None
        if outcome.error is not None and not isinstance(outcome.error, Conflict):
            raise outcome.error
        return await self._told(name, ended)

    async def _moved(self, name: str, line: Line, model: Row, *, began: float) -> _Outcome:
        why_not = _why_not(line, model)
        if why_not is None and time.monotonic() - began > STALE_SECONDS / 2:
            # Others may soon take this one for gone: moved late it could undo what they do.
            why_not = "It was not moved: MLflow was too slow. Promote again."
        if why_not is not None:
            return _Outcome("failed", why_not)
        try:
            await line.target.move(self._registry, name, line.to_version)
        except MlflowRefused as refused:
            return _Outcome("failed", f"It was not moved: {refused}", refused)
        except WindlassError as error:
            # It may have been done all the same.
            return _Outcome(None, str(error))
        return await self._looked_after(name, line)

    async def _looked_after(self, name: str, line: Line) -> _Outcome:
        target, to = line.target, line.to_version
        try:
            after = target.at(await self._registry.model(name))
        except WindlassError as error:
            return _Outcome("done", f"MLflow accepted it; it could not be looked at afterwards: {error}")
        if target.is_held and after != to:
            return _Outcome("failed", f"MLflow accepted it, and has {target} at {_version(after)} all the same.")
        return _Outcome("done")

    async def _told(self, name: str, line: Line) -> Promotion:
        if line.state == "failed":
            raise Conflict(line.message or "It was not done.")
        model = await self._registry.model(name) if line.state == "moving" else {}
        return shown(line, name=name, later=[], model=model, now=self._clock())


def _why_not(line: Line, model: Row) -> str | None:
    """Why it cannot be done with the model as it is now, as a sentence; None when it can."""
    target = line.target
    if not target.is_held:
        return None
    now = target.at(model)
    if now != line.from_version:
        words = f"{target} is at {_version(now)} by now, not at {_version(line.from_version)}"
        return f"{words}: look at it, and promote again if it holds."
    return f"{target} is at {_version(now)} already." if now == line.to_version else None


def _version(version: str | None) -> str:
    return f"version {version}" if version else "no version"
