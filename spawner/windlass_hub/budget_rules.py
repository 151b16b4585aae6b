"""Budgets as an admin writes them into the settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

EVERYBODY = "*"


class BudgetRule(BaseModel):
    """What a user, or a group together, may spend in a period."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str | None = Field(
        None, min_length=1, max_length=255, description="Whose; * is each user who has none of their own."
    )
    group: str | None = Field(None, min_length=1, max_length=255, description="All its members together.")
    period: Literal["month", "week"] = Field("month", description="A calendar month, or a week from Monday on, of UTC.")
    limit_usd: float = Field(gt=0, le=1e9, allow_inf_nan=False, description="USD.")
    warn_at: float = Field(0.8, gt=0, le=1, description="From which part of it on it warns.")
    blocks: bool = Field(False, description="Whether nothing new may be started once it is used up.")

    @model_validator(mode="after")
    def _of_one(self) -> BudgetRule:
        if (self.user is None) == (self.group is None):
            raise ValueError("A budget is of a user or of a group: name one of them.")
        if self.group == EVERYBODY:
            raise ValueError("A budget of a group names the group.")
        return self


def refuse_doubles(rules: Sequence[BudgetRule]) -> None:
    """Raise ValueError where two budgets are of the same user or group and period."""
    seen: set[tuple[str | None, str | None, str]] = set()
    for rule in rules:
        key = (rule.user, rule.group, rule.period)
        if key in seen:
            raise ValueError(f"{rule.user or rule.group} has two budgets for a {rule.period}.")
        seen.add(key)
