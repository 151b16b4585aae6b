"""What a pod takes, as quotas, limit ranges and schedulers count it.

The API fills in requests from limits, and LimitRanges fill in what is still missing, before a quota looks; so does
this. Amounts are exact (`Decimal`), in cores, bytes and pieces.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Literal

from windlass.engines.kubernetes.model import Object
from windlass.kube.quantities import format_bytes, parse_quantity

Which = Literal["requests", "limits"]
Amounts = dict[str, Decimal]

ZERO = Decimal(0)


def parsed(amounts: Mapping[str, Any] | None) -> Amounts:
    """Quantities of an object as numbers; what is no quantity is left out."""
    read = {str(name): _quantity(text) for name, text in (amounts or {}).items()}
    return {name: amount for name, amount in read.items() if amount is not None}


def container_amounts(container: Mapping[str, Any], which: Which) -> Amounts:
    """Of one container, requests following from limits where they are not given."""
    resources = container.get("resources") or {}
    given = parsed(resources.get(which))
    return {**parsed(resources.get("limits")), **given} if which == "requests" else given


def pod_amounts(spec: Mapping[str, Any], which: Which) -> Amounts:
    """Of a pod: its containers together, or the largest moment of its init containers where that is more."""
    together = _sum(container_amounts(each, which) for each in spec.get("containers") or [])
    beside: Amounts = {}
    largest: Amounts = {}
    for each in spec.get("initContainers") or []:
        amounts = container_amounts(each, which)
        if each.get("restartPolicy") == "Always":
            beside = _sum([beside, amounts])
            largest = _most(largest, beside)
        else:
            largest = _most(largest, _sum([beside, amounts]))
    found = _most(_sum([together, beside]), largest)
    overhead = parsed(spec.get("overhead"))
    return _sum([found, {name: amount for name, amount in overhead.items() if which == "requests" or name in found}])


def containers(spec: Mapping[str, Any]) -> list[Object]:
    """All containers of a pod, init containers first."""
    return [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]


def with_defaults(spec: Object, limit_ranges: Sequence[Object]) -> Object:
    """The pod as LimitRanges leave it; the one given is not changed."""
    filled = copy.deepcopy(spec)
    for container in containers(filled):
        for item in items_of(limit_ranges, "Container"):
            requests = container_amounts(container, "requests")
            limits = container_amounts(container, "limits")
            most, least = parsed(item.get("max")), parsed(item.get("min"))
            default = {**most, **parsed(item.get("default"))}
            default_request = {**least, **default, **parsed(item.get("defaultRequest"))}
            resources = container.setdefault("resources", {})
            resources["limits"] = _texts({**default, **limits})
            resources["requests"] = _texts({**default_request, **requests})
    return filled


def items_of(limit_ranges: Sequence[Object], kind: str) -> list[Object]:
    """The limits of one type (`Container`, `Pod`) of all LimitRanges."""
    return [
        item for each in limit_ranges for item in each.get("spec", {}).get("limits") or [] if item.get("type") == kind
    ]


def shown(resource: str, amount: Decimal) -> str:
    """An amount with its unit, as a person would say it: `2 GPUs`, `1.5 cores`, `32Gi of memory`, `3 pods`."""
    name = resource.removeprefix("requests.").removeprefix("limits.").removeprefix("count/")
    if name in ("memory", "ephemeral-storage", "storage"):
        return f"{format_bytes(int(amount))} of {name.replace('ephemeral-', 'local ')}"
    return f"{plain(amount)} {noun(name, plural=amount != 1)}"


def noun(name: str, *, plural: bool) -> str:
    """What is counted under that name."""
    if name == "cpu":
        return "cores" if plural else "core"
    if name in ("nvidia.com/gpu", "amd.com/gpu"):
        return "GPUs" if plural else "GPU"
    return name


def plain(amount: Decimal) -> str:
    """The number without an exponent and without zeros behind the point."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def whole(amount: Decimal) -> int:
    """Rounded down."""
    return int(amount.to_integral_value(ROUND_FLOOR))


def _quantity(text: Any) -> Decimal | None:
    try:
        return parse_quantity(text)
    except ValueError:
        return None


def _sum(amounts: Iterable[Mapping[str, Decimal]]) -> Amounts:
    total: Amounts = {}
    for each in amounts:
        for name, amount in each.items():
            total[name] = total.get(name, ZERO) + amount
    return total


def _most(one: Mapping[str, Decimal], other: Mapping[str, Decimal]) -> Amounts:
    return {name: max(one.get(name, ZERO), other.get(name, ZERO)) for name in {**one, **other}}


def _texts(amounts: Mapping[str, Decimal]) -> dict[str, str]:
    return {name: plain(amount) for name, amount in amounts.items()}
