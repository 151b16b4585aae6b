"""Which rights an account has of those Windlass needs, and which it has that it should not.

What is needed, for which feature and why comes from the hub side's access table as `rights.json`, so that a server
without the hub side can say it too. One review lists the account's rights; where the cluster says that the list is not
whole (webhook authorizers), each doubtful right is asked for by itself.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Protocol

from windlass.kube.resources import SELF_SUBJECT_ACCESS_REVIEWS, SELF_SUBJECT_RULES_REVIEWS, Resource

_ASKED_AT_ONCE = 8


class Asker(Protocol):
    """The part of KubeClient that is needed here."""

    async def create(self, resource: Resource, body: dict[str, Any]) -> dict[str, Any]:
        """Make an object; a review is answered, not kept."""


@dataclass(frozen=True, kw_only=True)
class Right:
    """A verb on a resource (`pods/log` with its subresource) of an API group, in the namespace or the whole cluster."""

    group: str
    resource: str
    verb: str
    namespaced: bool
    feature: str
    why: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}{f'.{self.group}' if self.group else ''}"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found. Both lists are in the table's order."""

    missing: tuple[Right, ...]
    excess: tuple[Right, ...]


@lru_cache(maxsize=1)
def needed() -> tuple[Right, ...]:
    """Every right that some feature needs."""
    return tuple(
        Right(
            group=row["group"],
            resource=resource,
            verb=verb,
            namespaced=row["namespaced"],
            feature=row["feature"],
            why=row["why"],
        )
        for row in _table()["rights"]
        for resource in row["resources"]
        for verb in row["verbs"]
    )


@lru_cache(maxsize=1)
def unwanted() -> tuple[Right, ...]:
    """Every right that a user's account must not have in its namespace."""
    return tuple(
        Right(group=row["group"], resource=resource, verb=verb, namespaced=True, feature="isolation", why=row["why"])
        for row in _table()["never"]
        for resource in row["resources"]
        for verb in row["verbs"]
    )


async def missing(client: Asker, namespace: str) -> list[Right]:
    """The needed rights that the account of `client` lacks in `namespace`. Raises a KubeError."""
    return list((await examine(client, namespace)).missing)


async def lacking(client: Asker, namespace: str, wanted: Sequence[Right]) -> list[Right]:
    """Those of the rights that the account of `client` has not got in `namespace`. Raises a KubeError."""
    body = {"spec": {"namespace": namespace}}
    status = (await client.create(SELF_SUBJECT_RULES_REVIEWS, body)).get("status", {})
    doubtful = [right for right in wanted if not allowed(status.get("resourceRules") or [], right)]
    if not doubtful or not (status.get("incomplete") or status.get("evaluationError")):
        return doubtful
    granted = await _ask_each(client, namespace, doubtful)
    return [right for right in doubtful if right not in granted]


async def examine(client: Asker, namespace: str) -> Report:
    """Compare what the account of `client` may do with the table. Raises a KubeError."""
    body = {"spec": {"namespace": namespace}}
    status = (await client.create(SELF_SUBJECT_RULES_REVIEWS, body)).get("status", {})
    rules = status.get("resourceRules") or []
    whole = not status.get("incomplete") and not status.get("evaluationError")
    lacking = [right for right in needed() if not allowed(rules, right)]
    excess = [right for right in unwanted() if allowed(rules, right)]
    if not whole:
        # A list that is not whole can only be too short.
        doubtful = [*lacking, *(right for right in unwanted() if right not in excess)]
        granted = await _ask_each(client, namespace, doubtful)
        lacking = [right for right in lacking if right not in granted]
        excess = [right for right in unwanted() if right in excess or right in granted]
    return Report(missing=tuple(lacking), excess=tuple(excess))


def allowed(rules: list[Mapping[str, Any]], right: Right) -> bool:
    """Whether one of the rules of a SelfSubjectRulesReview grants a right on objects of every name."""
    return any(
        not rule.get("resourceNames")
        and _covers(rule.get("verbs"), right.verb)
        and _covers(rule.get("apiGroups"), right.group)
        and _covers_resource(rule.get("resources"), right.resource)
        for rule in rules
    )


def _covers(listed: list[str] | None, item: str) -> bool:
    return listed is not None and ("*" in listed or item in listed)


def _covers_resource(listed: list[str] | None, resource: str) -> bool:
    subresource = resource.partition("/")[2]
    return _covers(listed, resource) or (bool(subresource) and f"*/{subresource}" in (listed or []))


async def _ask_each(client: Asker, namespace: str, rights: list[Right]) -> set[Right]:
    """Those of the rights that an access review grants."""
    gate = asyncio.Semaphore(_ASKED_AT_ONCE)

    async def ask(right: Right) -> bool:
        resource, _, subresource = right.resource.partition("/")
        attributes = {"group": right.group, "resource": resource, "subresource": subresource, "verb": right.verb}
        if right.namespaced:
            attributes["namespace"] = namespace
        async with gate:
            answer = await client.create(SELF_SUBJECT_ACCESS_REVIEWS, {"spec": {"resourceAttributes": attributes}})
        return bool(answer.get("status", {}).get("allowed"))

    answers = await asyncio.gather(*(ask(right) for right in rights))
    return {right for right, granted in zip(rights, answers, strict=True) if granted}


@lru_cache(maxsize=1)
def _table() -> Any:
    return json.loads(files("windlass.kube").joinpath("rights.json").read_text(encoding="utf-8"))
