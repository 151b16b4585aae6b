"""What was spent of a budget, and whether that is much or too much. Pure.

A state is left only once the spending is clearly below it, so that a figure that is corrected by a cent does not warn
twice; another limit or another period is judged afresh. Only what is known counts: unknown cost blocks nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal

from windlass.contract.costs import Budget
from windlass_hub.budget_rules import EVERYBODY, BudgetRule

from .amounts import NANO, whole
from .periods import Period, bounds

Scope = Literal["user", "group"]
State = Literal["ok", "warning", "over"]
Action = Literal["hold", "exempt"]
"""hold: nothing new, whatever was spent; exempt: it does not block in this period."""
MARGIN = 0.01
"""Of the limit: so far below a threshold the spending must be to leave a state."""
_ORDER: Sequence[State] = ("ok", "warning", "over")


@dataclass(frozen=True, kw_only=True)
class Owed:
    """One budget of one user or group."""

    scope: Scope
    name: str
    rule: BudgetRule

    @property
    def key(self) -> tuple[Scope, str, Period]:
        """Tells it from the others."""
        return self.scope, self.name, self.rule.period


@dataclass(frozen=True, kw_only=True)
class Spending:
    """What was spent in a period: known billionths of USD, and how many things are not, or not wholly, in it."""

    usd: int = 0
    unknown: int = 0


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What an admin decided for one budget."""

    action: Action | None = None
    extra_usd: float = 0.0
    """On top of the limit, in this period."""
    by: str = ""
    note: str = ""
    at: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a budget stood when it was looked at last, as it is kept."""

    starts_at: float
    limit: int
    state: State
    told: State = "ok"
    """What its people were told last."""
    since: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Stand:
    """How a budget stands now."""

    owed: Owed
    starts_at: float
    ends_at: float
    limit: int
    spending: Spending
    state: State
    exception: Decided

    @property
    def blocks(self) -> bool:
        """Whether nothing new may be started now."""
        return self.exception.action == "hold" or (self._may_block and self.state == "over")

    @property
    def _may_block(self) -> bool:
        if self.exception.action is None:
            return self.owed.rule.blocks
        return self.exception.action == "hold"

    @property
    def used(self) -> float:
        """Which part of the limit is spent; 1 for all of it."""
        return self.spending.usd / self.limit

    def wire(self) -> Budget:
        """As the contract has it."""
        return Budget(
            scope=self.owed.scope,
            name=self.owed.name,
            period=self.owed.rule.period,
            starts_at=datetime.fromtimestamp(self.starts_at, tz=timezone.utc),
            limit_usd=whole(self.limit) or 0.0,
            spent_usd=whole(self.spending.usd) or 0.0,
            unknown_jobs=self.spending.unknown,
            warn_at=self.owed.rule.warn_at,
            state=self.state,
            blocks=self._may_block,
            refuses=self.blocks,
        )


def owed_by(rules: Iterable[BudgetRule], *, user: str, groups: Collection[str]) -> list[Owed]:
    """The budgets that what a user spends counts against."""
    found, own = [], {(rule.user, rule.period) for rule in rules if rule.user}
    for rule in rules:
        if rule.group is not None and rule.group in groups:
            found.append(Owed(scope="group", name=rule.group, rule=rule))
        elif rule.user == user or (rule.user == EVERYBODY and (user, rule.period) not in own):
            found.append(Owed(scope="user", name=user, rule=rule))
    return found


def all_owed(rules: Sequence[BudgetRule], users: Iterable[str]) -> list[Owed]:
    """All budgets, those of everybody for each of these users."""
    groups = [Owed(scope="group", name=rule.group, rule=rule) for rule in rules if rule.group is not None]
    named = {rule.user for rule in rules if rule.user not in (None, EVERYBODY)}
    people = sorted({*users, *(name for name in named if name)})
    return groups + [owed for user in people for owed in owed_by(rules, user=user, groups=())]


def stand(
    owed: Owed, spending: Spending, *, now: float, before: Standing | None = None, exception: Decided | None = None
) -> Stand:
    """How a budget stands at `now` (POSIX seconds), and how it stood `before`."""
    starts_at, ends_at = bounds(owed.rule.period, now)
    exception = exception or Decided()
    limit = round((owed.rule.limit_usd + exception.extra_usd) * NANO)
    same = before is not None and before.starts_at == starts_at and before.limit == limit
    state = _state(owed.rule, spending.usd / limit, before.state if before is not None and same else "ok")
    return Stand(
        owed=owed,
        starts_at=starts_at,
        ends_at=ends_at,
        limit=limit,
        spending=spending,
        state=state,
        exception=exception,
    )


def worse(state: State, than: State) -> bool:
    """Whether one state is further up than another."""
    return _ORDER.index(state) > _ORDER.index(than)


def refusal(stood: Stand) -> str:
    """Why nothing new may be started, as a sentence for the user."""
    owed = stood.owed
    whose = "Your budget" if owed.scope == "user" else f"The budget of the group {owed.name}"
    if stood.exception.action == "hold":
        return f"{whose} is on hold: ask your administrators. What runs goes on."
    day = datetime.fromtimestamp(stood.ends_at, tz=timezone.utc).date().isoformat()
    spent, limit = whole(stood.spending.usd) or 0.0, whole(stood.limit) or 0.0
    return (
        f"{whose} for this {owed.rule.period} is used up: ${spent:,.2f} of ${limit:,.2f}. What runs goes on; "
        f"new things can be started from {day} on (UTC), or once an administrator raises it."
    )


def _state(rule: BudgetRule, used: float, before: State) -> State:
    thresholds: tuple[tuple[State, float], ...] = (("over", 1.0), ("warning", rule.warn_at))
    for state, threshold in thresholds:
        # Whoever is in a state, or above, leaves it a little later than it was entered.
        within = MARGIN if _ORDER.index(before) >= _ORDER.index(state) else 0.0
        if used >= threshold - within:
            return state
    return "ok"
