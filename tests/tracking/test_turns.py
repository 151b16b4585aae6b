"""Turns at a model, with nothing but tags to take them by: in a registry that answers late and out of order."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.errors import Conflict, Unavailable
from windlass.tracking.turns import TICKET_PREFIX, turn


class SlowRegistry:
    """What of MLflow turns need: tags that anybody sets and all read, each call taking its own time.

    A double: that two calls overlap in every way there is cannot be had of a real server on request.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.tags: dict[str, str] = {}

    async def pause(self, longest: int = 5) -> None:
        for _ in range(self._random.randrange(longest + 1)):
            await asyncio.sleep(0)

    async def set_tag(self, _name: str, *, key: str, value: str) -> None:
        await self.pause()
        self.tags[key] = value
        await self.pause()

    async def delete_tag(self, _name: str, *, key: str) -> None:
        await self.pause()
        self.tags.pop(key, None)

    async def model(self, _name: str) -> dict[str, Any]:
        await self.pause()
        answer = {"tags": [{"key": key, "value": value} for key, value in self.tags.items()]}
        await self.pause()
        return answer


def take(registry: SlowRegistry, by: str, **more: Any) -> Any:
    return turn(registry, "model", by=by, **more)  # type: ignore[arg-type]  # the part of it that turns use


@given(st.integers(0, 2**32), st.integers(2, 5))
def test_no_two_have_their_turn_at_once_and_everyone_has_one(seed: int, people: int) -> None:
    registry = SlowRegistry(seed)
    inside: list[str] = []
    served: list[str] = []

    async def one(by: str) -> None:
        for _ in range(2):
            await registry.pause(longest=30)
            async with take(registry, by):
                inside.append(by)
                for _ in range(20):
                    await asyncio.sleep(0)
                    assert inside == [by]
                inside.remove(by)
                served.append(by)

    async def everyone() -> None:
        await asyncio.gather(*(one(f"person {number}") for number in range(people)))

    asyncio.run(_without_pauses(everyone()))
    assert len(served) == 2 * people
    assert registry.tags == {}


async def _without_pauses(work: Any) -> None:
    """Run it with no pause longer than it takes the others to go on."""
    real_sleep = asyncio.sleep
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "sleep", lambda _seconds: real_sleep(0))
        await work


def test_who_waits_too_long_is_told_for_whom() -> None:
    registry = SlowRegistry(1)
    registry.tags[f"{TICKET_PREFIX}aa"] = f'{{"by": "ada", "at": {time.time()}, "number": 0}}'

    async def wait() -> None:
        with pytest.raises(Conflict, match="ada is changing"):
            async with take(registry, "bob", patience_seconds=0.0):
                pytest.fail("It is ada's turn.")

    asyncio.run(wait())
    assert list(registry.tags) == [f"{TICKET_PREFIX}aa"]


def test_tickets_of_the_dead_are_passed_over_and_old_ones_taken_away() -> None:
    registry = SlowRegistry(2)
    for number, age in enumerate((100.0, 9000.0)):
        ticket = f'{{"by": "eve", "at": {time.time() - age}, "number": 0}}'
        registry.tags[f"{TICKET_PREFIX}{number}"] = ticket

    async def have() -> None:
        async with take(registry, "bob", patience_seconds=0.0):
            pass

    asyncio.run(have())
    assert list(registry.tags) == [f"{TICKET_PREFIX}0"]


def test_a_turn_that_fails_is_given_up() -> None:
    registry = SlowRegistry(3)

    async def have() -> None:
        async with take(registry, "bob"):
            raise Unavailable("MLflow is away.")

    with pytest.raises(Unavailable):
        asyncio.run(have())
    assert registry.tags == {}
