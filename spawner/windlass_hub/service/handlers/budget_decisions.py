"""`internal/budget`: whether a budget refuses a start, for the hub alone; `admin/budgets`: what an admin decides."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from windlass_hub.service.auth import ServiceHandler, needs
from windlass_hub.service.handlers.internal import InternalHandler
from windlass_hub.service.problems import Missing
from windlass_hub.settings import COSTS_READ, PROFILES_WRITE
from windlass_hub.spending.budgets import Stand


class InternalBudgetHandler(InternalHandler):
    """`api/internal/budget?user=&group=…`."""

    async def get(self) -> None:
        """Why this user may start nothing new; null where they may, or nobody knows."""
        user, groups = self.query_text("user", most=255) or "", self.get_query_arguments("group")
        spending = self.state.spending
        block = None if spending is None else spending.budgeting.block_of(user, groups)
        if block is not None:
            self.state.audit.record(
                who=user, action="server.start", target="budget", decision="refused", detail={"why": block.sentence}
            )
        self.reply({"refused": None if block is None else block.sentence})


class BudgetDecision(BaseModel):
    """What an admin decides for a budget, until its period turns."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["hold", "exempt"] | None = None
    """hold: nothing new may be started, whatever was spent; exempt: it blocks nothing."""
    extra_usd: float = Field(0.0, ge=0, le=1e9, allow_inf_nan=False)
    """On top of the limit."""
    note: str = Field("", max_length=300)


class BudgetDecisionHandler(ServiceHandler):
    """`api/admin/budgets/SCOPE/PERIOD/NAME`."""

    scopes = needs(PUT=(PROFILES_WRITE, COSTS_READ))
    largest_body_bytes = 4096

    async def put(self, scope: str, period: str, name: str) -> None:
        """Decide; what was decided before for this period is replaced. It holds from the next look on."""
        decision, spending = self.parse(BudgetDecision), self.state.costs
        target = f"{scope}:{name}"
        stood = _found(spending.budgeting.stands(), scope, name, period)
        if stood is None:
            self.audit("budget.decide", target=target, decision="refused", reason="no such budget")
            raise Missing("There is no such budget, or it is not known how it stands.")
        await spending.records.decide(
            stood.owed.key,
            starts_at=stood.starts_at,
            action=decision.action,
            extra_usd=decision.extra_usd,
            by=self.caller.who,
            note=decision.note,
            at=time.time(),
        )
        told: dict[str, Any] = {"what": decision.action, "extra_usd": decision.extra_usd, "note": decision.note}
        self.audit("budget.decide", target=target, period=period, **told)
        await spending.budgeting.look(may_act=False)
        spending.task.look_soon()
        self.reply((_found(spending.budgeting.stands(), scope, name, period) or stood).wire())


def _found(stands: Iterable[Stand], scope: str, name: str, period: str) -> Stand | None:
    return next((each for each in stands if each.owed.key == (scope, name, period)), None)
