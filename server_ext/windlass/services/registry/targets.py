"""What is promoted to: an alias or a stage, where a model has it now, and moving it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from windlass.contract.aliases import why_no_alias
from windlass.contract.models import PromotionRequest
from windlass.services.registry.names import invalid
from windlass.services.registry.rows import Row, aliases_of, stages_of
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.reads.registry import RegistryReads

STAGES = ("None", "Staging", "Production", "Archived")
HELD_STAGES = ("Staging", "Production")
"""Stages of which one version is the holder."""
_CANNOT_ARCHIVE = "operator does not exist"
"""What MLflow 3 says on PostgreSQL by psycopg 3, where it compares numbers of versions with words."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is moved."""

    kind: Literal["alias", "stage"]
    name: str

    @classmethod
    def of(cls, request: PromotionRequest) -> Target:
        """What is asked for. Raises InvalidRequest."""
        if (request.alias is None) == (request.stage is None):
            raise invalid("alias", "Name an alias or a stage to promote to.")
        if request.alias is None:
            return cls(kind="stage", name=str(request.stage))
        problem = why_no_alias(request.alias)
        if problem is not None:
            raise invalid("alias", problem)
        return cls(kind="alias", name=request.alias)

    @property
    def is_held(self) -> bool:
        """Whether one version holds it: many may be in the stages None and Archived."""
        return self.kind == "alias" or self.name in HELD_STAGES

    def at(self, model: Row) -> str | None:
        """The version that holds it in a model as MLflow answers it; None: nobody does, or many may."""
        if not self.is_held:
            return None
        return (aliases_of if self.kind == "alias" else stages_of)(model).get(self.name)

    async def move(self, registry: RegistryReads, name: str, version: str) -> None:
        """Move it; done twice it is done once. Raises as MLflow does."""
        if self.kind == "alias":
            await registry.set_alias(name, self.name, version)
        elif self.name not in HELD_STAGES:
            await registry.transition_stage(name, version, stage=self.name)
        else:
            await self._take_stage(registry, name, version)

    async def _take_stage(self, registry: RegistryReads, name: str, version: str) -> None:
        """Have one version hold the stage, its former holder archived."""
        try:
            await registry.transition_stage(name, version, stage=self.name, archive_existing=True)
        except MlflowRefused as refused:
            if _CANNOT_ARCHIVE not in str(refused):
                raise
            holder = self.at(await registry.model(name))
            await registry.transition_stage(name, version, stage=self.name)
            if holder is not None and holder != version:
                await registry.transition_stage(name, holder, stage="Archived")

    def __str__(self) -> str:
        return self.name if self.kind == "alias" else f"the stage {self.name}"
