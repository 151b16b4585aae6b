"""Which prices were in force when: the hub writes each change down, and every second is paid at its own price.

A catalogue knows only its prices of now, and a file may be edited; what was paid before must not change with either.
So what is in force is kept with the moment from which on it was, and all days are worked out from that.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from windlass.costs.book import Entry, PriceBook, Shape


@dataclass(frozen=True, kw_only=True)
class PriceVersion:
    """The prices that came into force at a moment (POSIX seconds)."""

    at: float
    text: str
    """As `prices_text` writes it."""


def prices_text(book: PriceBook, *, at: float) -> str:
    """The prices in force at a moment, as text that is the same for the same prices."""
    entries = sorted((_to_json(entry) for entry in book.in_force(at)), key=json.dumps)
    content = {"assumed": book.assumed_capacity, "entries": entries}
    return json.dumps(content, separators=(",", ":"), sort_keys=True)


def came_into_force(book: PriceBook, *, since: float, now: float) -> float:
    """When what holds now began to hold, if it was something else at `since`: as the book says, else now."""
    return max((moment for moment in book.changes if since < moment <= now), default=now)


def book_of(versions: Sequence[PriceVersion]) -> PriceBook:
    """All prices with the times in which they held. The first version holds for what was before it, too."""
    ordered = sorted(versions, key=lambda version: version.at)
    spans: list[tuple[PriceVersion, float | None, float | None]] = []
    if ordered:
        starts = [None, *(version.at for version in ordered[1:])]
        ends = [*(later.at for _, later in pairwise(ordered)), None]
        spans = list(zip(ordered, starts, ends, strict=True))
    entries: list[Entry] = []
    assumed = None
    for version, start, end in spans:
        content = json.loads(version.text)
        assumed = content["assumed"]
        entries += [replace(_from_json(each), valid_from=start, valid_until=end) for each in content["entries"]]
    return PriceBook(entries, assumed_capacity=assumed)


def _to_json(entry: Entry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "name": entry.name,
        "usd_per_hour": str(entry.usd_per_hour),
        "capacity": entry.capacity,
        "region": entry.region,
        "source": entry.source,
        "listed": entry.listed,
        "shape": None if entry.shape is None else _shape_to_json(entry.shape),
    }


def _shape_to_json(shape: Shape) -> dict[str, Any]:
    numbers = {"cores": shape.cores, "memory_gib": shape.memory_gib}
    exact = {name: None if number is None else str(number) for name, number in numbers.items()}
    return {"gpus": shape.gpus, "product": shape.product, **exact}


def _from_json(content: dict[str, Any]) -> Entry:
    shape = content["shape"]
    return Entry(
        kind=content["kind"],
        name=content["name"],
        usd_per_hour=Fraction(content["usd_per_hour"]),
        capacity=content["capacity"],
        region=content["region"],
        source=content["source"],
        listed=content["listed"],
        shape=None if shape is None else _shape_of(shape),
    )


def _shape_of(content: dict[str, Any]) -> Shape:
    numbers = {name: None if content[name] is None else Fraction(content[name]) for name in ("cores", "memory_gib")}
    return Shape(gpus=content["gpus"], product=content["product"], **numbers)
