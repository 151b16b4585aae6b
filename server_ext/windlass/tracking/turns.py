"""Turns at a model, among servers whose only common ground is MLflow, which has no locks and no compare-and-set.

Lamport's bakery: it needs nothing but values that one writes and all read. Each one's ticket is a tag of the registered
model: first `0` (choosing), then one more than any that was seen; then everyone waits for those with lower numbers, and
for those still choosing. One read of the model gives all tickets, and what its aliases are at in that moment.

Who died with a ticket is waited for no longer than `STALE_SECONDS` by the clocks of two machines; where these differ
by more, two may have their turn at once, and then only the comparison before and after the move is left.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from windlass.errors import Conflict, WindlassError
from windlass.tracking.model_words import LOG_PREFIX
from windlass.tracking.reads.registry import RegistryReads

TICKET_PREFIX = f"{LOG_PREFIX}ing."
STALE_SECONDS = 60.0
PATIENCE_SECONDS = 10.0
_FORGOTTEN_SECONDS = 3600.0
_LOOK_AGAIN_SECONDS = 0.1
_LONGEST_NAME = 200

Model = Mapping[str, Any]

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Ticket:
    id: str
    by: str
    at: float
    """POSIX seconds, by the clock of whoever took it."""
    number: int
    """0: it is being chosen."""

    def is_before(self, own: _Ticket) -> bool:
        # One that is still being chosen may turn out to be: 0 is before all.
        return (self.number, self.id) < (own.number, own.id)

    @property
    def value(self) -> str:
        return json.dumps({"by": self.by, "at": self.at, "number": self.number})


@asynccontextmanager
async def turn(
    registry: RegistryReads,
    name: str,
    *,
    by: str,
    patience_seconds: float = PATIENCE_SECONDS,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[Model]:
    """Have one's turn at a model; gives the model as it is then.

    Args:
        registry: where the model is.
        name: the model's name.
        by: who takes a turn, for those who wait.
        patience_seconds: how long to wait for others.
        clock: POSIX seconds, for tests.

    Raises:
        Conflict: others had not ended in that time.
        Unavailable, MlflowRefused, Upstream: MLflow is away or refuses; nothing was held.
    """
    own = _Ticket(id=secrets.token_hex(6), by=by[:_LONGEST_NAME], at=clock(), number=0)
    try:
        await _show(registry, name, own)
        others = _tickets(await registry.model(name), own, now=clock())
        own = _Ticket(id=own.id, by=own.by, at=own.at, number=1 + max((other.number for other in others), default=0))
        await _show(registry, name, own)
        yield await _called(registry, name, own, patience_seconds=patience_seconds, clock=clock)
    finally:
        # What cannot be taken away now is passed over by others when it is stale.
        with suppress(WindlassError):
            await asyncio.shield(asyncio.ensure_future(registry.delete_tag(name, key=TICKET_PREFIX + own.id)))


async def _called(
    registry: RegistryReads, name: str, own: _Ticket, *, patience_seconds: float, clock: Callable[[], float]
) -> Model:
    """The model once nobody is before us."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_seconds
    while True:
        model = await registry.model(name)
        before = [other for other in _tickets(model, own, now=clock()) if other.is_before(own)]
        if not before:
            await _forget(registry, name, model, now=clock())
            return model
        if loop.time() >= deadline:
            raise Conflict(f"{before[0].by} is changing this model just now: look again in a moment.")
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


async def _show(registry: RegistryReads, name: str, ticket: _Ticket) -> None:
    await registry.set_tag(name, key=TICKET_PREFIX + ticket.id, value=ticket.value)


async def _forget(registry: RegistryReads, name: str, model: Model, *, now: float) -> None:
    """Take away what others left behind long ago."""
    for ticket in _all_tickets(model):
        if abs(now - ticket.at) > _FORGOTTEN_SECONDS:
            await registry.delete_tag(name, key=TICKET_PREFIX + ticket.id)


def _tickets(model: Model, own: _Ticket, *, now: float) -> list[_Ticket]:
    """Those of others who may still be there."""
    found = _all_tickets(model)
    return [ticket for ticket in found if ticket.id != own.id and abs(now - ticket.at) <= STALE_SECONDS]


def _all_tickets(model: Model) -> list[_Ticket]:
    found = []
    for tag in model.get("tags") or ():
        key = str(tag.get("key"))
        if not key.startswith(TICKET_PREFIX):
            continue
        try:
            told = json.loads(str(tag.get("value", "")))
            number, at = int(told["number"]), float(told["at"])
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
            log.debug("A tag of a model looks like a ticket and is none.")
            continue
        by = str(told.get("by") or "Somebody")[:_LONGEST_NAME]
        found.append(_Ticket(id=key.removeprefix(TICKET_PREFIX), by=by, at=at, number=number))
    return found
