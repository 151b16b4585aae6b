"""Pages and members of MLflow's answers, held to the shape that is counted on.

MLflow leaves out what is empty; a proxy or another server may answer JSON that is none of MLflow's. The one is filled
in here, the other is said to be so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple, TypeVar

from windlass.errors import Upstream
from windlass.tracking.answers import MlflowRefused

_AT_ONCE = 8
T = TypeVar("T")


class Page(NamedTuple):
    """Some of a list, and what gets the next of it; None at its end."""

    items: list[dict[str, Any]]
    token: str | None


def page_of(answer: dict[str, Any], key: str) -> Page:
    """The page under `key`. Raises Upstream when it is no list of objects."""
    token = answer.get("next_page_token")
    return Page(items=objects_of(answer, key), token=str(token) if token else None)


def objects_of(answer: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The list of objects under `key`, empty when it is left out. Raises Upstream when it is something else."""
    items = answer.get(key, [])
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Upstream(f"MLflow answered what cannot be understood: {key!r} is no list of objects.")
    return items


def object_in(answer: dict[str, Any], key: str) -> dict[str, Any]:
    """The object under `key`. Raises Upstream when there is none."""
    item = answer.get(key)
    if not isinstance(item, dict):
        raise Upstream(f"MLflow answered what cannot be understood: there is no {key!r} in it.")
    return item


def missing(message: str) -> MlflowRefused:
    """What MLflow says of a thing that is not there, for what need not be asked."""
    return MlflowRefused(message, error_code="RESOURCE_DOES_NOT_EXIST", status=404)


async def each(keys: Iterable[str], ask: Callable[[str], Awaitable[T]]) -> dict[str, T | MlflowRefused]:
    """Ask for things one by one, a few at once; a thing that MLflow refuses has the refusal in its place.

    Raises Unavailable and Upstream, the rest being given up.
    """
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(key: str) -> T | MlflowRefused:
        async with gate:
            try:
                return await ask(key)
            except MlflowRefused as refused:
                return refused

    wanted = list(dict.fromkeys(keys))
    tasks = [asyncio.ensure_future(one(key)) for key in wanted]
    try:
        found = await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    return dict(zip(wanted, found, strict=True))
