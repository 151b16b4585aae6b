"""Karpenter's own objects: whether the cluster has them, and what a NodeClaim says of a node that is being started.

https://karpenter.sh/docs/concepts/nodeclaims/: a claim is Launched (the cloud gave a machine), Registered (it joined),
Initialized (its devices are there).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from windlass.contract.hub import StartingNode
from windlass.kube.client import KubeClient
from windlass.kube.errors import NotFound
from windlass.kube.resources import NODE_CLAIMS

_POOL = "karpenter.sh/nodepool"
_INSTANCE = "node.kubernetes.io/instance-type"
_CAPACITY_TYPE = "karpenter.sh/capacity-type"
_State = Literal["requested", "launched", "registered", "failed"]


async def is_served(client: KubeClient) -> bool:
    """Whether the cluster knows NodeClaims in the version we read. Raises a KubeError."""
    try:
        answer = await client.raw("GET", f"/apis/{NODE_CLAIMS.api_version}")
    except NotFound:
        return False
    return any(item.get("name") == NODE_CLAIMS.plural for item in (answer or {}).get("resources") or ())


def starting_node(claim: Mapping[str, Any]) -> StartingNode | None:
    """What a NodeClaim says; None once its node is ready for pods, and while it goes away."""
    metadata, status = claim.get("metadata") or {}, claim.get("status") or {}
    conditions = {str(found.get("type")): found for found in status.get("conditions") or ()}
    if metadata.get("deletionTimestamp") or _is(conditions, "Initialized", "True"):
        return None
    labels = metadata.get("labels") or {}
    capacity = labels.get(_CAPACITY_TYPE)
    state, reason = _state(conditions)
    return StartingNode(
        name=str(metadata.get("name", "")),
        pool=labels.get(_POOL),
        instance_type=labels.get(_INSTANCE),
        spot=None if capacity is None else capacity == "spot",
        state=state,
        reason=reason,
        since=_moment(metadata.get("creationTimestamp")),
    )


def _state(conditions: Mapping[str, Mapping[str, Any]]) -> tuple[_State, str | None]:
    if _is(conditions, "Registered", "True"):
        return "registered", _why(conditions, "Initialized")
    if _is(conditions, "Launched", "True"):
        return "launched", _why(conditions, "Registered")
    return ("failed" if _is(conditions, "Launched", "False") else "requested"), _why(conditions, "Launched")


def _is(conditions: Mapping[str, Mapping[str, Any]], name: str, status: str) -> bool:
    return conditions.get(name, {}).get("status") == status


def _why(conditions: Mapping[str, Mapping[str, Any]], name: str) -> str | None:
    found = conditions.get(name, {})
    return str(found.get("message") or found.get("reason") or "")[:300] or None


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
