"""Looks whether the log is true: what was moved past Windlass, and what became of a promotion that was interrupted.

MLflow keeps no history of aliases. So what they are at is kept at each look, and a difference that no promotion of ours
made is a line of the log: from where to where, seen when; who did it is not known.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from windlass.errors import NotFound

from .moving import changed, is_at
from .records import DONE, FAILED, OUTSIDE, NewRecord, Record, Records, Standing
from .registry import Model, Registry
from .rules import Target

log = logging.getLogger("windlass_hub.promotions")

MOVED_OUTSIDE = "It was moved past Windlass: this is when it was seen; who moved it, and when exactly, is not known."
_REMOVED_OUTSIDE = (
    "It was removed past Windlass: this is when it was seen; who removed it, and when exactly, is not known."
)


async def look(records: Records, registry: Registry, name: str) -> Model:
    """The model as it is now, with the log made true before. Raises what `Registry.model` and the records raise."""
    standing = await records.standing(name)
    model = await registry.model(name)
    for record in standing.interrupted:
        await _settle(records, record, model)
    if not standing.is_moving and not standing.interrupted:
        seen = {target.key: version for target, version in model.versions.items()}
        drift = _drift(name, standing, seen)
        # Refused where something was done since the standing was read: that is no drift.
        if standing.seen is None or drift or dict(standing.seen) != seen:
            kept = await records.looked(name, revision=standing.revision, seen=seen, drift=drift)
            if kept and drift:
                log.warning("%d alias(es) of a model were moved past Windlass.", len(drift))
    return model


async def settle_interrupted(records: Records, registry: Registry) -> None:
    """End what was interrupted, of all models. Raises as `look` does."""
    for name in await records.interrupted():
        await _settle_model(records, registry, name)


async def _settle_model(records: Records, registry: Registry, name: str) -> None:
    try:
        await look(records, registry, name)
    except NotFound as error:
        for record in (await records.standing(name)).interrupted:
            await records.finish(record, state=FAILED, message=str(error), seen={})


async def _settle(records: Records, record: Record, model: Model) -> None:
    at = model.at(record.target)
    if not record.target.is_held:
        state, message = FAILED, "The hub service was interrupted: whether it was done is not known; look in MLflow."
    elif is_at(record.target, at=at, version=record.to_version):
        state, message = DONE, "The hub service was interrupted while it did this; MLflow has it."
    elif at == record.from_version:
        state, message = FAILED, "The hub service was interrupted before it did this: ask for it again."
    else:
        where = f"version {at}" if at else "no version"
        state = FAILED
        message = f"The hub service was interrupted; MLflow has {record.target} at {where}."
    await records.finish(record, state=state, message=message, seen=changed(model, record.target))


def _drift(name: str, standing: Standing, seen: Mapping[str, str]) -> list[NewRecord]:
    if standing.seen is None:
        return []  # The first look: nothing is known of before.
    found = []
    for key in sorted({*standing.seen, *seen}):
        before, now = standing.seen.get(key), seen.get(key)
        if before != now:
            found.append(
                NewRecord(
                    model=name,
                    target=Target.parse(key),
                    from_version=before,
                    to_version=now or "",
                    state=DONE,
                    by=OUTSIDE,
                    message=MOVED_OUTSIDE if now else _REMOVED_OUTSIDE,
                )
            )
    return found
