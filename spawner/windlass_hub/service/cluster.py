"""The cluster as the service asks it, and as users' servers reach it: one API server, by an address they can use."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from kubernetes_asyncio.client import Configuration

from windlass_hub.hub_kube import service_client
from windlass_hub.settings import Settings

from .state import Cluster

log = logging.getLogger("windlass_hub.service")

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")
"""Nothing else of the file is passed on: beside certificates there may be a key in it."""


def cluster_of(settings: Settings) -> Cluster:
    """The cluster of this hub.

    Raises:
        hub_kube.NoKubernetes: there is none.
    """
    client = service_client(settings)
    configuration = Configuration.get_default_copy()  # What the client was made with.
    server = settings.kubernetes_server or str(configuration.host)
    return Cluster(client=client, server=server.rstrip("/"), ca_pem=certificates_in(configuration.ssl_ca_cert))


def certificates_in(path: str | None) -> str | None:
    """The certificates that sign the server's, without the remarks around them; None where the system's do."""
    if not path:
        return None
    try:
        text = Path(path).read_bytes().decode("ascii", "replace")
    except OSError as error:
        log.warning("The cluster's certificates cannot be read from %s: %s", path, type(error).__name__)
        return None
    blocks = _CERTIFICATE.findall(text)
    if not blocks:
        log.warning("There are no certificates in %s: users' servers will not trust the cluster.", path)
    return "\n".join(blocks) + "\n" if blocks else None
