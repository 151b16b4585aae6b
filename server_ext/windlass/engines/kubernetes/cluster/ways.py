"""Which ways into a cluster there seem to be. Looks at files alone, and loads no client: a server starts with this.

How each way is taken is known by `connecting`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from windlass.kube.in_cluster import FOLDER, is_in_cluster
from windlass.kube.kubeconfig import kubeconfig_files

if TYPE_CHECKING:
    from windlass.hub.broker import HubBroker

Origin = Literal["hub", "in-cluster", "kubeconfig"]

NO_WAY = (
    "There is no way to a cluster: no hub gives this server a token, it runs in no pod with a service account, and"
    " there is no kubeconfig. Write one with your cluster's own tool, or set KUBECONFIG."
)


def ways(*, broker: HubBroker | None, environ: Mapping[str, str], service_account: Path = FOLDER) -> tuple[Origin, ...]:
    """The ways that there seem to be, the first of them first. Looks at files alone."""
    found: list[Origin] = []
    if broker is not None:
        found.append("hub")
    listed = bool(environ.get("KUBECONFIG"))
    if listed and kubeconfig_files(environ):
        found.append("kubeconfig")
    if is_in_cluster(environ, folder=service_account):
        found.append("in-cluster")
    if not listed and kubeconfig_files(environ):
        found.append("kubeconfig")
    return tuple(found)
