"""The API server behind the tests: emulated, started from binaries, or somebody's real cluster."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.control_plane import ControlPlane
from tests.cluster.emulator.server import Emulator
from tests.cluster.given import Mistake, refuse_production
from tests.cluster.kubeconfig import Access, read
from tests.cluster.occupancy import PLACE, Occupancy

from windlass.kube.client import KubeClient
from windlass.kube.credentials import Credentials, StaticCredentials
from windlass.kube.errors import KubeError
from windlass.kube.resources import JOBS, NAMESPACES, NODES, PODS, SERVICE_ACCOUNTS, Resource

CONTROLLERS = {"gc", "namespace-controller", "default-service-accounts", "resource-quota"}
_SINCE_MINOR = {
    "ssa": 16,
    "token-request": 20,
    "indexed-jobs": 24,
    "openapi-v3": 24,
    "pod-security": 25,
    "release-schemas": 25,
    "pod-failure-policy": 26,
    "strict-fields": 27,
    "validating-admission-policy": 30,
}
EMULATED = {
    "ssa",
    "token-request",
    "indexed-jobs",
    "openapi-v3",
    "release-schemas",
    "pod-failure-policy",
    # Of custom kinds.
    "strict-fields",
    *CONTROLLERS,
}
PROBE_SECONDS = 5.0
_OWN_OPERATORS = {
    "PyTorchJob": "training-operator",
    "TrainJob": "trainer-controller-manager",
    "JobSet": "jobset-controller-manager",
}
_DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment", namespaced=True)


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
    occupancy: Occupancy | None = None
    """Where it is somebody's cluster."""
    operated: frozenset[str] = frozenset()
    """Kinds that it has operators for; no stand-in may meddle with those."""
    foreign: frozenset[str] = frozenset()
    """Namespaces that were there before the tests."""

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
    if plane.has_job_controller:
        server.features.add("job-controller")
    return server


def from_kubeconfig(path: Path, folder: Path, *, context: str | None = None) -> Server:
    """A cluster as its admin sees it. Raises a Mistake where it must not or cannot be tested."""
    access = read(path, context=context)
    refuse_production(context=access.context, cluster=access.cluster, server=access.server, named=context is not None)
    ca_file = None
    if access.authorities is not None:
        ca_file = folder / "cluster-ca.crt"
        ca_file.write_text(access.authorities)
    occupancy = Occupancy(lambda: read(path, context=context))
    try:
        with occupancy.unless_kept():
            token = asyncio.run(occupancy.take())
            # Not before: pods that a killed run left are nobody's.
            seen = asyncio.run(_looked_at(access))
            if asyncio.run(_has_job_controller(access)):
                seen.features.add("job-controller")
    except KubeError as error:
        why = f"The cluster of context {access.context!r} ({access.server}) cannot be tested: {error}"
        raise Mistake(why) from error

    def stop() -> None:
        if left := asyncio.run(occupancy.leave()):
            raise RuntimeError(f"The cluster would not let go of {', '.join(left)}: remove them by hand.")

    return Server(
        url=access.server,
        token=token,
        features=seen.features,
        stop=stop,
        ca_file=ca_file,
        verify=access.verify,
        fake_nodes=not seen.nodes,
        occupancy=occupancy,
        operated=seen.operated,
        foreign=seen.namespaces,
    )


@dataclass(frozen=True)
class _Seen:
    features: set[str]
    nodes: bool
    operated: frozenset[str]
    namespaces: frozenset[str]


async def _looked_at(access: Access) -> _Seen:
    """What the cluster is. Raises a Mistake where pods wait for nodes: a stand-in would run those too."""
    client = KubeClient(access)
    try:
        nodes, _ = await client.list(NODES, metadata_only=True)
        pods, _ = ([], "") if nodes else await client.list(PODS, metadata_only=True)
        if pods:
            raise Mistake(
                f"The cluster of context {access.context!r} has pods but no node now, and the tests' own stand-in for "
                "nodes would take them for its own. Let it have a node, or choose another."
            )
        # Every cluster's controllers make this one.
        accounts, _ = await client.list(SERVICE_ACCOUNTS, namespace="default", field_selector="metadata.name=default")
        features = await _features(access, controllers=bool(accounts))
        deployments, _ = ([], "") if not nodes else await client.list(_DEPLOYMENTS, metadata_only=True)
        names = [each["metadata"]["name"] for each in deployments]
        operated = frozenset(kind for kind, tail in _OWN_OPERATORS.items() if any(n.endswith(tail) for n in names))
        namespaces, _ = await client.list(NAMESPACES, metadata_only=True)
    finally:
        await client.close()
    return _Seen(features, bool(nodes), operated, frozenset(each["metadata"]["name"] for each in namespaces))


async def _features(credentials: Credentials, *, controllers: bool) -> set[str]:
    client = KubeClient(credentials)
    try:
        version = await client.version()
    finally:
        await client.close()
    minor = int(re.sub(r"\D.*", "", version["minor"]))
    found = {name for name, since in _SINCE_MINOR.items() if minor >= since}
    return found | (CONTROLLERS if controllers else set())


async def _has_job_controller(access: Access) -> bool:
    """Whether somebody says of a suspended Job that it is."""
    client = KubeClient(access)
    container = {"name": "none", "image": "example.invalid/none:1"}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    try:
        await client.create(
            JOBS, {"metadata": {"name": "probe"}, "spec": {"suspend": True, "template": template}}, namespace=PLACE
        )
        deadline = time.monotonic() + PROBE_SECONDS
        while time.monotonic() < deadline:
            job = await client.get(JOBS, "probe", namespace=PLACE)
            if job.get("status", {}).get("conditions") or job.get("status", {}).get("active"):
                return True
            await asyncio.sleep(0.1)
        return False
    finally:
        await client.delete(JOBS, "probe", namespace=PLACE, propagation="Background")
        await client.close()
