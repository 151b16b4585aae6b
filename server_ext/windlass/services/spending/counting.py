"""What a job took, from what it held and how it used that: hours, money, and what of them was idle. Pure.

A job's figures are whole or unknown. What was idle is told day by day, from the readings of each day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from fractions import Fraction

from windlass.contract.gpus import UsageSummary
from windlass.costs.arithmetic import Cost, by_day, cost, idle
from windlass.costs.book import PriceBook
from windlass.costs.holding import Held, Holding
from windlass.costs.rates import Unknown, hourly, rate
from windlass.costs.wording import percent
from windlass.ledger.costs import DayCost
from windlass.services.gpus.job_history import Measured

LEAST_COVERED = 0.9
"""Of the running time, by readings: with less the idle share is not known."""
LEAST_COVERED_OF_DAY = 0.5
"""The same of a day, of a job that is measured well in all: its first and last minutes are a small part of it."""
FORGOTTEN = "Nothing is known any more of what this job held."
_LONGEST_NOTE = 1000


@dataclass(frozen=True, kw_only=True)
class Rate:
    """What is held now. None is unknown."""

    usd_per_hour: Fraction | None
    cards: Fraction | None


@dataclass(frozen=True, kw_only=True)
class CountedDay:
    """What a job took on one day of UTC."""

    day: date
    cost: Cost
    idle_fraction: float | None
    """Of its GPU time on that day; None without GPUs, too."""
    has_gpus: bool

    @property
    def idle_usd(self) -> Decimal | None:
        """Of its cost, for GPU time that was held and not used."""
        return self._idle(self.cost.gpu_usd)

    @property
    def idle_gpu_hours(self) -> Decimal | None:
        """Of its GPU hours."""
        return self._idle(self.cost.gpu_hours)

    def _idle(self, of: Decimal | None) -> Decimal | None:
        return Decimal(0) if not self.has_gpus else idle(self.idle_fraction, of)


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What a job took until `at` (POSIX seconds). None is unknown, and `notes` say why."""

    at: float
    cost: Cost
    days: tuple[CountedDay, ...]
    rate: Rate
    idle_fraction: float | None
    """None without GPUs, too."""
    has_gpus: bool
    notes: tuple[str, ...]
    settled: bool
    """Nothing of it will change, unless the job goes on."""
    forgotten: bool = False
    """What it held is not known any more, or not all of it."""

    @property
    def idle_usd(self) -> Decimal | None:
        """Of its cost, for GPU time that was held and not used."""
        return self._idle([day.idle_usd for day in self.days], self.cost.gpu_usd)

    @property
    def idle_gpu_hours(self) -> Decimal | None:
        """Of its GPU hours."""
        return self._idle([day.idle_gpu_hours for day in self.days], self.cost.gpu_hours)

    @property
    def lacks_readings(self) -> bool:
        """Whether readings that come yet would tell more of it."""
        return self.has_gpus and bool(self.cost.gpu_hours) and self.idle_fraction is None

    @property
    def note(self) -> str | None:
        """All notes, as one text."""
        return " ".join(self.notes)[:_LONGEST_NOTE] or None

    def day_costs(self) -> list[DayCost]:
        """As the ledger keeps them."""
        return [
            DayCost(
                day=found.day.isoformat(),
                usd=number(found.cost.usd),
                idle_usd=number(found.idle_usd),
                gpu_hours=number(found.cost.gpu_hours),
                idle_gpu_hours=number(found.idle_gpu_hours),
            )
            for found in self.days
        ]

    def _idle(self, of_days: Sequence[Decimal | None], of: Decimal | None) -> Decimal | None:
        """The sum of its days; where one of them is not known, the share of all readings."""
        if not self.has_gpus:
            return Decimal(0)
        known = [each for each in of_days if each is not None]
        if len(known) == len(of_days) and self.idle_fraction is not None:
            return sum(known, Decimal(0))
        return idle(self.idle_fraction, of)


