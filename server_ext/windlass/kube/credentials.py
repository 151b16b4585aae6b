"""Who we are to the API server, as the client needs to know it; where that comes from is each source's own business."""

from __future__ import annotations

from ssl import SSLContext
from typing import Protocol, runtime_checkable


class Credentials(Protocol):
    """An API server's address and what proves who asks; asked anew for each request, so that it may change."""

    @property
    def server(self) -> str:
        """The address, as https://host:port or with a path below it."""

    @property
    def ssl(self) -> SSLContext | bool | None:
        """How to check the server's certificate: None as the system does, False not at all."""

    async def headers(self) -> dict[str, str]:
        """The headers to send; they are never logged."""

    async def refresh(self) -> None:
        """Get new ones: the server answered 401. Called at most once per request."""


@runtime_checkable
class Routed(Protocol):
    """Credentials that also say by which way the server is reached; a kubeconfig can."""

    proxy: str | None
    """The address of an HTTP proxy, with its own user and password where it wants them."""
    tls_server_name: str | None
    """The name the server's certificate is for, where that is not the address's."""


class StaticCredentials:
    """An address and at most one token, as given."""

    def __init__(self, server: str, token: str | None = None, ssl: SSLContext | bool | None = None) -> None:
        self.server = server.rstrip("/")
        self.ssl = ssl
        self._token = token

    async def headers(self) -> dict[str, str]:
        """The token as a bearer's."""
        return {} if self._token is None else {"Authorization": f"Bearer {self._token}"}

    async def refresh(self) -> None:
        """There is nothing to get anew."""

    def __repr__(self) -> str:
        return f"StaticCredentials({self.server!r})"
