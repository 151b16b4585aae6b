"""The version that holds a target beside the one that is to: what an approver looks at before they answer.

Read with the hub service's credentials, so only whom the promotion concerns is shown it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from windlass.errors import NotFound
from windlass.tracking.answers import MlflowRefused

from .registry import Registry

MOST_VALUES = 200


class ComparedSide(BaseModel):
    """A version and the run it came from."""

    version: str
    description: str | None = None
    by: str | None = None
    run_id: str | None = None
    run_name: str | None = None
    metrics: dict[str, float | str | None] = {}
    """Numbers; NaN and infinities as MLflow writes them."""
    params: dict[str, str] = {}


class PromotionComparison(BaseModel):
    """Both sides; a version that nobody holds, or that is gone, is null."""

    model: str
    before: ComparedSide | None
    after: ComparedSide | None
    more: bool = False
    """Whether values were left out for their number."""


async def compare(registry: Registry, *, model: str, before: str | None, after: str) -> PromotionComparison:
    """Both versions as MLflow has them now. Raises what `Registry` raises."""
    sides = [await _side(registry, model, version) if version else None for version in (before, after)]
    known = [side for side in sides if side is not None]
    return PromotionComparison(
        model=model,
        before=sides[0],
        after=sides[1],
        more=any(max(len(side.metrics), len(side.params)) >= MOST_VALUES for side in known),
    )


async def _side(registry: Registry, model: str, version: str) -> ComparedSide | None:
    try:
        found = await registry.version(model, version)
    except NotFound:
        return None
    run = await _run(registry, found.get("run_id"))
    info, data = run.get("info") or {}, run.get("data") or {}
    return ComparedSide(
        version=version,
        description=(found.get("description") or None),
        by=found.get("user_id") or info.get("user_id"),
        run_id=found.get("run_id") or None,
        run_name=info.get("run_name"),
        metrics={str(each["key"]): _number(each.get("value")) for each in _some(data.get("metrics"))},
        params={str(each["key"]): str(each.get("value", ""))[:500] for each in _some(data.get("params"))},
    )


async def _run(registry: Registry, run_id: Any) -> Mapping[str, Any]:
    if not run_id:
        return {}
    try:
        found = (await registry.get("runs/get", {"run_id": str(run_id)})).get("run")
    except MlflowRefused:
        return {}  # It was deleted, or is not the service's to read: the version stands alone.
    return found if isinstance(found, dict) else {}


def _some(values: Any) -> list[Mapping[str, Any]]:
    return sorted(values or [], key=lambda each: str(each.get("key")))[:MOST_VALUES]


def _number(value: Any) -> float | str | None:
    """JSON has no NaN: it is told as text."""
    if isinstance(value, (int, float)) and math.isfinite(value):
        return float(value)
    return None if value is None else str(value)