def count(
    holding: Holding | None,
    book: PriceBook,
    measured: Measured | None,
    *,
    began_at: float,
    now: float,
    settled: bool = True,
) -> Counted:
    """Count.

    Args:
        holding: what the job held; None where nothing is known of it.
        book: the prices.
        measured: how it used its GPUs; None where nobody measured.
        began_at: the day that stands for a job of which nothing is known, POSIX seconds.
        now: POSIX seconds.
        settled: the prices are those that hold.
    """
    if holding is None or holding.missing:
        return _unknown(holding, began_at=began_at, now=now, settled=settled)
    held = holding.held
    whole = cost(held, book, now=now)
    has_gpus = any(each.gpus != 0 for each in held)
    used = bool(has_gpus and whole.gpu_hours != 0)
    fraction, why = _idle_fraction(measured.summary if measured is not None else None) if used else (None, "")
    shares = _DayShares(measured, whole=fraction)
    days = tuple(
        CountedDay(day=day, cost=found, idle_fraction=shares.of(day) if used else None, has_gpus=has_gpus)
        for day, found in by_day(held, book, now=now)
    )
    said = shares.note(days) if used else ""
    return Counted(
        at=now,
        cost=whole,
        days=days,
        rate=_rate(held, book, now),
        idle_fraction=fraction,
        has_gpus=has_gpus,
        notes=(*whole.notes, *(note for note in (why, said) if note)),
        settled=settled,
    )


def number(amount: Decimal | Fraction | None) -> float | None:
    """As it stands on the wire and in the ledger."""
    return None if amount is None else float(amount)


def _unknown(holding: Holding | None, *, began_at: float, now: float, settled: bool) -> Counted:
    """Of such a job the ledger keeps its first day, so that sums say that they lack it."""
    nothing = Cost(usd=None, gpu_usd=None, gpu_hours=None)
    held = holding.held if holding is not None else ()
    first = min((each.since for each in held if each.since is not None), default=began_at)
    return Counted(
        at=now,
        cost=nothing,
        days=(CountedDay(day=_day(first), cost=nothing, idle_fraction=None, has_gpus=True),),
        rate=Rate(usd_per_hour=None, cards=None),
        idle_fraction=None,
        has_gpus=True,
        notes=(holding.missing if holding is not None else FORGOTTEN,),
        settled=settled,
        forgotten=True,
    )


def _day(moment: float) -> date:
    return datetime.fromtimestamp(moment, tz=timezone.utc).date()


def _rate(held: Sequence[Held], book: PriceBook, now: float) -> Rate:
    holds = [each for each in held if each.since is not None and each.since <= now and not each.ended]
    cards = [each.cards for each in holds]
    known = [each for each in cards if each is not None]
    total = sum(known, Fraction(0)) if len(known) == len(cards) else None
    try:
        usd: Fraction | None = sum((hourly(rate(each, book, at=now)) for each in holds), Fraction(0))
    except Unknown:
        usd = None
    return Rate(usd_per_hour=usd, cards=total)


def _idle_fraction(usage: UsageSummary | None) -> tuple[float | None, str]:
    if usage is None or usage.idle_fraction is None:
        return None, "How much of its GPU time was idle is not known: there are no readings."
    if usage.covered < LEAST_COVERED:
        return None, f"How much of its GPU time was idle is not known: readings cover {percent(usage.covered)} of it."
    note = "" if usage.covered > 0.995 else f"The idle share is of the {percent(usage.covered)} that readings cover."
    return usage.idle_fraction, note


class _DayShares:
    """The idle share of each day of a job: of its own readings, and never of another day's.

    Args:
        measured: what is known; None: nothing.
        whole: the idle share of the job; None: not known.
    """

    def __init__(self, measured: Measured | None, *, whole: float | None) -> None:
        self._days = {day.day: day for day in (measured.days if measured is not None else ())}
        self._whole = whole

    def of(self, day: date) -> float | None:
        """The share of a day; None where too few readings are of it."""
        if not self._days:
            return self._whole
        found = self._days.get(day)
        least = LEAST_COVERED if self._whole is None else LEAST_COVERED_OF_DAY
        return None if found is None or found.covered < least else found.idle_fraction

    def note(self, days: Sequence[CountedDay]) -> str:
        """What a reader of its days has to know; empty where there is nothing."""
        if self._whole is not None and not self._days and len(days) > 1:
            return "No readings of its single days are left: its idle time is spread evenly over them."
        unknown = [day.day.isoformat() for day in days if day.cost.gpu_hours and day.idle_fraction is None]
        if self._whole is None or not unknown:
            return ""
        return f"How much of it was idle on {', '.join(unknown)} is not known: there are too few readings."
