"""Where in this cluster the things are that users' pods may reach: an administrator's answer to the access table.

NetworkPolicies know addresses and labels, no names of hosts; so MLflow or an object store is either pods of a
namespace, a list of address ranges, or somewhere in the internet.
"""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from windlass_hub.rights.model import Peer

# What "the internet" leaves out: private and shared ranges, loopback, link-local (the cloud's metadata service).
PRIVATE_V4 = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16")
PRIVATE_V6 = ("fc00::/7", "fe80::/10", "::1/128")
INTERNET: tuple[dict[str, Any], ...] = (
    {"ipBlock": {"cidr": "0.0.0.0/0", "except": list(PRIVATE_V4)}},
    {"ipBlock": {"cidr": "::/0", "except": list(PRIVATE_V6)}},
)


def _range(written: str) -> str:
    try:
        return str(ipaddress.ip_network(written, strict=False))
    except ValueError:
        raise ValueError(f"{written!r} is no address range: write it as 10.1.2.3/32.") from None


AddressRange = Annotated[str, AfterValidator(_range)]
Port = Annotated[int, Field(ge=1, le=65535)]
NamespaceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]


class Place(BaseModel):
    """Where one thing is. With nothing said, nothing is opened to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ranges: tuple[AddressRange, ...] = Field((), description="Address ranges, as 10.1.2.0/24.")
    namespaces: tuple[NamespaceName, ...] = Field((), description="Namespaces of this cluster whose pods it is.")
    pods: dict[str, str] = Field(default_factory=dict, description="Labels of those pods; empty: all of them.")
    internet: bool = Field(False, description="Somewhere in the internet: every address but private ones.")
    ports: tuple[Port, ...] = Field((), description="TCP ports; empty: any.")

    @model_validator(mode="after")
    def _pods_are_somewhere(self) -> Place:
        if self.pods and not self.namespaces:
            raise ValueError("pods needs namespaces: in which are they?")
        return self

    def peers(self) -> list[dict[str, Any]]:
        """As NetworkPolicy peers; none where nothing is said."""
        return [
            *({"ipBlock": {"cidr": addresses}} for addresses in self.ranges),
            *(peer(namespace, self.pods) for namespace in self.namespaces),
            *(INTERNET if self.internet else ()),
        ]


class Network(BaseModel):
    """All the places. The defaults fit a cluster with MLflow in the namespace `mlflow` and the rest in the internet."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dns: Place = Place(namespaces=("kube-system",), ranges=("169.254.20.10/32",))
    api_server: Place = Field(
        Place(), description="The API server's addresses; asked of the cluster when left out. Ports 443 and 6443."
    )
    mlflow: Place = Place(namespaces=("mlflow",), ports=(5000,))
    artifact_store: Place = Place(internet=True, ports=(443,))
    package_index: Place = Place(internet=True, ports=(443,))
    model_hub: Place = Place(internet=True, ports=(443,))
    data_remote: Place = Place(internet=True, ports=(443,))
    gateways: Place = Place(namespaces=("istio-system", "envoy-gateway-system", "knative-serving", "kourier-system"))
    monitoring: Place = Place(namespaces=("monitoring",))

    def place(self, where: Peer) -> Place | None:
        """The place that an administrator gives for this peer; None for peers that are known without."""
        return {
            Peer.DNS: self.dns,
            Peer.API_SERVER: self.api_server,
            Peer.MLFLOW: self.mlflow,
            Peer.ARTIFACT_STORE: self.artifact_store,
            Peer.PACKAGE_INDEX: self.package_index,
            Peer.MODEL_HUB: self.model_hub,
            Peer.DATA_REMOTE: self.data_remote,
            Peer.GATEWAYS: self.gateways,
            Peer.MONITORING: self.monitoring,
        }.get(where)


def peer(namespace: str, pods: dict[str, str] | None = None) -> dict[str, Any]:
    """The NetworkPolicy peer for pods of a namespace, which Kubernetes labels with its name."""
    found: dict[str, Any] = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    if pods:
        found["podSelector"] = {"matchLabels": dict(pods)}
    return found
