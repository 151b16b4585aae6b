"""A Kubernetes cluster as the tests see it: the emulator, a control plane started here, or a real one."""

from __future__ import annotations

import asyncio
import inspect
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cluster.emulator.faults import Faults
from tests.cluster.kubelet import Kubelet
from tests.cluster.occupancy import LABEL
from tests.cluster.operator import Operator
from tests.cluster.servers import Server

from windlass.kube.client import KubeClient
from windlass.kube.credentials import StaticCredentials
from windlass.kube.errors import KubeError, NotFound
from windlass.kube.resources import NAMESPACES, SERVICE_ACCOUNTS, Resource

FEATURES = {
    "ssa": "server-side apply",
    "token-request": "TokenRequest",
    "gc": "the garbage collector",
    "namespace-controller": "the namespace controller",
    "validating-admission-policy": "ValidatingAdmissionPolicy",
    "pod-security": "Pod Security admission",
    "default-service-accounts": "the controller that makes default ServiceAccounts",
    "resource-quota": "the controller that fills in the status of quotas",
    "openapi-v3": "schemas that everybody may read (/openapi/v3)",
    "release-schemas": "what the definitions of the operators' releases ask of a server",
    "pod-failure-policy": "policies for pods that fail",
    "indexed-jobs": "Jobs with indexes and a time to live",
    "strict-fields": "strict field validation",
}


class Cluster:
    """What the fixture `cluster` gives. Clean-up ends what was made through it."""

    def __init__(self, *, server: Server, kubelet: Kubelet | None) -> None:
        self.url = server.url
        self.token = server.token
        self.features = server.features
        self.emulator = server.emulator
        self.kubelet = kubelet
        """The fake one; None where real nodes run the pods."""
        self.run = server.occupancy.run if server.occupancy else None
        """The mark of what tests make where a run that is killed could leave it; None where nothing stays."""
        self._server = server
        self._clients: list[KubeClient] = []
        self._made: list[tuple[Resource, str, str | None]] = []
        self._admin: KubeClient | None = None

    @property
    def admin(self) -> KubeClient:
        """A client that may do everything; for the event loop of the test."""
        if self._admin is None:
            self._admin = self.client_for(self.token)
        return self._admin

    @property
    def faults(self) -> Faults:
        """Emulator only: mark the test with `emulator`."""
        if self.emulator is None:
            pytest.skip("Faults can be injected into the emulator only.")
        return self.emulator.faults

    def operator(self, *kinds: str, jobs: bool = True) -> Operator:
        """A stand-in operator, not started yet, for these kinds; with `jobs` for Jobs too where nobody else does.

        Kinds that somebody's cluster has an operator for are left to that one.
        """
        return Operator(
            self.credentials(),
            kinds=tuple(kind for kind in kinds if kind not in self._server.operated),
            jobs=jobs and "job-controller" not in self.features,
            foreign=self._server.foreign,
        )

    def needs_stand_ins(self) -> None:
        """Skip the test where nodes are real: it says what becomes of pods."""
        if self.kubelet is None:
            pytest.skip("This test decides what becomes of pods, and this cluster's nodes do.")

    def needs(self, *features: str) -> None:
        """Skip the test, saying why, where the server lacks something."""
        for feature in features:
            if feature not in self.features:
                pytest.skip(f"This server has not got {FEATURES[feature]}.")

    def credentials(self, token: str | None = None) -> StaticCredentials:
        """For a client of your own, in whatever event loop; the admin's where no token is given."""
        return self._server.credentials(token)

    def client_for(self, token: str, *, timeout_seconds: float = 10) -> KubeClient:
        """A client with that bearer token, closed at the end of the test."""
        client = KubeClient(self.credentials(token), timeout_seconds=timeout_seconds)
        self._clients.append(client)
        return client

    def kubeconfig(self, path: Path, *, token: str | None = None, namespace: str = "default") -> Path:
        """Write a kubeconfig for processes and other libraries."""
        cluster: dict[str, Any] = {"server": self.url}
        if self._server.ca_file is not None:
            cluster["certificate-authority"] = str(self._server.ca_file)
        elif not self._server.verify:
            cluster["insecure-skip-tls-verify"] = True
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": token or self.token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": namespace}}],
            "current-context": "test",
        }
        path.write_text(yaml.safe_dump(content))
        return path

    def unique(self, prefix: str = "wl-test") -> str:
        """A name that no other test has."""
        return f"{prefix}-{uuid.uuid4().hex[:8]}"

    async def namespace(self, prefix: str = "wl-test", *, labels: dict[str, str] | None = None) -> str:
        """A new namespace, ready for pods; removed at the end of the test."""
        name = self.unique(prefix)
        await self.create(NAMESPACES, {"metadata": {"name": name, "labels": labels or {}}})
        await self._default_account(name)
        return name

    async def create(self, resource: Resource, body: dict[str, Any], *, namespace: str | None = None) -> dict[str, Any]:
        """Make an object as the admin; removed at the end of the test."""
        # Of kinds that it got from a definition a real server wants to be told what they are.
        body = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
        if self.run is not None and not resource.namespaced:
            metadata = body["metadata"]
            body = {**body, "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), LABEL: self.run}}}
        made = await self.admin.create(resource, body, namespace=namespace)
        self.remove_later(resource, made["metadata"]["name"], namespace=namespace)
        return made

    def remove_later(self, resource: Resource, name: str, *, namespace: str | None = None) -> None:
        """Remove it at the end of the test, whoever makes it; what is gone by then does not matter."""
        self._made.append((resource, name, namespace))
        if self._server.occupancy is not None:
            self._server.occupancy.made[resource, name, namespace] = None

    async def account(self, namespace: str, name: str = "tester") -> KubeClient:
        """A client that is a new ServiceAccount, without any rights until a binding gives it some."""
        await self.admin.create(SERVICE_ACCOUNTS, {"metadata": {"name": name}}, namespace=namespace)
        return self.client_for(await self.account_token(namespace, name))

    async def account_token(self, namespace: str, name: str, *, seconds: int = 3600) -> str:
        """A token of a ServiceAccount that is there."""
        self.needs("token-request")
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        answer = await self.admin.subresource(SERVICE_ACCOUNTS, name, "token", namespace=namespace, body=body)
        return str(answer["status"]["token"])

    async def close(self) -> None:
        """Remove what was made, newest first, and close the clients."""
        if self.emulator is None:
            for made in reversed(self._made):
                await self._remove(*made)
        for client in self._clients:
            await client.close()

    async def _remove(self, resource: Resource, name: str, namespace: str | None) -> None:
        """What cannot be removed now is at the end of the run."""
        try:
            await self.admin.delete(resource, name, namespace=namespace, propagation="Background")
        except NotFound:
            pass
        except KubeError:
            return
        if self._server.occupancy is not None and resource != NAMESPACES:
            self._server.occupancy.made.pop((resource, name, namespace), None)

    async def _default_account(self, namespace: str) -> None:
        """Pods are refused until the default account is there; without its controller it is made here."""
        if "default-service-accounts" not in self.features:
            await self.admin.create(SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, namespace=namespace)
            return

        async def there() -> bool:
            try:
                await self.admin.get(SERVICE_ACCOUNTS, "default", namespace=namespace)
            except NotFound:
                return False
            return True

        await eventually(there, what=f"the default account of {namespace}")


async def eventually(condition: Callable[[], Any], *, seconds: float = 20.0, what: str = "it") -> Any:
    """What `condition` (plain or a coroutine function) gives once it gives something true."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds} s")
        await asyncio.sleep(0.02)
