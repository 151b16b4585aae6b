"""What a pod took on each day of UTC, in whole billionths: sums of them are exact, in whatever order and database.

Each day is worked out anew from what was held and the prices that were in force, so that to do it twice changes
nothing. What is not known on a day is None there, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timezone
from decimal import Decimal
from fractions import Fraction

from windlass.costs.arithmetic import Spent, spent
from windlass.costs.book import PriceBook
from windlass.costs.holding import Held

DAY_SECONDS = 86_400
NANO = 1_000_000_000
LONGEST_NOTE = 300


@dataclass(frozen=True, kw_only=True)
class DayAmount:
    """What one pod took on one day. `day` counts days since 1970-01-01 (UTC); amounts are billionths, None unknown."""

    day: int
    usd: int | None
    gpu_hours: int | None
    """Of whole cards."""
    note: str = ""


def days_of(held: Held, book: PriceBook, *, now: float, first_day: int | None = None) -> list[DayAmount]:
    """What a pod took, day by day, until `now` (POSIX seconds) or its end.

    Args:
        held: what it held; one that has ended has an end, or nothing is known after its beginning.
        book: all prices, those that hold no more too.
        now: until then what holds on is counted.
        first_day: days before are left out.
    """
    return [_amount(held, book, day, now=now) for day in _days(held, now) if first_day is None or day >= first_day]


def day_of(moment: float) -> int:
    """The day (of UTC) in which a moment lies."""
    return int(moment // DAY_SECONDS)


def date_of(day: int) -> date:
    """A day as a date."""
    return datetime.fromtimestamp(day * DAY_SECONDS, tz=timezone.utc).date()


def day_number(day: date) -> int:
    """A date as a day."""
    return (day - date(1970, 1, 1)).days


def nano(number: Fraction | None) -> int | None:
    """In billionths, rounded once."""
    return None if number is None else round(number * NANO)


def whole(number: int | Decimal | None) -> float | None:
    """Billionths as people and the wire have it."""
    return None if number is None else float(Fraction(number) / NANO)


def hourly_usd(held: Held, book: PriceBook, *, at: float) -> float | None:
    """What an hour of it costs at the prices of a moment; None where that is not known."""
    hour = spent(_placed(held, at), book, now=at + 3600, start=at, end=at + 3600)
    return None if hour.usd is None else float(hour.usd)


def in_window(held: Held, book: PriceBook, *, start: float, end: float) -> Spent:
    """What a pod took between two moments that are over."""
    return spent(held, book, now=end, start=start, end=end)


def _placed(held: Held, at: float) -> Held:
    return replace(held, since=at, until=None, ended=False)


def _amount(held: Held, book: PriceBook, day: int, *, now: float) -> DayAmount:
    start = day * DAY_SECONDS
    found = spent(held, book, now=now, start=start, end=start + DAY_SECONDS)
    note = found.note if found.usd is None else ""
    return DayAmount(day=day, usd=nano(found.usd), gpu_hours=nano(found.gpu_hours), note=note[:LONGEST_NOTE])


def _days(held: Held, now: float) -> Iterator[int]:
    if held.since is None or held.since > now:
        return
    span = held.span(start=None, end=None, now=now)
    last = held.since if span is None else span[1]
    first = day_of(held.since)
    # What ends at midnight held nothing of the next day.
    until = max(first, day_of(last) - (1 if last % DAY_SECONDS == 0 else 0))
    yield from range(first, until + 1)
