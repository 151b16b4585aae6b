"""The way in that a pod is given: the ServiceAccount's token, the cluster's certificates and the namespace, as files.

The kubelet writes token and certificates anew while the pod runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from ssl import SSLContext

from windlass.kube.certificates import server_trust
from windlass.kube.errors import Unavailable
from windlass.kube.token_file import TokenFile

FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_HOST, _PORT = "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"


def is_in_cluster(environ: Mapping[str, str], *, folder: Path = FOLDER) -> bool:
    """Whether this process runs in a pod that was given a token. Pods on a hub are not: they ask the broker."""
    return bool(environ.get(_HOST)) and (folder / "token").is_file()


async def in_cluster(environ: Mapping[str, str], *, folder: Path = FOLDER) -> InClusterCredentials:
    """The credentials of this pod's account. Raises Unavailable where a file is missing."""
    host, port = environ.get(_HOST, ""), environ.get(_PORT) or "443"
    if not host:
        raise Unavailable("This server does not run in a cluster.", reason="NoAccess")
    credentials = InClusterCredentials(f"https://{f'[{host}]' if ':' in host else host}:{port}", folder=folder)
    await credentials.headers()
    return credentials


class InClusterCredentials:
    """Keeps the protocol `kube.credentials.Credentials`; `headers` is asked before the other two are read."""

    def __init__(self, server: str, *, folder: Path) -> None:
        self.server = server
        self.ssl: SSLContext | bool | None = None
        self._folder = folder
        self._token = TokenFile(folder / "token")
        self._authorities: str | None = None

    async def namespace(self) -> str:
        """The pod's own namespace. Raises Unavailable where it is not said."""
        name = await asyncio.to_thread(self._text, "namespace")
        return name.strip()

    async def headers(self) -> dict[str, str]:
        """The token as it is now. Raises Unavailable."""
        before = self._token.read_at
        token = await self._token.token()
        if self._token.read_at != before:
            await asyncio.to_thread(self._trust)
        return {"Authorization": f"Bearer {token}"}

    async def refresh(self) -> None:
        """The server did not accept the token: read it again."""
        self._token.forget()

    def _trust(self) -> None:
        authorities = self._text("ca.crt")
        if authorities != self._authorities:
            self.ssl = server_trust(authorities=authorities)
            self._authorities = authorities

    def _text(self, name: str) -> str:
        try:
            return (self._folder / name).read_text(encoding="utf-8")
        except OSError as error:
            message = f"The pod's service account lacks its file {self._folder / name}: {error.strerror}."
            raise Unavailable(message, reason="NoAccess") from error

    def __repr__(self) -> str:
        return f"InClusterCredentials({self.server!r})"
