"""What a job took, from what it held and how it used that: hours, money, and what of them was idle. Pure.

A job's figures are whole or unknown. Its idle share is that of all its readings, spread evenly over its days.
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
from windlass.ledger.costs import DayCost

LEAST_COVERED = 0.9
"""Of the running time, by readings: with less the idle share is not known."""
FORGOTTEN = "Nothing is known any more of what this job held."
_LONGEST_NOTE = 1000


@dataclass(frozen=True, kw_only=True)
class Rate:
    """What is held now. None is unknown."""

    usd_per_hour: Fraction | None
    cards: Fraction | None


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What a job took until `at` (POSIX seconds). None is unknown, and `notes` say why."""

    at: float
    cost: Cost
    days: tuple[tuple[date, Cost], ...]
    rate: Rate
    idle_fraction: float | None
    """None without GPUs, too."""
    has_gpus: bool
    notes: tuple[str, ...]
    settled: bool
    """Nothing of it will change, unless the job goes on."""

    @property
    def idle_usd(self) -> Decimal | None:
        """Of its cost, for GPU time that was held and not used."""
        return self._idle(self.cost.gpu_usd)

    @property
    def idle_gpu_hours(self) -> Decimal | None:
        """Of its GPU hours."""
        return self._idle(self.cost.gpu_hours)

    @property
    def note(self) -> str | None:
        """All notes, as one text."""
        return " ".join(self.notes)[:_LONGEST_NOTE] or None

    def day_costs(self) -> list[DayCost]:
        """As the ledger keeps them."""
        return [
            DayCost(
                day=day.isoformat(),
                usd=number(found.usd),
                idle_usd=number(self._idle(found.gpu_usd)),
                gpu_hours=number(found.gpu_hours),
                idle_gpu_hours=number(self._idle(found.gpu_hours)),
            )
            for day, found in self.days
        ]

    def _idle(self, of: Decimal | None) -> Decimal | None:
        return Decimal(0) if not self.has_gpus else idle(self.idle_fraction, of)


def count(
    holding: Holding | None,
    book: PriceBook,
    usage: UsageSummary | None,
    *,
    began_at: float,
    now: float,
    settled: bool = True,
) -> Counted:
    """Count.

    Args:
        holding: what the job held; None where nothing is known of it.
        book: the prices.
        usage: how it used its GPUs; None where nobody measured.
        began_at: the day that stands for a job of which nothing is known, POSIX seconds.
        now: POSIX seconds.
        settled: the prices are those that hold.
    """
    if holding is None or holding.missing:
        return _unknown(holding, began_at=began_at, now=now, settled=settled)
    held = holding.held
    whole = cost(held, book, now=now)
    has_gpus = any(each.gpus != 0 for each in held)
    fraction, why = _idle_fraction(usage) if has_gpus and whole.gpu_hours != 0 else (None, "")
    return Counted(
        at=now,
        cost=whole,
        days=tuple(by_day(held, book, now=now)),
        rate=_rate(held, book, now),
        idle_fraction=fraction,
        has_gpus=has_gpus,
        notes=(*whole.notes, *([why] if why else [])),
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
        days=((datetime.fromtimestamp(first, tz=timezone.utc).date(), nothing),),
        rate=Rate(usd_per_hour=None, cards=None),
        idle_fraction=None,
        has_gpus=True,
        notes=(holding.missing if holding is not None else FORGOTTEN,),
        settled=settled,
    )


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
        return None, f"How much of its GPU time was idle is not known: readings cover {usage.covered:.0%} of it."
    note = "" if usage.covered > 0.995 else f"The idle share is of the {usage.covered:.0%} that readings cover."
    return usage.idle_fraction, note
