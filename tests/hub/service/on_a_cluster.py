"""The service on a cluster with the rights that its account has there, and no others."""

from __future__ import annotations

import ssl

from tests.cluster.cluster import Cluster

from windlass.kube.client import KubeClient
from windlass.kube.resources import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    NAMESPACES,
    ROLE_BINDINGS,
    ROLES,
)
from windlass_hub.isolation.ensuring import Isolation
from windlass_hub.profiles.access import Person
from windlass_hub.profiles.model import load_catalogue
from windlass_hub.rights.manifests import service_roles, user_roles
from windlass_hub.service.state import Cluster as ServiceCluster
from windlass_hub.settings import Settings

ACCOUNT = "hub-service"
_RESOURCES = {found.kind: found for found in (CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS, ROLES, ROLE_BINDINGS)}


async def cluster_settings(settings: Settings, cluster: Cluster) -> Settings:
    """Settings of a hub that nobody else has on this cluster, in a namespace of its own."""
    update = {
        "spawner": "kubernetes",
        "isolation": "beside",
        "hub_id": cluster.unique("h"),
        "hub_namespace": await cluster.namespace("hub"),
        "service_account": ACCOUNT,
    }
    return settings.model_copy(update=update)


async def service_client(cluster: Cluster, settings: Settings) -> KubeClient:
    """The service's own client, once what an administrator applies is applied."""
    client = await cluster.account(settings.hub_namespace, ACCOUNT)
    for body in (*user_roles(), *service_roles(settings, hub_namespace=settings.hub_namespace)):
        resource = _RESOURCES[body["kind"]]
        await cluster.admin.apply(resource, body)
        cluster.remove_later(resource, body["metadata"]["name"], namespace=body["metadata"].get("namespace"))
    return client


async def make_namespace(cluster: Cluster, settings: Settings, name: str) -> str:
    """As the spawner makes it when a server starts."""
    made = await Isolation(cluster.admin, settings=settings).ensure(Person(name=name), catalogue=load_catalogue({}))
    cluster.remove_later(NAMESPACES, made.name)
    return made.name


async def service_cluster(cluster: Cluster, settings: Settings) -> ServiceCluster:
    """The cluster as the service hands it on: with the certificates that sign its own."""
    return ServiceCluster(
        client=await service_client(cluster, settings), server=cluster.url, ca_pem=certificates_of(cluster) or None
    )


def certificates_of(cluster: Cluster) -> str:
    """What a client must trust; empty where the server speaks plain HTTP or the system's certificates do."""
    context = cluster.credentials().ssl
    signers = context.get_ca_certs(binary_form=True) if isinstance(context, ssl.SSLContext) else []
    return "".join(map(ssl.DER_cert_to_PEM_cert, signers))
