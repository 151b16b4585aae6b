"""The NetworkPolicies of a user's namespace, made of the access table's ways and the places of this cluster.

One policy per kind of pod. The first selects all pods and closes both directions; the others only open what their pods
need. A way to a place that nobody has named opens nothing.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

from windlass_hub.access import WAYS, notebook_component
from windlass_hub.rights.model import Peer, Pods, Way

from .network import INTERNET, Network, peer

API_SERVER_PORTS = (443, 6443)
# Labels that z2jh gives the hub's and the proxy's pods.
HUB_PODS = {"app": "jupyterhub", "component": "hub"}
PROXY_PODS = {"app": "jupyterhub", "component": "proxy"}


def selector(pods: Pods, *, hub_id: str) -> dict[str, Any]:
    """The label selector of these pods."""
    found: dict[Pods, dict[str, Any]] = {
        Pods.ALL: {},
        Pods.NOTEBOOKS: {"matchLabels": {"component": notebook_component(hub_id)}},
        Pods.TRAINING: {"matchLabels": {"job-type": "training"}},
        Pods.SERVING: {"matchExpressions": [{"key": "serving.kserve.io/inferenceservice", "operator": "Exists"}]},
        Pods.LAUNCHERS: {"matchLabels": {"training.kubeflow.org/operator-name": "mpijob-controller"}},
        Pods.RAY_HEADS: {"matchLabels": {"ray.io/node-type": "head"}},
    }
    return found[pods]


def policies(
    *, network: Network, hub_namespace: str, hub_id: str, api_server: tuple[str, ...] = (), notebooks: bool
) -> dict[str, dict[str, Any]]:
    """The specs of all policies, by name.

    Args:
        network: the places of this cluster.
        hub_namespace: where hub and proxy are.
        hub_id: tells the hub's notebooks.
        api_server: address ranges of the API server, for where `network` names none.
        notebooks: whether notebooks are in this namespace, or only jobs.
    """
    found = {}
    for pods in Pods:
        if pods is Pods.NOTEBOOKS and not notebooks:
            continue
        spec: dict[str, Any] = {"podSelector": selector(pods, hub_id=hub_id), "policyTypes": []}
        for direction, section in (("from", "ingress"), ("to", "egress")):
            opened = rules(pods, direction, network=network, hub_namespace=hub_namespace, api_server=api_server)
            if opened or pods is Pods.ALL:
                spec["policyTypes"].append(section.capitalize())
                spec[section] = opened
        if spec["policyTypes"]:
            found[pods.value] = spec
    return found


def rules(
    pods: Pods,
    direction: str,
    *,
    network: Network,
    hub_namespace: str,
    api_server: Iterable[str] = (),
    without: Container[Peer] = (),
) -> list[dict[str, Any]]:
    """The rules of one kind of pod in one direction (`to`, `from`), but for ways to the peers in `without`."""
    known = {
        Peer.OWN_PODS: [{"podSelector": {}}],
        Peer.HUB: [peer(hub_namespace, HUB_PODS)],
        Peer.PROXY: [peer(hub_namespace, PROXY_PODS)],
        Peer.INTERNET: list(INTERNET),
    }
    ways = [way for way in WAYS if way.pods is pods and way.direction == direction and way.peer not in without]
    return [rule for way in ways if (rule := _rule(way, network, known, tuple(api_server)))]


def _rule(
    way: Way, network: Network, known: dict[Peer, list[dict[str, Any]]], api_server: tuple[str, ...]
) -> dict[str, Any] | None:
    place = network.place(way.peer)
    peers = known.get(way.peer) or (place.peers() if place else [])
    if way.peer is Peer.API_SERVER and not peers:
        peers = [{"ipBlock": {"cidr": addresses}} for addresses in api_server]
    if not peers:
        return None
    ports = way.ports or (place.ports if place else ()) or (API_SERVER_PORTS if way.peer is Peer.API_SERVER else ())
    rule: dict[str, Any] = {way.direction: peers}
    if ports:
        protocols = ("UDP", "TCP") if way.udp else ("TCP",)
        rule["ports"] = [{"port": port, "protocol": protocol} for port in ports for protocol in protocols]
    return rule
