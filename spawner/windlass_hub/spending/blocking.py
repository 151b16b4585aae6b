"""No new pods in the namespaces of those whose budget is used up: a ResourceQuota that holds what is used now.

What runs goes on. As pods end, the quota shrinks with them; it goes when the period turns or somebody raises the
budget. It is an object of its own beside the namespace's usual quota, and says until when it holds: should the hub
forget why, it goes then.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from windlass.engines.kubernetes.observing.conditions import posix
from windlass.kube.client import KubeClient
from windlass.kube.errors import Conflict, KubeError, NotFound
from windlass.kube.names import BUDGET_QUOTA, MANAGED_BY_LABEL, MANAGER
from windlass.kube.quantities import parse_quantity
from windlass.kube.resources import RESOURCE_QUOTAS
from windlass_hub.access import HUB_LABEL

from .budgeting import Block, Decide
from .watching import PodWatch

log = logging.getLogger("windlass_hub.spending")

BUDGET_LABEL = "windlass.io/budget"
REASON_ANNOTATION = "windlass.io/budget-reason"
UNTIL_ANNOTATION = "windlass.io/budget-until"
GPU = "nvidia.com/gpu"


class Blocker:
    """Keeps these quotas as they should be.

    Args:
        client: with the right to list quotas, and to create, patch and delete them in users' namespaces.
        watch: whose namespaces there are, and what is used in them.
        hub_id: whose quotas are meant.
        decide: writes the audit log.
        wall: POSIX seconds.
    """

    def __init__(
        self,
        client: KubeClient,
        *,
        watch: PodWatch,
        hub_id: str,
        decide: Decide,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._watch = watch
        self._labels = {MANAGED_BY_LABEL: MANAGER, HUB_LABEL: hub_id, BUDGET_LABEL: "over"}
        self._decide = decide
        self._wall = wall
        self.problem: str | None = None
        """Why what should be blocked may not be, or the other way round."""

    async def enforce(self, blocks: Mapping[str, Block] | None) -> None:
        """Make it so.

        Args:
            blocks: by user. None: nobody knows, and only what has run out is lifted.
        """
        try:
            there = await self._there()
        except KubeError as error:
            self._trouble(f"The quotas of budgets cannot be read: {error.message}")
            return
        self.problem = None
        namespaces = {} if self._watch.problem is not None else self._watch.namespaces
        wanted = {namespace: blocks[owner] for namespace, owner in namespaces.items() if blocks and owner in blocks}
        for namespace, block in wanted.items():
            await self._block(namespace, block, there.get(namespace), owner=namespaces[namespace])
        for namespace, quota in there.items():
            if namespace not in wanted and (blocks is not None or self._is_over(quota)):
                await self._lift(namespace, quota)

    async def _there(self) -> dict[str, dict[str, Any]]:
        selector = ",".join(f"{name}={value}" for name, value in self._labels.items())
        found, _ = await self._client.list(RESOURCE_QUOTAS, label_selector=selector)
        return {str(item["metadata"]["namespace"]): item for item in found if item["metadata"]["name"] == BUDGET_QUOTA}

    async def _block(self, namespace: str, block: Block, quota: dict[str, Any] | None, *, owner: str) -> None:
        before = ((quota or {}).get("spec") or {}).get("hard") or {}
        hard = _hard(self._watch.in_use(namespace), before)
        until = datetime.fromtimestamp(block.ends_at, tz=timezone.utc).isoformat().replace("+00:00", "Z")
        annotations = {REASON_ANNOTATION: block.sentence, UNTIL_ANNOTATION: until}
        had = ((quota or {}).get("metadata") or {}).get("annotations") or {}
        if quota is not None and hard == before and annotations.items() <= had.items():
            return
        metadata = {"name": BUDGET_QUOTA, "namespace": namespace, "labels": self._labels, "annotations": annotations}
        try:
            await self._client.apply(RESOURCE_QUOTAS, {"metadata": metadata, "spec": {"hard": hard}})
        except NotFound:
            return  # The namespace went.
        except KubeError as error:
            self._trouble(f"The namespace {namespace} cannot be closed to new pods: {error.message}")
            self._decide("budget.block", namespace, "failed", owner=owner, reason=error.message)
            return
        if quota is None:
            self._decide("budget.block", namespace, "allowed", owner=owner, reason=block.sentence)

    async def _lift(self, namespace: str, quota: dict[str, Any]) -> None:
        try:
            uid = str(quota["metadata"]["uid"])
            await self._client.delete(RESOURCE_QUOTAS, BUDGET_QUOTA, namespace=namespace, preconditions={"uid": uid})
        except (NotFound, Conflict):
            return  # Somebody was quicker.
        except KubeError as error:
            self._trouble(f"The namespace {namespace} cannot be opened to new pods: {error.message}")
            self._decide("budget.lift", namespace, "failed", reason=error.message)
            return
        self._decide("budget.lift", namespace, "allowed")

    def _is_over(self, quota: Mapping[str, Any]) -> bool:
        until = posix((quota["metadata"].get("annotations") or {}).get(UNTIL_ANNOTATION))
        return until is not None and until <= self._wall()

    def _trouble(self, sentence: str) -> None:
        if self.problem is None:
            log.warning("%s", sentence)
        self.problem = sentence


def _hard(used: Mapping[str, float], before: Mapping[str, str]) -> dict[str, str]:
    """What is used now, and never more than the quota had: what has ended makes no room."""
    wanted = {"pods": used.get("pods", 0.0), f"requests.{GPU}": used.get(GPU, 0.0)}
    wanted |= {f"requests.{name}": amount for name, amount in used.items() if name != "pods"}
    for name, text in before.items():
        wanted[name] = min(wanted.get(name, 0.0), _number(text))
    return {name: f"{amount:g}" for name, amount in sorted(wanted.items())}


def _number(text: str) -> float:
    try:
        return float(parse_quantity(text))
    except ValueError:
        return 0.0
