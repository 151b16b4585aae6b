"""What a cluster has, in the few numbers availability needs: the models that cross from the hub service to the hub.

The service alone may list nodes and pods of the whole cluster; the hub gets this picture of them over HTTP. It holds no
pod, no user and no secret. Amounts are in base units: cores, bytes, pieces.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from .model import Toleration

Amounts = dict[str, float]


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True)


class Taint(_Wire):
    """A taint of a node. Only NoSchedule and NoExecute keep pods away."""

    key: str
    value: str = ""
    effect: str

    def borne_by(self, tolerations: tuple[Toleration, ...]) -> bool:
        """Whether a pod with these tolerations may be placed all the same."""
        return self.effect == "PreferNoSchedule" or any(self._tolerated(by) for by in tolerations)

    def _tolerated(self, by: Toleration) -> bool:
        if by.effect is not None and by.effect != self.effect:
            return False
        if by.key is None:
            return by.operator == "Exists"
        return by.key == self.key and (by.operator == "Exists" or (by.value or "") == self.value)


class NodeRoom(_Wire):
    """One node.

    Attributes:
        allocatable: what pods may ask for in all.
        used: what the pods on it ask for.
        reserved: the part of `used` that comes back on every node: DaemonSets and static pods.
        ready: it is healthy and not cordoned.
    """

    name: str
    labels: dict[str, str] = {}
    taints: tuple[Taint, ...] = ()
    allocatable: Amounts = {}
    used: Amounts = {}
    reserved: Amounts = {}
    ready: bool = True


class Requirement(_Wire):
    """What a Karpenter pool says of a label of its nodes: In, NotIn, Exists, DoesNotExist, Gt, Lt (Gte, Lte)."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


class NodePool(_Wire):
    """A Karpenter NodePool: what nodes it may make, and how much of its limits is taken."""

    name: str
    labels: dict[str, str] = {}
    requirements: tuple[Requirement, ...] = ()
    taints: tuple[Taint, ...] = ()
    limits: Amounts = {}
    used: Amounts = {}
    ready: bool = True


class CapacitySnapshot(_Wire):
    """The cluster (or this machine) at one moment.

    Attributes:
        taken_at: when, in UTC.
        source: a Kubernetes cluster, or the machine of a hub without one.
        complete: nothing is missing: all nodes, all pods and all pools could be read. Otherwise nothing is counted.
        other_autoscaler: something other than Karpenter was seen that starts nodes (Cluster Autoscaler).
    """

    taken_at: datetime
    nodes: tuple[NodeRoom, ...] = ()
    pools: tuple[NodePool, ...] = ()
    source: Literal["kubernetes", "machine"] = "kubernetes"
    complete: bool = True
    other_autoscaler: bool = False
