"""What a server was started with, as kept with the hub's own record of the server.

The culler, the admin page and the bill read it while the server runs; the catalogue may have changed since.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .profiles.model import Gpu, Profile

STATE_KEY = "windlass"
_LONGEST_NOTE = 500


class ChosenGpu(BaseModel):
    """The GPUs of a started server. `cards` counts whole cards: a MIG slice and a share are a part of one."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    product: str
    count: int
    mode: str
    resource: str
    cards: float

    @classmethod
    def of(cls, gpu: Gpu) -> ChosenGpu:
        """As the profile says."""
        return cls(
            product=gpu.product, count=gpu.count, mode=gpu.mode, resource=gpu.resource_name, cards=round(gpu.cards, 6)
        )


class Chosen(BaseModel):
    """The profile a server was started with, at the price of that moment (USD per hour; None: unknown)."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    profile: str
    display_name: str
    image: str | None = None
    usd_per_hour: float | None = None
    gpu: ChosenGpu | None = None
    revision: str = ""
    started_at: datetime

    @classmethod
    def of(cls, profile: Profile, *, image: str | None, usd_per_hour: float | None, revision: str) -> Chosen:
        """Chosen now."""
        return cls(
            profile=profile.slug,
            display_name=profile.display_name,
            image=image,
            usd_per_hour=usd_per_hour,
            gpu=ChosenGpu.of(profile.gpu) if profile.gpu else None,
            revision=revision,
            started_at=datetime.now(timezone.utc),
        )


class Kept(BaseModel):
    """What the spawner keeps in the hub's database: `chosen` while a server runs, `last_end` after it ended."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    chosen: Chosen | None = None
    last_end: str | None = Field(None, max_length=_LONGEST_NOTE)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Kept:
        """What is in a spawner's state; nothing where it is not ours or of a version that this one cannot read."""
        try:
            return cls.model_validate(state.get(STATE_KEY) or {})
        except ValidationError:
            return cls()

    def to_state(self) -> dict[str, Any]:
        """An addition to a spawner's state: empty when there is nothing to keep."""
        kept = self.model_dump(mode="json", exclude_none=True)
        return {STATE_KEY: kept} if kept else {}


def note(sentence: str) -> str:
    """A sentence for `last_end`, cut to what is kept."""
    return sentence if len(sentence) <= _LONGEST_NOTE else sentence[: _LONGEST_NOTE - 1] + "…"
