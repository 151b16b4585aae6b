"""How this server's cluster is used, as an administrator or a user sets it: plain values that cost nothing to make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ClusterSettings:
    """All of it may be left out."""

    owner: str = ""
    """The person this server belongs to: jobs of theirs are taken over from the cluster, others' are left alone."""
    context: str | None = None
    """Of the kubeconfig; its current one when None."""
    namespace: str | None = None
    """Where jobs go; where the hub, the pod or the kubeconfig says when None."""
    image: str | None = None
    """What jobs run in that name no image; the notebook server's own, else the catalogue's first, when None."""
    python: str = "python"
    """The interpreter in images, as found on their PATH."""
    tracking_uri: str | None = None
    """MLflow as pods reach it, where that is another address than this server's."""
    index_url: str | None = None
    """The package index for what images lack; the user's Secret's or the image's own setting when None."""
    install_packages: bool = True
    """Whether jobs may install what their image lacks; off where no index can be reached."""
    pull_secrets: Sequence[str] = ()
    """Names of the Secrets that images are pulled with."""
    service_account: str | None = None
    """The account of jobs' pods (without its token); the namespace's default when None."""
    restricted: bool = True
    """Keep pods to the *restricted* Pod Security profile."""
    user_id: int = 1000
    """Who jobs run as under that profile; Jupyter's images have it."""
    group_id: int = 100
    """The group that volumes are made writable for."""
