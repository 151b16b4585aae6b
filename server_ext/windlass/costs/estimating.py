"""What something would cost that is not sent yet: an hour of it, on demand and on spot capacity, and its time limit.

Where it will run is not known before it is placed. So an estimate may take what is likely, and says what it took.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from windlass.costs.arithmetic import told
from windlass.costs.book import Capacity, Entry, PriceBook, exact
from windlass.costs.holding import Held
from windlass.costs.products import card_of
from windlass.costs.rates import Line, Unknown, hourly, rate

_HOUR = 3600


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """None is unknown, and `notes` say why, and what was taken to be so."""

    usd_per_hour: Decimal | None
    spot_usd_per_hour: Decimal | None
    most_usd: Decimal | None
    """If it runs into its time limit; None without one, too."""
    lines: tuple[Line, ...] = ()
    notes: tuple[str, ...] = ()


def estimate(held: Sequence[Held], book: PriceBook, *, at: float, limit_seconds: float | None = None) -> Estimate:
    """What holders would cost.

    Args:
        held: one for each worker; when they hold does not matter.
        book: the prices.
        at: the moment whose prices count, POSIX seconds.
        limit_seconds: the time limit, where there is one.
    """
    notes: list[str] = []
    placed = [_placed(each, book, at, notes) for each in held]
    chosen = [each if each.capacity else replace(each, capacity="on-demand") for each in placed]
    lines, why = _priced(chosen, book, at)
    spot, _ = _priced([replace(each, capacity="spot") for each in placed], book, at)
    usd = None if lines is None else hourly(lines)
    if lines is not None and any(each.capacity is None for each in held):
        notes.append("Priced as on-demand capacity.")
    # The whole of a limit, in hours.
    most = None if usd is None or limit_seconds is None else usd * exact(limit_seconds) / _HOUR
    return Estimate(
        usd_per_hour=told(usd),
        spot_usd_per_hour=told(None if spot is None else hourly(spot)),
        most_usd=told(most),
        lines=tuple(lines or ()),
        notes=tuple(dict.fromkeys([*notes, *([why] if why else [])])),
    )


def node_of_product(product: str, book: PriceBook, *, at: float, capacity: Capacity = "on-demand") -> Entry | None:
    """The priced node with this GPU that is the cheapest by GPU: what such a GPU is likely to come with."""
    fit = [
        entry
        for entry in book.in_force(at)
        if entry.kind == "node" and entry.capacity == capacity and entry.region is None and _has(entry, product)
    ]
    return min(fit, key=_by_gpu, default=None)


def _placed(held: Held, book: PriceBook, at: float, notes: list[str]) -> Held:
    """The same on a likely node, where nothing else gives its GPUs a price."""
    if held.instance_type or held.node or not held.gpus or not held.product:
        return held
    if book.price("gpu", held.product, at=at, region=held.region) is not None:
        return held
    node = node_of_product(held.product, book, at=at)
    if node is None:
        return held
    notes.append(f"The node is not known before it is placed: priced as a part of {node.name}.")
    return replace(held, instance_type=node.name)


def _priced(held: Sequence[Held], book: PriceBook, at: float) -> tuple[list[Line] | None, str]:
    try:
        return [line for each in held for line in rate(each, book, at=at)], ""
    except Unknown as unknown:
        return None, str(unknown)


def _has(entry: Entry, product: str) -> bool:
    shape = entry.shape
    return (
        shape is not None
        and shape.gpus > 0
        and bool(shape.product)
        and card_of(shape.product or "") == card_of(product)
    )


def _by_gpu(entry: Entry) -> Fraction:
    return entry.usd_per_hour / (entry.shape.gpus if entry.shape and entry.shape.gpus else 1)
