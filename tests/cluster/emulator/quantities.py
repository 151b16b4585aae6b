"""Amounts as the API writes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_UNITS = {
    "n": "1e-9",
    "u": "1e-6",
    "m": "1e-3",
    "k": "1e3",
    "M": "1e6",
    "G": "1e9",
    "T": "1e12",
    "P": "1e15",
    "E": "1e18",
}
_BINARY = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50, "Ei": 1 << 60}


def quantity(text: Any) -> Decimal:
    """Exact: "100m" is 0.1, "1Gi" 1073741824."""
    text = str(text)
    if text[-2:] in _BINARY:
        return Decimal(text[:-2]) * _BINARY[text[-2:]]
    if text[-1:] in _UNITS and not text[-1:].isdigit():
        return Decimal(text[:-1]) * Decimal(_UNITS[text[-1]])
    return Decimal(text)


def shown(amount: Decimal) -> str:
    """Short enough to read in a message."""
    if amount == amount.to_integral_value():
        whole = int(amount)
        for unit, size in reversed(_BINARY.items()):
            if whole and whole % size == 0:
                return f"{whole // size}{unit}"
        return str(whole)
    return f"{int(amount * 1000)}m"


def pod_amounts(spec: Mapping[str, Any], which: str) -> Counter[str]:
    """What a pod's containers ask for in all (`which` is requests or limits); requests default to limits."""
    total: Counter[str] = Counter()
    for container in spec.get("containers") or []:
        resources = container.get("resources") or {}
        amounts = resources.get(which) or {}
        if which == "requests":
            amounts = {**(resources.get("limits") or {}), **amounts}
        for name, value in amounts.items():
            total[name] += quantity(value)  # type: ignore[assignment]
    return total
