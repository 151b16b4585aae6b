"""What was spent over a time: every second at the price that was in force then.

Sums are exact, so that however a time is split, its parts add up to the whole; they are rounded once, when told. A sum
that lacks a part is not told at all: it is unknown, and `notes` say why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from decimal import Context, Decimal
from fractions import Fraction
from itertools import pairwise

from windlass.costs.book import PriceBook, exact
from windlass.costs.holding import Held
from windlass.costs.rates import Line, Unknown, assumed, hourly, rate

_HOUR = 3600
_DAY = 86_400
_TOLD = Context(prec=40)
_PLACES = 15
"""Digits behind the point of what is told."""


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What one holder took. Exact; None is unknown."""

    held: Held
    usd: Fraction | None
    gpu_usd: Fraction | None
    """Of it, for its GPUs."""
    gpu_hours: Fraction | None
    lines: tuple[Line, ...] = ()
    """At the last prices of the time."""
    note: str = ""
    """Why something is None, or what was taken to be so."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What was taken in all. None is unknown, and `notes` say why, and what was taken to be so."""

    usd: Decimal | None
    gpu_usd: Decimal | None
    gpu_hours: Decimal | None
    """Of whole cards."""
    parts: tuple[Spent, ...] = ()
    notes: tuple[str, ...] = field(default=())


def cost(
    held: Iterable[Held], book: PriceBook, *, now: float, start: float | None = None, end: float | None = None
) -> Cost:
    """What holders took, in a time or since each began.

    Args:
        held: all of them: one that is missing is missing in the sum.
        book: all prices, those that are not in force any more too.
        now: POSIX seconds; what holds on holds until then.
        start: of the time, POSIX seconds.
        end: of the time.
    """
    return total([spent(each, book, now=now, start=start, end=end) for each in held])


def spent(held: Held, book: PriceBook, *, now: float, start: float | None = None, end: float | None = None) -> Spent:
    """What one holder took, exactly."""
    span = held.span(start=start, end=end, now=now)
    if span is None:
        note = f"It is not known when {held.title} ended."
        return Spent(held=held, usd=None, gpu_usd=None, gpu_hours=None, note=note)
    begins, ends = span
    cards, seconds = held.cards, exact(ends) - exact(begins)
    gpu_hours = Fraction(0) if not seconds else None if cards is None else cards * seconds / _HOUR
    usd, gpu_usd = Fraction(0), Fraction(0)
    lines: tuple[Line, ...] = ()
    try:
        for left, right in _segments(begins, ends, book.changes):
            lines = rate(held, book, at=left)
            hours = (exact(right) - exact(left)) / _HOUR
            usd += hourly(lines) * hours
            gpu_usd += hourly([line for line in lines if line.is_gpu]) * hours
    except Unknown as unknown:
        return Spent(held=held, usd=None, gpu_usd=None, gpu_hours=gpu_hours, note=str(unknown))
    note = assumed(held, book) if lines else ""
    return Spent(held=held, usd=usd, gpu_usd=gpu_usd, gpu_hours=gpu_hours, lines=lines, note=note)


def total(parts: Sequence[Spent]) -> Cost:
    """All together; unknown as soon as one is."""
    return Cost(
        usd=told(_sum([part.usd for part in parts])),
        gpu_usd=told(_sum([part.gpu_usd for part in parts])),
        gpu_hours=told(_sum([part.gpu_hours for part in parts])),
        parts=tuple(parts),
        notes=tuple(dict.fromkeys(part.note for part in parts if part.note)),
    )


def by_day(held: Sequence[Held], book: PriceBook, *, now: float) -> list[tuple[date, Cost]]:
    """What was taken on each day (of UTC) on which something was held, the first first.

    A holder of which nobody knows when it ended makes the day unknown on which it began.
    """
    days = sorted({day for each in held for day in _days(each, now)})
    return [(_date(day), cost(held, book, now=now, start=day, end=day + _DAY)) for day in days]


def idle(part: Fraction | float | None, of: Decimal | None) -> Decimal | None:
    """The idle part of hours or of money; None where one of the two is not known, nothing of nothing."""
    if of is not None and not of:
        return of
    if part is None or of is None:
        return None
    return told(exact(part) * Fraction(of))


def told(number: Fraction | None) -> Decimal | None:
    """An exact sum as it is told: to 15 digits behind the point."""
    if number is None:
        return None
    scaled = number * 10**_PLACES
    return _TOLD.scaleb(Decimal(round(scaled)), -_PLACES)


def _sum(parts: Sequence[Fraction | None]) -> Fraction | None:
    known = [part for part in parts if part is not None]
    return sum(known, Fraction(0)) if len(known) == len(parts) else None


def _segments(begins: float, ends: float, changes: Sequence[float]) -> list[tuple[float, float]]:
    """A time, cut where prices change; nothing of no time."""
    if begins >= ends:
        return []
    cuts = [begins, *(moment for moment in changes if begins < moment < ends), ends]
    return list(pairwise(cuts))


def _days(held: Held, now: float) -> list[float]:
    """The beginnings of the days on which it held something."""
    if held.since is None or held.since > now:
        return []
    span = held.span(start=None, end=None, now=now)
    last = held.since if span is None else span[1]
    first = held.since // _DAY
    # What ends at midnight held nothing of the next day.
    until = max(first, last // _DAY if last % _DAY else last // _DAY - 1)
    return [(first + number) * _DAY for number in range(int(until - first) + 1)]


def _date(moment: float) -> date:
    return datetime.fromtimestamp(moment, tz=timezone.utc).date()
