"""What a pod held, as text for a row and back; and what is known of it by now, of two looks.

A node may be gone when its pod is looked at again, and an end that was seen stays one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from fractions import Fraction
from typing import Any

from windlass.costs.book import Shape
from windlass.costs.holding import Held

_FIELDS = frozenset(each.name for each in fields(Held))
_OF_NODE = ("instance_type", "capacity", "region", "gpus", "product", "mig_profile", "shares", "shape", "problem")


def to_text(held: Held) -> str:
    """As JSON."""
    shape = None
    if held.shape is not None:
        numbers = {"cores": held.shape.cores, "memory_gib": held.shape.memory_gib}
        exact = {name: None if number is None else str(number) for name, number in numbers.items()}
        shape = {"gpus": held.shape.gpus, "product": held.shape.product, **exact}
    return json.dumps({**asdict(held), "shape": shape}, separators=(",", ":"))


def from_text(text: str) -> Held:
    """What `to_text` wrote; fields that a newer version added are passed over. Raises ValueError for anything else."""
    try:
        content = json.loads(text)
        known = {name: value for name, value in content.items() if name in _FIELDS}
        if known.get("shape") is not None:
            known["shape"] = _shape(known["shape"])
        return Held(**known)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("This is not what a pod held.") from error


def better(old: Held, new: Held) -> Held:
    """What is known of a pod after another look at it."""
    if old.node == new.node and new.capacity is None and old.capacity is not None:
        new = replace(new, **{name: getattr(old, name) for name in _OF_NODE})
    if old.since is not None and new.since is None:
        new = replace(new, since=old.since)
    if old.until is not None and (new.until is None or new.until > old.until):
        new = replace(new, until=old.until, ended=True)
    return new


def _shape(content: Mapping[str, Any]) -> Shape:
    numbers = {
        name: None if content[name] is None else Fraction(str(content[name])) for name in ("cores", "memory_gib")
    }
    return Shape(gpus=int(content["gpus"]), product=content["product"], **numbers)
