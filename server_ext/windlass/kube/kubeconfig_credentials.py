"""A kubeconfig's context as the client takes credentials.

The files are read again when the server refuses what they gave: people log in while their server runs. The address
stays the same for as long as this lives.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from ssl import SSLContext

from windlass.kube.certificates import ClientCertificate, server_trust
from windlass.kube.errors import Unavailable
from windlass.kube.kubeconfig import Context, read_context
from windlass.kube.logins import Login, authorities, check_user, login

LATE_SECONDS = 5.0
"""How long after a new login further complaints are taken to be about the one before: many requests fail at once."""


class KubeconfigCredentials:
    """Keeps the protocols `kube.credentials.Credentials` and `Routed`; `headers` is asked before `ssl` is read."""

    def __init__(
        self,
        context: Context,
        *,
        files: Sequence[Path],
        environ: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Use `open_context`. Raises Unavailable for what cannot be used here."""
        check_user(context)
        self.server = _server(context)
        self.proxy = _proxy(context)
        self.tls_server_name: str | None = str(context.cluster.get("tls-server-name") or "") or None
        self.ssl: SSLContext | bool | None = None
        self._context = context
        self._files = files
        self._environ = environ
        self._clock = clock
        self._lock = asyncio.Lock()
        self._login: Login | None = None
        self._shown: ClientCertificate | None = None
        self._given: str | None = None
        self._stale = False
        self._renewed_at: float | None = None

    @property
    def namespace(self) -> str:
        """The context's namespace."""
        return self._context.namespace

    async def headers(self) -> dict[str, str]:
        """The token, where the context's user has one. Raises Unavailable with what to do."""
        async with self._lock:
            if self._login is None or self._stale:
                self._login = await asyncio.to_thread(self._enter)
                fresh, self._stale = True, False
            else:
                fresh = False
            self._given = await self._login.token()
            if fresh or self._login.certificate != self._shown:
                self._shown = self._login.certificate
                self.ssl = await asyncio.to_thread(self._trust)
            return {} if self._given is None else {"Authorization": f"Bearer {self._given}"}

    async def refresh(self) -> None:
        """The server did not accept this: read the files again, and log in anew."""
        now = self._clock()
        if self._renewed_at is None or now - self._renewed_at >= LATE_SECONDS:
            self._renewed_at = now
            self._stale = True

    def _enter(self) -> Login:
        if self._stale:
            found = read_context(self._files, name=self._context.name)
            check_user(found)
            if _server(found) != self.server:
                raise _refuse("The kubeconfig names another address than before: start this server anew to use it.")
            self._context = found
        return login(self._context, environ=self._environ, refused=self._given if self._stale else None)

    def _trust(self) -> SSLContext | bool | None:
        cluster = self._context.cluster
        verify = cluster.get("insecure-skip-tls-verify") is not True
        pem = authorities(cluster)
        if pem is not None and not verify:
            raise _refuse(
                "The kubeconfig's cluster has a certificate authority and insecure-skip-tls-verify: remove one of them."
            )
        return server_trust(authorities=pem, verify=verify, own=self._shown)

    def __repr__(self) -> str:
        return f"KubeconfigCredentials({self._context.name!r})"


async def open_context(
    files: Sequence[Path], *, environ: Mapping[str, str], name: str | None = None
) -> KubeconfigCredentials:
    """The way in by that context, else the current one; nothing is asked of the cluster. Raises Unavailable."""
    context = await asyncio.to_thread(read_context, files, name=name)
    return KubeconfigCredentials(context, files=files, environ=environ)


def _server(context: Context) -> str:
    server = str(context.cluster.get("server") or "").rstrip("/")
    if not server.startswith(("https://", "http://")):
        raise _refuse(f"The cluster of the kubeconfig's context {context.name} has no address (`server`).")
    return server


def _proxy(context: Context) -> str | None:
    proxy = str(context.cluster.get("proxy-url") or "")
    if proxy and not proxy.startswith(("http://", "https://")):
        raise _refuse(
            f"The kubeconfig's context {context.name} goes through a proxy that is not http or https, which Windlass"
            " cannot use."
        )
    return proxy or None


def _refuse(sentence: str) -> Unavailable:
    return Unavailable(sentence, reason="NoAccess")
