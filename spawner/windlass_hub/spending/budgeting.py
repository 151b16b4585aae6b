"""Budgets kept up to date: how each stands, who is warned once, and what is refused.

A budget refuses only what is known to be too much, and only while that is fresh: with the rows or the hub away nothing
new is refused.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Protocol

from windlass.contract.costs import Budget
from windlass_hub.budget_rules import BudgetRule

from .amounts import day_of
from .budgets import Owed, Spending, Stand, Standing, all_owed, owed_by, refusal, stand, worse
from .people import People
from .periods import bounds
from .records import BudgetKey, SpendingRecords, SpentSince

log = logging.getLogger("windlass_hub.spending")

FRESH_SECONDS = 600.0
"""How long what was found counts: after that nobody knows, and nothing is refused."""
TELL_SECONDS = 86_400.0
"""How long somebody is tried to be told."""
_NAMESPACE = uuid.UUID("0f0e2d5a-9b65-5f0c-8a53-6f6d5a4f3c21")

Decide = Callable[..., None]
"""`decide(action, target, decision, **detail)`: into the audit log."""


class NotTold(Exception):
    """The receiver of notifications is away: try again."""


class Teller(Protocol):
    """Tells an administrator's address of something that happened."""

    async def tell(self, delivery_id: str, message: Mapping[str, Any]) -> None:
        """Raises NotTold where another try may help."""
        ...


@dataclass(frozen=True, kw_only=True)
class Block:
    """That a user may start nothing new."""

    sentence: str
    ends_at: float
    """When the period turns, POSIX seconds."""


class Budgeting:
    """The budgets of one hub.

    Args:
        rules: as an admin wrote them.
        records: what was spent, and how budgets stood.
        people: who is in which group.
        teller: None: nobody is told outside.
        decide: writes the audit log.
        wall: POSIX seconds.
    """

    def __init__(
        self,
        *,
        rules: Sequence[BudgetRule],
        records: SpendingRecords,
        people: People,
        decide: Decide,
        teller: Teller | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.rules = tuple(rules)
        self._records = records
        self._people = people
        self._teller = teller
        self._decide = decide
        self._wall = wall
        self._stands: dict[BudgetKey, Stand] = {}
        self._looked_at: float | None = None
        self._tried: dict[BudgetKey, float] = {}

    async def look(self, *, may_act: bool) -> None:
        """Find how all budgets stand; who acts also writes that down and tells. Raises SpendingAway."""
        if not self.rules:
            return
        now = self._wall()
        spent = {
            period: await self._records.spent_since(day_of(bounds(period, now)[0]))
            for period in {rule.period for rule in self.rules}
        }
        before, decided = await self._records.standings(), await self._records.decided(now=now)
        spenders = {name for found in spent.values() for name in found.users}
        stands = {}
        for owed in all_owed(self.rules, {*spenders, *self._people.names}):
            spending = _of(owed, spent[owed.rule.period])
            found = stand(owed, spending, now=now, before=before.get(owed.key), exception=decided.get(owed.key))
            stands[owed.key] = found
            if may_act:
                await self._keep(found, before.get(owed.key), now)
        self._stands, self._looked_at = stands, now

    def stands(self) -> list[Stand]:
        """How all budgets stand; empty while nobody knows."""
        return list(self._stands.values()) if self._is_fresh() else []

    def stands_of(self, user: str, groups: Collection[str]) -> list[Stand]:
        """How the budgets stand that count for a user; those of a group too."""
        if not self._is_fresh():
            return []
        return [self._stand_of(owed) for owed in owed_by(self.rules, user=user, groups=groups)]

    def told_to(self, user: str, groups: Collection[str]) -> list[Budget]:
        """The same as the user reads it: what blocks a group does not block whom an admin has made an exception."""
        stands = self.stands_of(user, groups)
        told = [each.wire() for each in stands]
        if not _is_exempt(stands):
            return told
        return [each.model_copy(update={"blocks": False, "refuses": False}) for each in told]

    @property
    def known(self) -> bool:
        """Whether it is known how budgets stand."""
        return not self.rules or self._is_fresh()

    def block_of(self, user: str, groups: Collection[str] | None = None) -> Block | None:
        """Why a user may start nothing new; None where they may, or nobody knows.

        An exception that an admin made for the user counts for budgets of groups, too.
        """
        known = groups if groups is not None else self._people.groups_of(user)
        stands = self.stands_of(user, known or ())
        if _is_exempt(stands):
            return None
        blocking = [each for each in stands if each.blocks]
        if not blocking:
            return None
        last = max(blocking, key=lambda each: each.ends_at)
        return Block(sentence=refusal(last), ends_at=last.ends_at)

    def _stand_of(self, owed: Owed) -> Stand:
        found = self._stands.get(owed.key)
        return found if found is not None else stand(owed, Spending(), now=self._wall())

    def _is_fresh(self) -> bool:
        return self._looked_at is not None and self._wall() - self._looked_at < FRESH_SECONDS

    async def _keep(self, found: Stand, before: Standing | None, now: float) -> None:
        same = before is not None and (before.starts_at, before.limit) == (found.starts_at, found.limit)
        told = before.told if before is not None and same else "ok"
        if same and before is not None and before.state == found.state and told == found.state:
            return
        changed = before is None or not same or before.state != found.state
        since = now if changed or before is None else before.since
        if worse(found.state, told):
            if changed:
                self._note(found)
            if await self._is_told(found, since=since, now=now):
                told = found.state
        else:
            told = found.state
        standing = Standing(starts_at=found.starts_at, limit=found.limit, state=found.state, told=told, since=since)
        if standing != before:
            await self._records.keep_standing(found.owed, standing)

    def _note(self, found: Stand) -> None:
        self._decide(
            f"budget.{found.state}",
            f"{found.owed.scope}:{found.owed.name}",
            "told",
            **_figures(found),
        )

    async def _is_told(self, found: Stand, *, since: float, now: float) -> bool:
        if self._teller is None or now - since > TELL_SECONDS:
            return True
        delivery_id = str(uuid.uuid5(_NAMESPACE, f"{found.owed.key} {found.starts_at} {found.limit} {found.state}"))
        message = {"event": f"budget.{found.state}", "delivery_id": delivery_id, "budget": _figures(found)}
        try:
            await self._teller.tell(delivery_id, message)
        except NotTold as error:
            log.info("That a budget is %s is told later: %s", found.state, error)
            return False
        return True


def _is_exempt(stands: Collection[Stand]) -> bool:
    return any(each.owed.scope == "user" and each.exception.action == "exempt" for each in stands)


def _of(owed: Owed, spent: SpentSince) -> Spending:
    return (spent.users if owed.scope == "user" else spent.groups).get(owed.name, Spending())


def _figures(found: Stand) -> dict[str, Any]:
    wire = found.wire()
    return {
        "scope": wire.scope,
        "name": wire.name,
        "period": wire.period,
        "starts_at": datetime.fromtimestamp(found.starts_at, tz=timezone.utc).isoformat().replace("+00:00", "Z"),
        "limit_usd": wire.limit_usd,
        "spent_usd": wire.spent_usd,
        "unknown": wire.unknown_jobs,
        "state": wire.state,
        "blocks": found.blocks,
    }
