"""What only the hub service keeps, from the cluster's own records: the team's costs, budgets, the server's own cost."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from windlass.contract.costs import BudgetList, CostBy, CostReport
from windlass.contract.gpus import ServerCost


@runtime_checkable
class HubRecords(Protocol):
    """As `windlass.hub.broker.HubBroker` has it. Each raises Unavailable and Forbidden."""

    async def costs(
        self, *, by: CostBy, start: str | None, end: str | None, limit: int, cursor: str | None
    ) -> CostReport:
        """What was spent, as the hub service counted it; a user sees their own, and who may see more sees more."""
        ...

    async def budgets(self) -> BudgetList:
        """The budgets that count for the caller."""
        ...

    async def server(self) -> ServerCost | None:
        """What the caller's own server costs; None where the hub does not know of one."""
        ...
