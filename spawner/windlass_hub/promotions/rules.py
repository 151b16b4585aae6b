"""What an admin decides about promotions: the aliases offered, and whose approval which of them needs.

A rule protects one alias or stage of the models whose name fits its pattern. The first rule that fits holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from typing_extensions import Self

from windlass.contract.aliases import why_no_alias

STAGES = ("None", "Staging", "Production", "Archived")
HELD_STAGES = ("Staging", "Production")
"""Stages of which one version is the holder."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is moved: an alias or a stage."""

    kind: Literal["alias", "stage"]
    name: str

    @property
    def key(self) -> str:
        """As it is kept: different targets have different keys."""
        return f"{self.kind}:{self.name}"

    @property
    def is_held(self) -> bool:
        """Whether one version holds it: many may be in the stages None and Archived."""
        return self.kind == "alias" or self.name in HELD_STAGES

    @classmethod
    def of(cls, *, alias: str | None, stage: str | None) -> Self:
        """The target of a row that has one of both."""
        return cls(kind="alias", name=alias) if alias is not None else cls(kind="stage", name=stage or "")

    @classmethod
    def parse(cls, key: str) -> Self:
        """The target of a key."""
        kind, _, name = key.partition(":")
        return cls(kind="stage" if kind == "stage" else "alias", name=name)

    def __str__(self) -> str:
        return self.name if self.kind == "alias" else f"the stage {self.name}"


class Rule(BaseModel):
    """Whose approval a target needs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    alias: str | None = Field(None, description="The alias that is protected; or `stage`.")
    stage: Literal["None", "Staging", "Production", "Archived"] | None = Field(
        None, description="The stage that is protected, on servers that have stages."
    )
    models: str = Field(
        "*", min_length=1, max_length=250, description="Of which models: a name, with * and ? for any signs."
    )
    groups: tuple[str, ...] = Field(min_length=1, description="Groups of the hub whose members may approve.")
    approvals: int = Field(1, ge=1, le=10, description="How many different people must approve.")
    own: bool = Field(False, description="Whether whoever asked may be one of them.")

    @field_validator("alias")
    @classmethod
    def _an_alias(cls, alias: str | None) -> str | None:
        problem = why_no_alias(alias) if alias is not None else None
        if problem:
            raise ValueError(problem)
        return alias

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.alias is None) == (self.stage is None):
            raise ValueError("A rule names an alias or a stage.")
        return self

    @property
    def target(self) -> Target:
        """What it protects."""
        return Target.of(alias=self.alias, stage=self.stage)

    @property
    def needs(self) -> str:
        """Whose approval, in words: `1 of ml-leads`."""
        return f"{self.approvals} of {' or '.join(self.groups)}"

    def covers(self, model: str, target: Target) -> bool:
        """Whether it is about this. Case does not count: in some of MLflow's databases it does not either."""
        same = self.target.key.casefold() == target.key.casefold()
        return same and self.is_of(model)

    def is_of(self, model: str) -> bool:
        """Whether it is about this model."""
        return fnmatchcase(model.casefold(), self.models.casefold())


class PromotionSettings(BaseModel):
    """Everything an admin decides about promotions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    aliases: tuple[str, ...] = Field(
        ("champion", "challenger"), max_length=50, description="The aliases that are offered."
    )
    free: bool = Field(True, description="Whether other aliases may be typed.")
    rules: tuple[Rule, ...] = Field((), max_length=200, description="Whose approval which alias or stage needs.")
    protect: bool = Field(
        False, description="Whether the hub service lowers, in MLflow, who may edit a model that a rule protects."
    )
    register_with: Literal["USE", "READ"] = Field(
        "USE", description="What of a protected model somebody needs in MLflow to register versions through the hub."
    )

    @field_validator("aliases")
    @classmethod
    def _names(cls, aliases: tuple[str, ...]) -> tuple[str, ...]:
        for alias in aliases:
            problem = why_no_alias(alias)
            if problem:
                raise ValueError(f"{alias!r}: {problem}")
        return aliases

    def rule_for(self, model: str, target: Target) -> Rule | None:
        """The rule that holds; None where no approval is needed."""
        return next((rule for rule in self.rules if rule.covers(model, target)), None)

    def rules_of(self, model: str) -> list[Rule]:
        """The rules that hold for a model, one per target."""
        first: dict[Target, Rule] = {}
        for rule in self.rules:
            if rule.is_of(model):
                first.setdefault(rule.target, rule)
        return list(first.values())

    def offers(self, model: str, alias: str) -> bool:
        """Whether this alias can be promoted to. One that is protected can: its rule names it."""
        protected = any(rule.alias == alias for rule in self.rules_of(model))
        return self.free or protected or alias in self.aliases
