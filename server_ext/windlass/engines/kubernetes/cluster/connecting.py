"""Which cluster jobs go to, and as whom: the hub's, the one this server runs in, or the one a kubeconfig names.

The hub comes first and is final: while it does not answer, no other cluster is taken in its place, where jobs would
run unseen and with other rights. A hub that gives no tokens at all stands in nobody's way. A kubeconfig that
`KUBECONFIG` names was chosen by somebody and comes before the pod's own account, as with kubectl; the one that just
lies in the home folder comes after it. Nothing is asked of the cluster itself here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from windlass.engines.kubernetes.cluster.ways import NO_WAY, Origin, ways
from windlass.errors import Unavailable, WindlassError
from windlass.hub.broker import HubBroker
from windlass.hub.credentials import BrokerCredentials
from windlass.kube.client import KubeClient
from windlass.kube.credentials import Credentials
from windlass.kube.errors import KubeError
from windlass.kube.in_cluster import FOLDER, in_cluster
from windlass.kube.kubeconfig import kubeconfig_files
from windlass.kube.kubeconfig_credentials import open_context


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A way into a cluster. Whoever asked for it closes `client`."""

    client: KubeClient
    namespace: str
    """Where jobs go."""
    origin: Origin
    server: str
    """The API server's address."""


async def connect(
    *,
    broker: HubBroker | None,
    environ: Mapping[str, str],
    context: str | None = None,
    service_account: Path = FOLDER,
) -> Connection:
    """Take the first way there is.

    Args:
        broker: the hub's, where there is a hub.
        environ: this process's environment.
        context: of the kubeconfig; its current one when None.
        service_account: the folder of the pod's token.

    Raises:
        Unavailable: there is no way, or what stands in the one there is.
    """
    found = await asyncio.to_thread(ways, broker=broker, environ=environ, service_account=service_account)
    if broker is not None and not await _gives_tokens(broker):
        broker, found = None, found[1:]
        if not found:
            raise Unavailable("This hub gives no tokens for a cluster, so jobs cannot be sent to one: ask its admins.")
    if not found:
        raise Unavailable(NO_WAY)
    try:
        if broker is not None:
            ours = BrokerCredentials(broker)
            return await _entered(ours, await ours.namespace(), "hub")
        if found[0] == "in-cluster":
            pod = await in_cluster(environ, folder=service_account)
            return await _entered(pod, await pod.namespace(), "in-cluster")
        files = await asyncio.to_thread(kubeconfig_files, environ)
        chosen = await open_context(files, environ=environ, name=context)
        return await _entered(chosen, chosen.namespace, "kubeconfig")
    except KubeError as error:
        raise Unavailable(error.message) from error


async def _gives_tokens(broker: HubBroker) -> bool:
    """Raises Unavailable where the hub does not answer."""
    try:
        return "token" in (await broker.me()).features
    except Unavailable:
        raise
    except WindlassError as error:
        raise Unavailable(str(error)) from error


async def _entered(credentials: Credentials, namespace: str, origin: Origin) -> Connection:
    """Show the credentials once, so that a login that fails is told now and not at the first job."""
    await credentials.headers()
    return Connection(client=KubeClient(credentials), namespace=namespace, origin=origin, server=credentials.server)
