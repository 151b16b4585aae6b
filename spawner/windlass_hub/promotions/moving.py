"""Moves an alias or a stage, with whose credentials ever, so that the log is true whatever happens.

The intent is written first, and with it the model is held: nobody else moves anything of it meanwhile, in whatever
replica. MLflow has no compare-and-set, so it is read again under the hold, moved, and read once more. Who is
interrupted leaves the intent, which the next look settles by what MLflow has (looking.py).
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from windlass.errors import Conflict, Forbidden, InvalidRequest, NotFound, Unavailable, WindlassError

from .records import DONE, FAILED, HOLD_SECONDS, Busy, NewRecord, Record, Records
from .registry import Model, Registry
from .rules import HELD_STAGES, Target

log = logging.getLogger("windlass_hub.promotions")

BUSY_SECONDS = 5.0
"""How long a promotion waits for another of the same model to be done."""
_LOOK_AGAIN_SECONDS = 0.1


async def move(
    records: Records, registry: Registry, what: NewRecord | int, *, base: str | None, busy_seconds: float = BUSY_SECONDS
) -> Record | None:
    """Do it, and answer the line of the log as it ended; None: it waits no more.

    Args:
        records: the log.
        registry: MLflow with the credentials to move it with.
        what: a promotion that was not kept yet, or the id of one that waited.
        base: the version that whoever decided saw it at; None: none.
        busy_seconds: how long to wait for another promotion of the model.

    Raises:
        Conflict: another promotion of the model is still being done; nothing was kept.
        Repeated: it was asked before with the same key.
        RecordsAway: the database is away; nothing was begun.
        Unavailable: MLflow broke off; the log says what came of it once that is known.
    """
    record = await _begun(records, what, seconds=busy_seconds)
    if record is None:
        return None
    # What was begun is brought to its end, though whoever asked may have gone.
    return await asyncio.shield(asyncio.ensure_future(_carry_out(records, registry, record, base=base)))


async def _begun(records: Records, what: NewRecord | int, *, seconds: float) -> Record | None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        try:
            return await records.begin(what, holder=uuid.uuid4().hex)
        except Busy as busy:
            if loop.time() >= deadline:
                who = busy.by or "Somebody"
                raise Conflict(f"{who} is promoting this model just now: look again in a moment.") from None
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """What came of a move. `state` None: it is not known; `seen` as `Records.finish` takes it."""

    state: str | None
    message: str | None = None
    seen: Mapping[str, str] = field(default_factory=dict)


async def _carry_out(records: Records, registry: Registry, record: Record, *, base: str | None) -> Record:
    outcome = await _moved(registry, record, base=base)
    if outcome.state is None:
        log.warning("Whether promotion %d was done is not known yet: %s", record.id, outcome.message)
        raise Unavailable(f"{outcome.message} Whether it was done is looked up, and the log will say.")
    await records.finish(record, state=outcome.state, message=outcome.message, seen=outcome.seen)
    return await records.get(record.id) or record


async def _moved(registry: Registry, record: Record, *, base: str | None) -> _Outcome:
    begun = time.monotonic()
    try:
        now = (await registry.model(record.model)).at(record.target)
    except WindlassError as error:
        return _Outcome(state=FAILED, message=f"It was not moved: {error}")
    if now != base:
        return _Outcome(state=FAILED, message=moved_since(record.target, now=now, base=base))
    if time.monotonic() - begun > HOLD_SECONDS / 4:
        # This process stood still: before it moves anything late, when another may hold the model, it moves nothing.
        return _Outcome(state=FAILED, message="It was not moved: the hub service was too slow. Ask for it again.")
    try:
        await registry.move(record.model, record.target, record.to_version)
    except (NotFound, Forbidden, InvalidRequest) as error:
        return _Outcome(state=FAILED, message=f"It was not moved: {error}")
    except WindlassError as error:
        # It may have been done all the same.
        return _Outcome(state=None, message=str(error))
    return await _looked_after(registry, record)


async def _looked_after(registry: Registry, record: Record) -> _Outcome:
    name, target, version = record.model, record.target, record.to_version
    try:
        after = await registry.model(name)
    except WindlassError as error:
        message = f"MLflow accepted it; it could not be looked at afterwards: {error}"
        return _Outcome(state=DONE, message=message, seen={target.key: version} if target.is_held else {})
    at = after.at(target)
    if not is_at(target, at=at, version=version):
        message = f"MLflow accepted it, and has {target} at {_version(at)} all the same."
        return _Outcome(state=FAILED, message=message, seen=changed(after, target))
    return _Outcome(state=DONE, seen=changed(after, target))


def changed(model: Model, target: Target) -> dict[str, str]:
    """What a move of this target can have changed: of a stage, all stages."""
    if target.kind == "alias":
        return {target.key: model.at(target) or ""}
    stages = [Target(kind="stage", name=name) for name in HELD_STAGES]
    return {stage.key: model.at(stage) or "" for stage in stages}


def is_at(target: Target, *, at: str | None, version: str) -> bool:
    """Whether a target was moved, as far as a model shows it."""
    return at == version or not target.is_held


def moved_since(target: Target, *, now: str | None, base: str | None) -> str:
    """The sentence for a comparison that failed."""
    return f"{target} is at {_version(now)} by now, not at {_version(base)}: look at it, and promote again if it holds."


def _version(version: str | None) -> str:
    return f"version {version}" if version else "no version"
