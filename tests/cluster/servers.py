"""The API server behind the tests: emulated, started from binaries, or somebody's real cluster."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.control_plane import ControlPlane
from tests.cluster.emulator.server import Emulator
from tests.cluster.kubeconfig import Access, read

from windlass.kube.client import KubeClient
from windlass.kube.credentials import Credentials, StaticCredentials
from windlass.kube.errors import NotFound
from windlass.kube.resources import CLUSTER_ROLE_BINDINGS, NODES, SERVICE_ACCOUNTS

CONTROLLERS = {"gc", "namespace-controller", "default-service-accounts", "resource-quota"}
EMULATED = {"ssa", "token-request", *CONTROLLERS}
_SINCE_MINOR = {
    "ssa": 16,
    "token-request": 20,
    "pod-security": 25,
    "strict-fields": 27,
    "validating-admission-policy": 30,
}
_ADMIN = "windlass-test-admin"
_ADMIN_SECONDS = 6 * 3600


@dataclass(kw_only=True)
class Server:
    """Where it is, who its admin is, what it can do, and how to end it."""

    url: str
    token: str
    features: set[str]
    stop: Callable[[], None]
    ca_file: Path | None = None
    verify: bool = True
    emulator: Emulator | None = None
    fake_nodes: bool = True

    def credentials(self, token: str | None = None) -> StaticCredentials:
        context: ssl.SSLContext | bool | None = None if self.verify else False
        if self.ca_file is not None:
            context = ssl.create_default_context(cafile=str(self.ca_file))
        return StaticCredentials(self.url, token or self.token, context)


def emulated() -> Server:
    emulator = Emulator().start()
    return Server(
        url=emulator.url,
        token=emulator.api.tokens.admin,
        features=set(EMULATED),
        stop=emulator.stop,
        emulator=emulator,
    )


def from_assets(binaries: Path, folder: Path) -> Server:
    """A control plane without nodes, from `etcd`, `kube-apiserver` and `kube-controller-manager` if there."""
    plane = ControlPlane(binaries=binaries, folder=folder)
    plane.start()
    server = Server(url=plane.url, token=plane.token, features=set(), stop=plane.stop, ca_file=plane.ca_file)
    server.features = asyncio.run(_features(server.credentials(), controllers=plane.has_controllers))
    return server


def from_kubeconfig(path: Path, folder: Path) -> Server:
    """A cluster as its admin sees it; the tests' admin is an account of their own, removed at the end."""
    access = read(path)
    ca_file = None
    if access.authorities is not None:
        ca_file = folder / "cluster-ca.crt"
        ca_file.write_text(access.authorities)
    token, features, nodes = asyncio.run(_admitted(access))
    return Server(
        url=access.server,
        token=token,
        features=features,
        stop=lambda: asyncio.run(_dismissed(access)),
        ca_file=ca_file,
        verify=access.verify,
        fake_nodes=not nodes,
    )


async def _features(credentials: Credentials, *, controllers: bool) -> set[str]:
    client = KubeClient(credentials)
    try:
        version = await client.version()
    finally:
        await client.close()
    minor = int(re.sub(r"\D.*", "", version["minor"]))
    found = {name for name, since in _SINCE_MINOR.items() if minor >= since}
    return found | (CONTROLLERS if controllers else set())


async def _admitted(access: Access) -> tuple[str, set[str], bool]:
    """A token of the tests' own admin, what the server can do, and whether it has nodes."""
    client = KubeClient(access)
    account: dict[str, Any] = {"metadata": {"name": _ADMIN, "namespace": "kube-system"}}
    binding = {
        "metadata": {"name": _ADMIN},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": _ADMIN, "namespace": "kube-system"}],
    }
    try:
        await client.apply(SERVICE_ACCOUNTS, account)
        await client.apply(CLUSTER_ROLE_BINDINGS, binding)
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
        body["spec"] = {"expirationSeconds": _ADMIN_SECONDS}  # type: ignore[assignment]
        answer = await client.subresource(SERVICE_ACCOUNTS, _ADMIN, "token", namespace="kube-system", body=body)
        nodes, _ = await client.list(NODES)
        # Every cluster's controllers make this one.
        accounts, _ = await client.list(SERVICE_ACCOUNTS, namespace="default", field_selector="metadata.name=default")
        features = await _features(access, controllers=bool(accounts))
    finally:
        await client.close()
    return answer["status"]["token"], features, bool(nodes)


async def _dismissed(access: Access) -> None:
    client = KubeClient(access)
    try:
        await client.delete(CLUSTER_ROLE_BINDINGS, _ADMIN)
        await client.delete(SERVICE_ACCOUNTS, _ADMIN, namespace="kube-system")
    except NotFound:
        return
    finally:
        await client.close()
