"""What something that is held costs an hour, line by line, at the prices of one moment.

A node with a price of its own is paid as a whole, and each pod pays its part of it: of a node's GPUs for a pod that
holds some of them, else the larger of its parts of the node's cores and memory. Elsewhere GPUs, cores, memory and
storage are paid each at its price. Nothing is left out: what has no price makes the whole unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from windlass.costs.book import CORE, GIB, Capacity, Entry, Kind, PriceBook, Shape, exact, of_product
from windlass.costs.holding import Held


class Unknown(Exception):
    """Something is not known; `str()` is a sentence that says what, and what to do about it."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a calculation."""

    what: str
    amount: Fraction
    unit: str
    usd_per_hour: Fraction
    """Of one unit."""
    source: str
    is_gpu: bool = False
    listed: bool = False
    """The price is a cloud's list price."""

    @property
    def usd(self) -> Fraction:
        """An hour of all of it."""
        return self.amount * self.usd_per_hour


def hourly(lines: Sequence[Line]) -> Fraction:
    """An hour of all lines."""
    return sum((line.usd for line in lines), Fraction(0))


def rate(held: Held, book: PriceBook, *, at: float) -> tuple[Line, ...]:
    """The lines that an hour costs at the prices of a moment (POSIX seconds). Raises Unknown."""
    if held.cards is None:
        raise Unknown(f"{_begun(held.title)}: {held.problem or 'it is not known what GPUs it holds.'}")
    asked = _Prices(held, book, at)
    if (node := asked.node()) is not None:
        shape = node.shape or held.shape
        if shape is not None:
            return (_part_of_node(held, node, shape),)
    lines = [
        *_gpu_lines(held, asked),
        *_line(asked, kind="cpu", name=CORE, amount=held.cores, unit="cores"),
        *_line(asked, kind="memory", name=GIB, amount=held.memory_gib, unit="GiB of memory"),
        *_line(asked, kind="storage", name=GIB, amount=held.storage_gib, unit="GiB of storage"),
    ]
    if held.own_machine and not held.cards and any(line.listed for line in lines):
        # What a cloud takes for a core says nothing of a machine of one's own.
        raise Unknown(no_price_of_machine(held))
    return tuple(lines)


def assumed(held: Held, book: PriceBook) -> str:
    """What the book takes to be so of a holder, as a sentence; empty where it is known."""
    if held.capacity is not None or book.assumed_capacity is None:
        return ""
    return f"It is not known on which capacity {held.title} ran: priced as {book.assumed_capacity}."


def no_price_of_machine(held: Held) -> str:
    """That a person's own machine has no price, and how to give it one."""
    name = held.node or "its host name"
    return (
        f"This machine has no price in the price book: add `- node: {name}` with `usd_per_hour` and what it has "
        "(cores, memory_gib, gpus), or prices of cores and GiB, to the file that `c.Windlass.price_book` names."
    )


class _Prices:
    """The prices for one holder at one moment."""

    def __init__(self, held: Held, book: PriceBook, at: float) -> None:
        self._held, self._book, self._at = held, book, at

    def node(self) -> Entry | None:
        """The whole node's, by its own name or its instance type."""
        for name in (self._held.node, self._held.instance_type):
            if name and (found := self.find("node", name)) is not None:
                return found
        return None

    def find(self, kind: Kind, name: str) -> Entry | None:
        """The price in force. Raises Unknown where it depends on something that is not known."""
        capacity = self._held.capacity or self._book.assumed_capacity
        if capacity is not None:
            return self._of(kind, name, capacity)
        on_demand, spot = self._of(kind, name, "on-demand"), self._of(kind, name, "spot")
        if on_demand is None and spot is None:
            return None
        if on_demand is None or spot is None or on_demand.usd_per_hour != spot.usd_per_hour:
            raise Unknown(
                f"It is not known whether {self._held.title} ran on spot capacity. Where no node is, "
                "`assume_capacity: on-demand` in the price book says so."
            )
        return on_demand

    def need(self, kind: Kind, name: str, *, words: str) -> Entry:
        """The price in force. Raises Unknown where there is none."""
        found = self.find(kind, name)
        if found is None:
            spot = " on spot capacity" if self._held.capacity == "spot" else ""
            raise Unknown(f"The price book has no price for {words}{spot} at that time.")
        return found

    def _of(self, kind: Kind, name: str, capacity: Capacity) -> Entry | None:
        return self._book.price(kind, name, at=self._at, capacity=capacity, region=self._held.region)


def _part_of_node(held: Held, node: Entry, shape: Shape) -> Line:
    cards = held.cards or Fraction(0)
    part = cards / shape.gpus if cards and shape.gpus else max(_parts_of_room(held, node, shape))
    return Line(
        what=f"{node.name}, its part",
        amount=part,
        unit="nodes",
        usd_per_hour=node.usd_per_hour,
        source=node.source,
        is_gpu=bool(cards),
        listed=node.listed,
    )


def _parts_of_room(held: Held, node: Entry, shape: Shape) -> list[Fraction]:
    """Its parts of the node's cores and memory. Raises Unknown."""
    if held.cores is None or held.memory_gib is None:
        raise Unknown(f"It is not known how many cores and GiB {held.title} had.")
    rooms = ((held.cores, shape.cores), (held.memory_gib, shape.memory_gib))
    parts = [exact(has) / of for has, of in rooms if of]
    if not parts or (shape.cores is None and held.cores) or (shape.memory_gib is None and held.memory_gib):
        raise Unknown(f"The price book does not say how many cores and GiB {node.name} has: add cores and memory_gib.")
    return parts


def _gpu_lines(held: Held, asked: _Prices) -> list[Line]:
    count, cards = held.gpus or 0, held.cards or Fraction(0)
    if not count:
        return []
    if not held.product:
        raise Unknown(f"It is not known which GPU {held.title} had.")
    own = _own_price(held, asked)
    entry = own or asked.need("gpu", held.product, words=held.product)
    return [
        Line(
            what=entry.what if own else _named(held),
            amount=Fraction(count) if own else cards,
            unit="GPUs",
            usd_per_hour=entry.usd_per_hour,
            source=entry.source,
            is_gpu=True,
            listed=entry.listed,
        )
    ]


def _own_price(held: Held, asked: _Prices) -> Entry | None:
    """The price of a slice or share itself, where the book has one."""
    product = held.product or ""
    if held.mig_profile and not held.shares:
        return asked.find("mig", of_product(held.mig_profile, product))
    if held.shares and not held.mig_profile:
        return asked.find("share", of_product(f"1/{held.shares}", product))
    return None


def _begun(words: str) -> str:
    """As the beginning of a sentence."""
    return words[:1].upper() + words[1:]


def _named(held: Held) -> str:
    part = f"1/{held.shares} of " if held.shares else ""
    return f"{part}{held.mig_profile} of {held.product}" if held.mig_profile else f"{part}{held.product}"


def _line(asked: _Prices, *, kind: Kind, name: str, amount: float | None, unit: str) -> list[Line]:
    if amount is None:
        raise Unknown(f"It is not known how many {unit} were held.")
    if not amount:
        return []
    entry = asked.need(kind, name, words="cores" if kind == "cpu" else unit)
    return [
        Line(
            what=entry.what,
            amount=exact(amount),
            unit=unit,
            usd_per_hour=entry.usd_per_hour,
            source=entry.source,
            listed=entry.listed,
        )
    ]
