"""The price book: what an hour of something costs, since when, where, and on which capacity.

What is not in it has no price, which is not the price 0. A book never guesses: whoever asks for a spot price gets no
on-demand one.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from windlass.costs.products import card_of, mig_profile, share_parts

if TYPE_CHECKING:
    from windlass.contract.hub import Prices

Kind = Literal["gpu", "mig", "share", "node", "cpu", "memory", "storage"]
Capacity = Literal["spot", "on-demand"]

CORE, GIB = "core", "GiB"
"""The names of what `cpu`, and `memory` and `storage`, are priced by."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a whole node has, for a pod's part of its price; None is unknown."""

    gpus: int = 0
    """Whole cards."""
    product: str | None = None
    cores: Fraction | None = None
    memory_gib: Fraction | None = None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One price. Moments are POSIX seconds."""

    kind: Kind
    name: str
    """A product, `2g.10gb of <product>`, `1/4 of <product>`, an instance type or a node's own name, `core`, `GiB`."""
    usd_per_hour: Fraction
    capacity: Capacity = "on-demand"
    region: str | None = None
    """None: everywhere."""
    valid_from: float | None = None
    valid_until: float | None = None
    """The first moment at which it does not hold any more."""
    source: str = ""
    """Where it comes from, in words."""
    listed: bool = False
    """A cloud's list price that came with Windlass: nobody here has said that it holds."""
    shape: Shape | None = None
    """Of a node."""
    line: int | None = None
    """In its file, from 1."""

    def holds_at(self, at: float) -> bool:
        """Whether this price was in force at a moment."""
        return (self.valid_from is None or self.valid_from <= at) and (
            self.valid_until is None or at < self.valid_until
        )

    @property
    def key(self) -> tuple[Kind, str]:
        """What it is for, in the one way of writing it that is compared."""
        return self.kind, compared(self.kind, self.name)

    @property
    def what(self) -> str:
        """What it is for, in words."""
        named = {"cpu": "core", "memory": "GiB of memory", "storage": "GiB of storage"}
        return named.get(self.kind) or (f"{self.kind} {self.name}" if self.kind in ("mig", "share") else self.name)


def of_product(part: str, product: str) -> str:
    """The name of a slice or share in a book: `2g.10gb of Tesla-T4`."""
    return f"{part} of {product}"


def compared(kind: Kind, name: str) -> str:
    """A name as it is compared: however a product, slice or instance type is written."""
    part, of, product = name.partition(" of ")
    if kind == "gpu":
        return card_of(name)
    if kind == "mig":
        profile = mig_profile(part)
        return of_product(profile.name if profile else part.casefold(), card_of(product) if of else "")
    if kind == "share":
        return of_product(part.strip(), card_of(product) if of else "")
    return name.strip().casefold()


class PriceBook:
    """All prices; immutable.

    Args:
        entries: in any order; of two that hold for the same thing, the one of the region asked for counts.
        assumed_capacity: what a node is taken to be whose labels nobody could read; None: that is not known.
        otherwise: asked for things that this book has no price of at all.
    """

    def __init__(
        self,
        entries: Iterable[Entry] = (),
        *,
        assumed_capacity: Capacity | None = None,
        otherwise: PriceBook | None = None,
    ) -> None:
        self.own = tuple(entries)
        self.assumed_capacity: Capacity | None = assumed_capacity
        self.otherwise = otherwise
        self._by_key: dict[tuple[Kind, str], list[Entry]] = defaultdict(list)
        for entry in self.own:
            self._by_key[entry.key].append(entry)

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """This book's prices, and of the one behind it those of things that this one does not have."""
        behind = self.otherwise.entries if self.otherwise else ()
        return (*self.own, *(entry for entry in behind if entry.key not in self._by_key))

    @cached_property
    def changes(self) -> tuple[float, ...]:
        """All moments at which some price begins or ends to hold, in order."""
        moments = {moment for entry in self.entries for moment in (entry.valid_from, entry.valid_until)}
        return tuple(sorted(moment for moment in moments if moment is not None))

    def price(
        self, kind: Kind, name: str, *, at: float, capacity: Capacity = "on-demand", region: str | None = None
    ) -> Entry | None:
        """The price in force at a moment (POSIX seconds) for a capacity in a region; None where there is none.

        One of the region counts before one for everywhere; one of another region does not count.
        """
        key = (kind, compared(kind, name))
        if key not in self._by_key:
            return self.otherwise.price(kind, name, at=at, capacity=capacity, region=region) if self.otherwise else None
        fit = [
            entry
            for entry in self._by_key[key]
            if entry.capacity == capacity and entry.region in (None, region) and entry.holds_at(at)
        ]
        return max(fit, key=lambda entry: entry.region is not None, default=None)

    def in_force(self, at: float) -> list[Entry]:
        """All prices of a moment, by kind and name."""
        return sorted((entry for entry in self.entries if entry.holds_at(at)), key=_order)

    def fingerprint(self, start: float, end: float) -> str:
        """Sixteen characters that are others when prices of a time are (POSIX seconds), and only then."""
        held = sorted(_of_time(entry, start, end) for entry in self.entries if _overlaps(entry, start, end))
        said = json.dumps([self.assumed_capacity, held], separators=(",", ":"))
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    def with_otherwise(self, otherwise: PriceBook | None) -> PriceBook:
        """The same book, with another one behind it."""
        return PriceBook(self.own, assumed_capacity=self.assumed_capacity, otherwise=otherwise)


_KINDS: tuple[Kind, ...] = ("node", "gpu", "mig", "share", "cpu", "memory", "storage")


def _order(entry: Entry) -> tuple[object, ...]:
    return _KINDS.index(entry.kind), entry.key[1], entry.capacity, entry.region or "", entry.valid_from or 0.0


def _overlaps(entry: Entry, start: float, end: float) -> bool:
    return (entry.valid_from is None or entry.valid_from <= end) and (
        entry.valid_until is None or entry.valid_until > start
    )


def _of_time(entry: Entry, start: float, end: float) -> list[str]:
    """A price as it was in a time: what it was before and after that does not matter."""
    begins = "" if entry.valid_from is None or entry.valid_from <= start else repr(entry.valid_from)
    ends = "" if entry.valid_until is None or entry.valid_until > end else repr(entry.valid_until)
    said = (*entry.key, entry.capacity, entry.region or "", entry.usd_per_hour, entry.listed, entry.shape or "")
    return [*map(str, said), begins, ends]


def from_catalogue(prices: Prices) -> PriceBook:
    """The prices of a hub's catalogue: by core, GiB and card; spot as a part of each."""
    said: list[tuple[Kind, str, float | None]] = [
        ("cpu", CORE, prices.cpu_core_hour),
        ("memory", GIB, prices.memory_gib_hour),
    ]
    said += [("gpu", product, price) for product, price in prices.gpu_hour.items()]
    entries = [
        Entry(kind=kind, name=name, usd_per_hour=exact(price), source="the hub's catalogue")
        for kind, name, price in said
        if price is not None
    ]
    factor = exact(prices.spot_factor)
    spot = [replace(entry, usd_per_hour=entry.usd_per_hour * factor, capacity="spot") for entry in entries]
    return PriceBook([*entries, *spot])


def exact(number: float | Decimal | Fraction) -> Fraction:
    """A number as people wrote it: 0.1 is a tenth, not the binary number next to it."""
    return Fraction(repr(number)) if isinstance(number, float) else Fraction(number)


def is_part_name(kind: Kind, part: str) -> bool:
    """Whether a slice or share is written as one."""
    return (mig_profile(part) if kind == "mig" else share_parts(part)) is not None
