"""Kubernetes clients for the hub and for the hub service, with the credentials that KubeSpawner itself uses.

KubeSpawner configures kubernetes_asyncio (in a pod: the ServiceAccount, else the kubeconfig) and lets an admin set the
address, the CA and the check. What Windlass asks of the cluster must reach the same server as the same account, without
a second place to configure. This module knows no object of ours.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine
from functools import lru_cache
from typing import Any

from kubernetes_asyncio import config as kubernetes_config
from kubernetes_asyncio.client import Configuration
from kubespawner.clients import load_config

from windlass.kube.client import KubeClient

from .settings import Settings

_Key = tuple[asyncio.AbstractEventLoop, str, str, "bool | None"]
_clients: dict[_Key, KubeClient] = {}
_closers: set[asyncio.Task[None]] = set()


class NoKubernetes(Exception):
    """There is no cluster to speak to: neither a ServiceAccount nor a usable kubeconfig."""


class ConfiguredCredentials:
    """A kubernetes_asyncio Configuration as KubeClient asks for it: address, certificates and the token of the minute.

    Args:
        configuration: as `load_config` left it, with the admin's own address and CA in it.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration

    @property
    def server(self) -> str:
        """The address of the API server."""
        return str(self._configuration.host).rstrip("/")

    @property
    def ssl(self) -> ssl.SSLContext | bool | None:
        """The context that checks the server and shows our client certificate, made once per set of files."""
        found = self._configuration
        if self.server.startswith("http://"):
            return None
        return _context(found.ssl_ca_cert, found.cert_file, found.key_file, bool(found.verify_ssl))

    async def headers(self) -> dict[str, str]:
        """The bearer token; a ServiceAccount's is read again from its file each minute."""
        token = await self._configuration.get_api_key_with_prefix("BearerToken")
        return {"Authorization": token} if token else {}

    async def refresh(self) -> None:
        """Load token and client certificate anew; the address and the CA stay as the admin set them.

        Where that is not possible (the file is gone for a moment) the old ones stay and the server refuses again.
        """
        fresh = Configuration()
        try:
            await _load(fresh)
        except (kubernetes_config.ConfigException, OSError):
            return
        kept = self._configuration
        kept.api_key, kept.refresh_api_key_hook = fresh.api_key, fresh.refresh_api_key_hook
        kept.cert_file, kept.key_file = fresh.cert_file, fresh.key_file
        _context.cache_clear()

    def __repr__(self) -> str:
        return f"ConfiguredCredentials({self.server!r})"


def hub_client(*, host: str = "", ssl_ca_cert: str = "", verify_ssl: bool | None = None) -> KubeClient:
    """The hub's client, one per event loop; it is closed when the loop's tasks are cancelled, as JupyterHub does.

    Args:
        host: KubeSpawner's `k8s_api_host`; left out, as the cluster or the kubeconfig says. So with the next two.
        ssl_ca_cert: KubeSpawner's `k8s_api_ssl_ca_cert`, the path of a file.
        verify_ssl: KubeSpawner's `k8s_api_verify_ssl`.

    Raises:
        NoKubernetes: no cluster is configured.
    """
    key = (asyncio.get_running_loop(), host, ssl_ca_cert, verify_ssl)
    if key not in _clients:
        _clients[key] = KubeClient(_credentials(host=host, ssl_ca_cert=ssl_ca_cert, verify_ssl=verify_ssl))
        _keep(_close_at_end(key))
    return _clients[key]


def service_client(settings: Settings) -> KubeClient:
    """A client for the hub service's own process; the caller closes it.

    Args:
        settings: of the hub; a hub without Kubernetes has none.

    Raises:
        NoKubernetes: no cluster is configured, or the hub starts its servers without one.
    """
    if settings.spawner != "kubernetes":
        raise NoKubernetes("This hub starts its servers on this machine, without Kubernetes.")
    return KubeClient(_credentials(host="", ssl_ca_cert="", verify_ssl=None))


def _credentials(*, host: str, ssl_ca_cert: str, verify_ssl: bool | None) -> ConfiguredCredentials:
    try:
        # The very arguments KubeSpawner gives: the call is cached by them, and a second load would undo its settings.
        load_config(host=host, ssl_ca_cert=ssl_ca_cert, verify_ssl=verify_ssl)
    except (kubernetes_config.ConfigException, OSError) as error:
        raise NoKubernetes(f"There is no Kubernetes cluster to speak to: {error}") from error
    return ConfiguredCredentials(Configuration.get_default_copy())


async def _load(configuration: Configuration) -> None:
    try:
        kubernetes_config.load_incluster_config(configuration)  # type: ignore[no-untyped-call]  # the library's own
    except kubernetes_config.ConfigException:
        await kubernetes_config.load_kube_config(client_configuration=configuration)


@lru_cache(maxsize=8)
def _context(ca: str | None, certificate: str | None, key: str | None, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca or None)
    if certificate:
        context.load_cert_chain(certificate, keyfile=key or None)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _keep(coroutine: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(coroutine, name="windlass-close-kubernetes-client")
    _closers.add(task)
    task.add_done_callback(_closers.discard)


async def _close_at_end(key: _Key) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        await _clients.pop(key).close()
