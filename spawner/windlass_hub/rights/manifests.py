"""The RBAC files and the hub's own NetworkPolicies as plain dicts, drawn from the access table.

What an administrator applies once stands here; what the hub makes in each user's namespace is in `namespaces.py`.
"""

from __future__ import annotations

from typing import Any

from windlass_hub.access import HUB_LABEL, WAYS, notebook_component, rights_of
from windlass_hub.isolation.network_policies import API_SERVER_PORTS, HUB_PODS, PROXY_PODS, rules, selector
from windlass_hub.settings import Settings

from .model import Peer, Pods, Right, Role

Object = dict[str, Any]

_RBAC = "rbac.authorization.k8s.io"
NOTEBOOK_PORT = 8888
_NOTEBOOKS = {"app": "jupyterhub", "component": "singleuser-server"}


def cluster_role(role: Role, description: str) -> Object:
    """A ClusterRole with the table's rights; it holds where it is bound."""
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": _metadata(role.value, description),
        "rules": [_rule(right) for right in rights_of(role)],
    }


def namespaced_role(role: Role, namespace: str, description: str) -> Object:
    """A Role of one namespace with the table's rights."""
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "Role",
        "metadata": {**_metadata(role.value, description), "namespace": namespace},
        "rules": [_rule(right) for right in rights_of(role)],
    }


def cluster_binding(role: Role, *subjects: Object) -> Object:
    """Binds a ClusterRole in the whole cluster."""
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": role.value},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role.value},
        "subjects": list(subjects),
    }


def binding(role: Role, namespace: str, *subjects: Object, kind: str = "Role") -> Object:
    """Binds a Role, or a ClusterRole, in one namespace."""
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": role.value, "namespace": namespace},
        "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": role.value},
        "subjects": list(subjects),
    }


def account(name: str, namespace: str) -> Object:
    """A ServiceAccount as the subject of a binding."""
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}


def user_roles() -> list[Object]:
    """What the users' accounts may do."""
    everyone = {"apiGroup": _RBAC, "kind": "Group", "name": "system:serviceaccounts"}
    return [
        cluster_role(Role.USER, "What a user's account may do in the user's own namespace; the hub binds it there."),
        cluster_role(
            Role.USER_CLUSTER_READ, "Templates and classes of the whole cluster, to read. Nothing of anybody."
        ),
        cluster_binding(Role.USER_CLUSTER_READ, everyone),
    ]


def hub_roles(settings: Settings, *, hub_namespace: str) -> list[Object]:
    """What the hub's account may do."""
    hub = account(settings.hub_account, hub_namespace)
    return [
        cluster_role(Role.HUB, "The hub: users' namespaces and the bindings in them. Admission fences it."),
        cluster_binding(Role.HUB, hub),
        cluster_role(Role.HUB_NAMESPACE, "The hub in each user's namespace; it binds this itself."),
        cluster_role(Role.HUB_NOTEBOOKS, "The hub where notebooks run."),
        binding(Role.HUB_NOTEBOOKS, hub_namespace, hub, kind="ClusterRole"),
        namespaced_role(Role.HUB_CATALOGUE, hub_namespace, "The hub reads the profiles."),
        binding(Role.HUB_CATALOGUE, hub_namespace, hub),
        namespaced_role(Role.HUB_API_ADDRESS, "default", "The hub reads where the API server is."),
        binding(Role.HUB_API_ADDRESS, "default", hub),
    ]


def service_roles(settings: Settings, *, hub_namespace: str) -> list[Object]:
    """What the account of the hub service may do; the hub's own, unless it has one."""
    service = account(settings.service_account or settings.hub_account, hub_namespace)
    return [
        cluster_role(Role.SERVICE, "The hub service reads capacity, and everybody's jobs to finish their records."),
        cluster_binding(Role.SERVICE, service),
        cluster_role(Role.SERVICE_NAMESPACE, "The hub service in each user's namespace; the hub binds it there."),
        namespaced_role(Role.SERVICE_CATALOGUE, hub_namespace, "The hub service keeps the profiles."),
        binding(Role.SERVICE_CATALOGUE, hub_namespace, service),
    ]


