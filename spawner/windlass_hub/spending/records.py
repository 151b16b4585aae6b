"""The rows of what pods took and how budgets stand, and what whoever keeps them promises.

Where they are kept is the service's affair. Each write is one transaction that may be done twice: amounts of a day are
put in the place of those before, and counters grow by what is new.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .amounts import DayAmount
from .budgets import Action, Decided, Owed, Scope, Spending, Standing
from .holders import Holder, UnseenJob
from .periods import Period
from .prices import PriceVersion

BudgetKey = tuple[Scope, str, Period]


@dataclass(frozen=True, kw_only=True)
class OpenPod:
    """A pod that was seen and had not ended."""

    holder: Holder
    seen_at: float
    """When it was there for the last time, POSIX seconds."""


@dataclass(frozen=True, kw_only=True)
class PodChange:
    """What is to be kept of one pod."""

    holder: Holder
    seen_at: float
    closed: bool
    """It holds nothing any more, and its amounts are final."""
    days: tuple[DayAmount, ...]
    groups: tuple[str, ...] | None
    """Of its user, as the hub says now; None while it does not."""


@dataclass(frozen=True, kw_only=True)
class IdleChange:
    """What of one pod's day was seen, and seen to be idle: billionths, on top of what is kept."""

    uid: str
    day: int
    known_gpu_hours: int
    idle_gpu_hours: int
    idle_usd: int | None
    """None: what it cost is not known."""


@dataclass(frozen=True, kw_only=True)
class SpentSince:
    """What was spent since a day, by user and by group."""

    users: Mapping[str, Spending] = field(default_factory=dict)
    groups: Mapping[str, Spending] = field(default_factory=dict)


class SpendingAway(Exception):
    """The rows cannot be read or written now; `str()` is a sentence."""


class SpendingRecords(Protocol):
    """Where rows are kept. Methods raise SpendingAway."""

    async def open_pods(self) -> Sequence[OpenPod]:
        """All pods that had not ended."""
        ...

    async def closed(self, uids: Collection[str]) -> set[str]:
        """Those of these pods whose amounts are final."""
        ...

    async def keep(self, changes: Sequence[PodChange]) -> None:
        """Keep pods and their days; a closed pod is not changed any more."""
        ...

    async def unseen_jobs(self, *, since: float) -> Sequence[UnseenJob]:
        """Ended jobs that were recorded since a moment, have fewer pods here than they had, and are not kept yet."""
        ...

    async def idle_until(self) -> float | None:
        """Until when Prometheus was asked what was idle; None: never."""
        ...

    async def held_in(self, *, start: float, end: float) -> Sequence[Holder]:
        """Pods that held something in a time."""
        ...

    async def keep_idle(self, changes: Sequence[IdleChange], *, since: float | None, until: float) -> bool:
        """Keep what was seen from `since` to `until`; False, and nothing is kept, where another did so already."""
        ...

    async def price_versions(self) -> Sequence[PriceVersion]:
        """All prices that were in force, the oldest first."""
        ...

    async def keep_prices(self, version: PriceVersion) -> None:
        """Keep prices that have come into force."""
        ...

    async def spent_since(self, day: int) -> SpentSince:
        """What was spent since the beginning of a day."""
        ...

    async def standings(self) -> Mapping[BudgetKey, Standing]:
        """How budgets stood when they were looked at last."""
        ...

    async def keep_standing(self, owed: Owed, standing: Standing) -> None:
        """Keep how a budget stands."""
        ...

    async def decided(self, *, now: float) -> Mapping[BudgetKey, Decided]:
        """What admins decided for the periods of now."""
        ...

    async def decide(
        self,
        key: BudgetKey,
        *,
        starts_at: float,
        action: Action | None,
        extra_usd: float,
        by: str,
        note: str,
        at: float,
    ) -> None:
        """Keep what an admin decided for a budget's period, in the place of what was decided before."""
        ...

    async def prune(self, *, before_day: int) -> int:
        """Delete what is older; how many days of pods went. Counters stay."""
        ...
