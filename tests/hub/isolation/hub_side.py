"""A cluster in which an administrator has applied what hub-config/rbac says, and a hub with the account it gets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml
from tests.cluster.cluster import Cluster

from windlass.kube.client import KubeClient
from windlass.kube.errors import NotFound
from windlass.kube.resources import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    NAMESPACES,
    ROLE_BINDINGS,
    ROLES,
    SELF_SUBJECT_ACCESS_REVIEWS,
    Resource,
)
from windlass_hub.isolation.ensuring import Isolation, UserNamespace
from windlass_hub.profiles.access import Person
from windlass_hub.profiles.model import Catalogue, load_catalogue
from windlass_hub.rights.rendering import rendered
from windlass_hub.settings import Settings

KINDS = {kind.kind: kind for kind in (CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS, ROLES, ROLE_BINDINGS)}
ADA = Person(name="ada")
CATALOGUE = load_catalogue(
    {
        "profiles": [
            {
                "slug": "t4",
                "display_name": "T4",
                "cpu": "4",
                "memory": "16G",
                "gpu": {"product": "Tesla-T4"},
                "node_selector": {"gpu-type": "t4"},
            }
        ],
        "quotas": {
            "default": {"cpu": "8", "memory": "32Gi", "gpus": {"nvidia.com/gpu": 1}, "pods": 20, "jobs": 3},
            "groups": {"big": {"gpus": {"nvidia.com/gpu": 8}}},
        },
    }
)


@dataclass
class HubSide:
    """A hub's account, the settings it runs with, and the cluster it is in."""

    cluster: Cluster
    settings: Settings
    client: KubeClient
    made: list[str] = field(default_factory=list)

    def isolation(self, *, patience_seconds: float = 20.0, **changes: Any) -> Isolation:
        settings = self.settings.model_copy(update=changes)
        return Isolation(self.client, settings=settings, patience_seconds=patience_seconds)

    async def ensure(self, person: Person = ADA, catalogue: Catalogue = CATALOGUE, **changes: Any) -> UserNamespace:
        # Also where it refuses half way.
        self.cluster.remove_later(NAMESPACES, self.name_of(person.name))
        made = await self.isolation(**changes).ensure(person, catalogue=catalogue)
        self.cluster.remove_later(NAMESPACES, made.name)
        return made

    async def user(self, made: UserNamespace) -> KubeClient:
        """A client that is the user's account."""
        return self.cluster.client_for(await self.cluster.account_token(made.name, made.service_account))

    def name_of(self, username: str) -> str:
        return f"{self.settings.namespace_prefix}-{self.settings.hub_id}--{username}"


async def hub_side(cluster: Cluster, *, rbac: bool = True, **changes: Any) -> HubSide:
    """Apply the generated RBAC for a hub of its own, and be that hub."""
    cluster.needs("ssa", "token-request")
    namespace = await cluster.namespace("wl-hub")
    client = await cluster.account(namespace, "hub")
    settings = Settings(
        hub_namespace=namespace, namespace_prefix="wlt", hub_id=cluster.unique("h")[-8:].strip("-"), **changes
    )
    if rbac:
        for path, text in rendered(settings, hub_namespace=namespace, api_server=("192.0.2.1/32",)).items():
            if path.startswith("rbac/"):
                for item in yaml.safe_load_all(text):
                    await _apply(cluster, KINDS[item["kind"]], item)
    return HubSide(cluster=cluster, settings=settings, client=client)


async def may(
    client: KubeClient, verb: str, resource: str, *, group: str = "", namespace: str = "", name: str = ""
) -> bool:
    """What the cluster's own authorizer says."""
    plural, _, subresource = resource.partition("/")
    attributes = {
        "verb": verb,
        "group": group,
        "resource": plural,
        "subresource": subresource,
        "namespace": namespace,
        "name": name,
    }
    spec = {"resourceAttributes": {key: value for key, value in attributes.items() if value}}
    answer = await client.create(SELF_SUBJECT_ACCESS_REVIEWS, {"spec": spec})
    return bool(answer["status"]["allowed"])


async def found(
    client: KubeClient, resource: Resource, name: str, namespace: str | None = None
) -> dict[str, Any] | None:
    try:
        return await client.get(resource, name, namespace=namespace)
    except NotFound:
        return None


async def _apply(cluster: Cluster, resource: Resource, item: dict[str, Any]) -> None:
    metadata = item["metadata"]
    await cluster.admin.apply(resource, item)
    cluster.remove_later(resource, metadata["name"], namespace=metadata.get("namespace"))