def hub_policies(settings: Settings, *, hub_namespace: str, api_server: tuple[str, ...]) -> list[Object]:
    """What z2jh's own policies leave closed: they select pods of the hub's namespace only, and no private address."""
    users = {"namespaceSelector": {"matchLabels": {HUB_LABEL: settings.hub_id}}}
    notebooks = {**users, "podSelector": {"matchLabels": {"component": notebook_component(settings.hub_id)}}}
    to_servers = [{"to": [notebooks], "ports": _ports(NOTEBOOK_PORT)}]
    api = [{"to": [{"ipBlock": {"cidr": addresses}} for addresses in api_server], "ports": _ports(*API_SERVER_PORTS)}]
    to_hub = [{"to": [{"podSelector": {"matchLabels": HUB_PODS}}], "ports": _ports(8081, 8123)}]
    # What notebooks in users' namespaces reach; the internet is z2jh's own switch.
    from_here = rules(
        Pods.NOTEBOOKS,
        "to",
        network=settings.network,
        hub_namespace=hub_namespace,
        api_server=api_server,
        without={Peer.INTERNET},
    )
    from_notebooks = {"from": [notebooks, {"podSelector": {"matchLabels": _NOTEBOOKS}}]}
    return [
        _policy(hub_namespace, "windlass-notebooks-out", _NOTEBOOKS, egress=from_here),
        _policy(
            hub_namespace,
            "windlass-hub",
            HUB_PODS,
            ingress=[
                {**from_notebooks, "ports": _ports(8081, 8123)},
                {"from": [{"podSelector": {"matchLabels": PROXY_PODS}}], "ports": _ports(8123)},
                # Hub and hub service ask each other through the Service, as if from outside.
                {"from": [{"podSelector": {"matchLabels": HUB_PODS}}], "ports": _ports(8081, 8123)},
            ],
            egress=[*to_servers, *to_hub, *api],
        ),
        _policy(
            hub_namespace,
            "windlass-proxy",
            PROXY_PODS,
            ingress=[{**from_notebooks, "ports": _ports(8000)}],
            egress=[*to_servers, *to_hub],
        ),
    ]


def cilium_policies(settings: Settings, *, hub_namespace: str) -> list[Object]:
    """The ways to the API server where Cilium enforces: there no address range stands for it, only its entity."""
    to_api = [{"toEntities": ["kube-apiserver"]}]
    of_users = {f"k8s:io.cilium.k8s.namespace.labels.{HUB_LABEL}": settings.hub_id}
    policies: list[Object] = [
        {
            "apiVersion": "cilium.io/v2",
            "kind": "CiliumClusterwideNetworkPolicy",
            "metadata": {"name": f"{way.pods.value}-api-server-{settings.hub_id}"},
            "spec": {
                "endpointSelector": {
                    "matchLabels": {**of_users, **selector(way.pods, hub_id=settings.hub_id)["matchLabels"]}
                },
                "egress": to_api,
            },
        }
        for way in WAYS
        if way.peer is Peer.API_SERVER
    ]
    beside = {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": "windlass-notebooks-api-server", "namespace": hub_namespace},
        "spec": {"endpointSelector": {"matchLabels": _NOTEBOOKS}, "egress": to_api},
    }
    return [*policies, beside]


def _rule(right: Right) -> Object:
    rule: Object = {"apiGroups": [right.group], "resources": list(right.resources)}
    if right.names:
        rule["resourceNames"] = list(right.names)
    return {**rule, "verbs": list(right.verbs)}


def _metadata(name: str, description: str) -> Object:
    return {"name": name, "annotations": {"windlass.io/description": description}}


def _ports(*ports: int) -> list[Object]:
    return [{"port": port, "protocol": "TCP"} for port in ports]


def _policy(
    namespace: str,
    name: str,
    pods: dict[str, str],
    *,
    ingress: list[Object] | None = None,
    egress: list[Object] | None = None,
) -> Object:
    spec: Object = {"podSelector": {"matchLabels": pods}, "policyTypes": []}
    for direction, opened in (("Ingress", ingress), ("Egress", egress)):
        if opened is not None:
            spec["policyTypes"].append(direction)
            spec[direction.lower()] = opened
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }
