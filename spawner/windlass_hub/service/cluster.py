"""The cluster as the service asks it, and as users' servers reach it: one API server, by an address they can use."""

from __future__ import annotations

import logging
from pathlib import Path

from kubernetes_asyncio.client import Configuration

from windlass_hub.hub_kube import service_client
from windlass_hub.settings import Settings

from .state import Cluster

log = logging.getLogger("windlass_hub.service")


def cluster_of(settings: Settings) -> Cluster:
    """The cluster of this hub.

    Raises:
        hub_kube.NoKubernetes: there is none.
    """
    client = service_client(settings)
    configuration = Configuration.get_default_copy()  # What the client was made with.
    server = settings.kubernetes_server or str(configuration.host)
    return Cluster(client=client, server=server.rstrip("/"), ca_pem=_certificates(configuration.ssl_ca_cert))


def _certificates(path: str | None) -> str | None:
    """The certificates that sign the server's; None where the system's do."""
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        log.warning("The cluster's certificates cannot be read from %s: %s", path, type(error).__name__)
        return None
