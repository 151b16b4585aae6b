"""The broker's tokens as the Kubernetes client takes credentials: none is mounted in the pod, and none is on disk."""

from __future__ import annotations

import ssl

from windlass.contract.hub import KubernetesToken
from windlass.errors import WindlassError
from windlass.hub.broker import HubBroker
from windlass.kube.errors import Unavailable


class BrokerCredentials:
    """Keeps the protocol `windlass.kube.credentials.Credentials`; `headers` is asked before the other two are read."""

    def __init__(self, broker: HubBroker) -> None:
        self._broker = broker
        self._token: KubernetesToken | None = None
        self._context: tuple[str, ssl.SSLContext] | None = None

    @property
    def server(self) -> str:
        """The API server's address, as the hub says it."""
        return self._known().server

    @property
    def ssl(self) -> ssl.SSLContext | None:
        """Trusts the cluster's own certificates where the hub named them, else the system's."""
        pem = self._known().ca_pem
        if not pem:
            return None
        if self._context is None or self._context[0] != pem:
            self._context = (pem, _trusting(pem))
        return self._context[1]

    async def namespace(self) -> str:
        """The namespace that the token opens. Raises windlass.kube.errors.Unavailable."""
        return (await self._fresh()).namespace

    async def headers(self) -> dict[str, str]:
        """A token that still holds for a while. Raises windlass.kube.errors.Unavailable with the hub's sentence."""
        return {"Authorization": f"Bearer {(await self._fresh()).token}"}

    async def refresh(self) -> None:
        """The API server refused the token: get another one for the next request."""
        await self._broker.forget_token(self._token)

    def __repr__(self) -> str:
        return f"BrokerCredentials({self._broker!r})"

    async def _fresh(self) -> KubernetesToken:
        try:
            self._token = await self._broker.token()
        except WindlassError as error:
            raise Unavailable(str(error), reason="NoToken") from error
        return self._token

    def _known(self) -> KubernetesToken:
        if self._token is None:
            raise Unavailable("No token was asked of the hub yet.", reason="NoToken")
        return self._token


def _trusting(pem: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cadata=pem)
    except (ssl.SSLError, TypeError, ValueError) as error:
        message = "The hub names certificates of the cluster that are none: tell its admins."
        raise Unavailable(message, reason="Certificate") from error
