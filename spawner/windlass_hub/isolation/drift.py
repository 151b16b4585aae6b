"""Whether an object in the cluster still says what it should, whatever the API server added or rewrote.

Others may add labels and annotations of their own; what an object of ours *does* must be exactly as wanted, because a
subject, a rule or a key more is a right more.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from windlass.kube.quantities import parse_quantity
from windlass.kube.resources import LIMIT_RANGES, RESOURCE_QUOTAS, Resource

Object = dict[str, Any]

_PARTS = ("spec", "subjects", "roleRef", "data", "type", "automountServiceAccountToken")
_MEASURED = {RESOURCE_QUOTAS, LIMIT_RANGES}


def drifted(resource: Resource, wanted: Object, found: Object | None) -> bool:
    """Whether `found` is missing, or lacks a label or annotation of `wanted`, or does something else."""
    if found is None:
        return True
    return _marks_lack(wanted, found) or bool(wrong_parts(resource, wanted, found))


def wrong_parts(resource: Resource, wanted: Object, found: Object) -> list[str]:
    """The top-level fields of `found` that mean something else than those of `wanted`."""
    measured = resource in _MEASURED
    return [
        part
        for part in _PARTS
        if part in wanted and _meaning(wanted[part], measured) != _meaning(found.get(part), measured)
    ]


def _marks_lack(wanted: Object, found: Object) -> bool:
    for kind in ("labels", "annotations"):
        there = found.get("metadata", {}).get(kind) or {}
        marks = wanted["metadata"].get(kind, {})
        if any(there.get(key) != value for key, value in marks.items()):
            return True
    return False


def _meaning(value: Any, measured: bool) -> Any:
    """A value without what says nothing (empty lists are left out by the API server), quantities as numbers."""
    if isinstance(value, dict):
        kept = {key: _meaning(item, measured) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item is not None}
    if isinstance(value, list):
        return [_meaning(item, measured) for item in value] or None
    return _number(value) if measured and isinstance(value, (str, int, float)) else value


def _number(written: str | float) -> Decimal | str:
    try:
        return parse_quantity(written)
    except ValueError:
        return str(written)
