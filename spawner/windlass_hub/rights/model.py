"""The words of the access table: a right, a way through the network, a secret; each with its feature and its reason.

Only types and the names of roles stand here, so that the table in `access.py` reads as a table and what is generated
from it (RBAC, NetworkPolicies, admission, the documentation, the doctor's list) shares one vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

Feature = Literal[
    "jobs",
    "gpus",
    "costs",
    "experiments",
    "serving",
    "volumes",
    "images",
    "notebooks",
    "profiles",
    "isolation",
    "broker",
]
Who = Literal["user", "hub", "service"]

# An account that may do these to its own objects; `update` is left out because apply and patch are enough.
MANAGE = ("create", "delete", "get", "list", "patch", "watch")
READ = ("get", "list", "watch")


class Role(str, Enum):
    """A role in RBAC; `who` holds it, and it holds in `where`."""

    USER = "windlass-user"
    USER_CLUSTER_READ = "windlass-user-cluster-read"
    HUB = "windlass-hub"
    HUB_NAMESPACE = "windlass-hub-namespace"
    HUB_NOTEBOOKS = "windlass-hub-notebooks"
    HUB_CATALOGUE = "windlass-hub-catalogue"
    HUB_API_ADDRESS = "windlass-hub-api-address"
    SERVICE = "windlass-service"
    SERVICE_NAMESPACE = "windlass-service-namespace"
    SERVICE_CATALOGUE = "windlass-service-catalogue"

    @property
    def who(self) -> Who:
        """Whose it is."""
        if self.value.startswith("windlass-user"):
            return "user"
        return "service" if self.value.startswith("windlass-service") else "hub"

    @property
    def where(self) -> str:
        """Where it holds, as a sentence has it."""
        return _WHERE[self]

    @property
    def bound_by_hub(self) -> bool:
        """The hub itself binds it in each user's namespace; the others are bound once, by an administrator."""
        return self in {Role.USER, Role.HUB_NAMESPACE, Role.HUB_NOTEBOOKS, Role.SERVICE_NAMESPACE}


_WHERE = {
    Role.USER: "the user's namespace",
    Role.USER_CLUSTER_READ: "the whole cluster",
    Role.HUB: "the whole cluster, fenced by admission to the users' namespaces",
    Role.HUB_NAMESPACE: "each user's namespace",
    Role.HUB_NOTEBOOKS: "each namespace with notebooks",
    Role.HUB_CATALOGUE: "the hub's namespace",
    Role.HUB_API_ADDRESS: "the namespace `default`",
    Role.SERVICE: "the whole cluster",
    Role.SERVICE_NAMESPACE: "each user's namespace",
    Role.SERVICE_CATALOGUE: "the hub's namespace",
}


@dataclass(frozen=True, kw_only=True)
class Right:
    """Verbs on resources of one API group. `names` limits them to objects of these names; empty: all."""

    role: Role
    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    feature: Feature
    why: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Never:
    """What the user's account must not be able to do, whoever else grants it something."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    why: str


class Pods(str, Enum):
    """Which pods of a user's namespace a way through the network is for. The value names its NetworkPolicy."""

    ALL = "windlass-default"
    NOTEBOOKS = "windlass-notebooks"
    TRAINING = "training-isolation"
    SERVING = "windlass-serving"
    LAUNCHERS = "windlass-launchers"
    RAY_HEADS = "windlass-ray-heads"


class Peer(str, Enum):
    """The other end of a way through the network; `windlass_hub.isolation.network` says where it is in this cluster."""

    OWN_PODS = "the same namespace's pods"
    DNS = "cluster DNS"
    API_SERVER = "the Kubernetes API server"
    HUB = "the hub"
    PROXY = "the hub's proxy"
    MLFLOW = "MLflow"
    ARTIFACT_STORE = "the artifact store"
    PACKAGE_INDEX = "the package index"
    MODEL_HUB = "the model hub"
    DATA_REMOTE = "the DVC remote"
    INTERNET = "the internet (no private address)"
    GATEWAYS = "the serving gateways"
    MONITORING = "Prometheus"


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way through the network. `ports` are TCP unless `udp` says both; empty: the peer's own, or any."""

    pods: Pods
    direction: Literal["to", "from"]
    peer: Peer
    feature: Feature
    why: str
    ports: tuple[int, ...] = ()
    udp: bool = False


@dataclass(frozen=True, kw_only=True)
class SecretUse:
    """A Secret in the user's namespace: which of its keys, who reads them and how."""

    name: str
    keys: tuple[str, ...]
    reader: str
    feature: Feature
    why: str


Entry = Right | Way | SecretUse
