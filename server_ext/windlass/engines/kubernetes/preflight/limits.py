"""Whether a worker is within the namespace's LimitRanges: pods outside of them are refused after the job was taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from windlass.contract.preview import Finding, Severity
from windlass.engines.kubernetes.model import Object
from windlass.engines.kubernetes.preflight.amounts import (
    Amounts,
    container_amounts,
    containers,
    items_of,
    parsed,
    plain,
    pod_amounts,
    shown,
    whole,
    with_defaults,
)
from windlass.engines.kubernetes.preflight.asking import Asking, Question


@dataclass(frozen=True, kw_only=True)
class Breach:
    """One limit that a worker is outside of."""

    kind: str
    """`Container` or `Pod`."""
    resource: str
    rule: str
    """`max`, `min` or `ratio`."""
    bound: Decimal
    asked: Decimal | None
    """None: it is not said, and has to be."""


async def ask(asking: Asking) -> list[Finding]:
    """Each limit that is broken, once."""
    ranges = await asking.limit_ranges()
    found: dict[Breach, Finding] = {}
    for group in asking.pods:
        filled = with_defaults(group.spec, ranges)
        for breach in breaches(filled, ranges):
            found.setdefault(breach, _finding(breach, is_worker=group.is_worker))
    return list(found.values())


def breaches(pod: Object, limit_ranges: list[Object]) -> Iterator[Breach]:
    """All limits that a pod breaks, LimitRanges' own defaults being in it already."""
    for item in items_of(limit_ranges, "Container"):
        for container in containers(pod):
            yield from _of(
                item, container_amounts(container, "requests"), container_amounts(container, "limits"), "Container"
            )
    for item in items_of(limit_ranges, "Pod"):
        yield from _of(item, pod_amounts(pod, "requests"), pod_amounts(pod, "limits"), "Pod")


def _of(item: Mapping[str, Any], requests: Amounts, limits: Amounts, kind: str) -> Iterator[Breach]:
    for resource, least in parsed(item.get("min")).items():
        asked = min((each[resource] for each in (requests, limits) if resource in each), default=None)
        if resource not in requests or (asked is not None and asked < least):
            yield Breach(kind=kind, resource=resource, rule="min", bound=least, asked=requests.get(resource))
    for resource, most in parsed(item.get("max")).items():
        asked = max((each[resource] for each in (requests, limits) if resource in each), default=None)
        if resource not in limits or (asked is not None and asked > most):
            yield Breach(kind=kind, resource=resource, rule="max", bound=most, asked=limits.get(resource))
    for resource, ratio in parsed(item.get("maxLimitRequestRatio")).items():
        request, limit = requests.get(resource), limits.get(resource)
        # Requests and limits of ours are equal: only what runtimes and LimitRanges bring can be apart.
        if request is None or limit is None or (request > 0 and limit / request > ratio):
            yield Breach(kind=kind, resource=resource, rule="ratio", bound=ratio, asked=None)


def _finding(breach: Breach, *, is_worker: bool) -> Finding:
    who = f"a {'container' if breach.kind == 'Container' else 'pod'} of this namespace"
    bound = shown(breach.resource, breach.bound)
    if breach.rule == "ratio":
        message = (
            f"The limit of {breach.resource} of {who} may be {plain(breach.bound)} times its request, and no more or "
            "left open."
        )
        fix, apply = f"Say how much {_word(breach.resource)} a worker needs.", None
    else:
        side = "at most" if breach.rule == "max" else "at least"
        asked = "does not say" if breach.asked is None else f"asks for {shown(breach.resource, breach.asked)}"
        message = f"In this namespace {who.partition(' of ')[0]} has {side} {bound}, and this job's {asked}."
        fix, apply = _bounded(breach) if is_worker else ("Choose another training runtime.", None)
    return Finding(rule="limit-range", severity=Severity.ERROR, message=message, fix=fix, apply=apply)


def _bounded(breach: Breach) -> tuple[str, dict[str, Any] | None]:
    """The nearest that is allowed."""
    said = f"Ask for {shown(breach.resource, breach.bound)} per worker."
    if breach.resource == "cpu":
        return said, {"cluster": {"cpu": float(breach.bound)}}
    if breach.resource == "memory":
        return said, {"cluster": {"memory_bytes": int(breach.bound)}}
    if "/" in breach.resource and breach.asked is not None:
        return said, {"gpus_per_worker": whole(breach.bound)}
    return "Ask your administrators: this cannot be changed from here.", None


def _word(resource: str) -> str:
    return "CPU" if resource == "cpu" else resource


QUESTION = Question(about="the limit ranges", ask=ask)
