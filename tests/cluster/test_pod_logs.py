"""The address of pods' logs, as a kubelet behind an API server answers it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cluster.cluster import Cluster, eventually

from windlass.kube.client import KubeClient
from windlass.kube.errors import Invalid, NotFound
from windlass.kube.resources import PODS

pytestmark = pytest.mark.emulator

SECOND = 1_795_000_000


async def make(cluster: Cluster, *, outcome: str = "running", containers: tuple[str, ...] = ("main",)) -> str:
    namespace = await cluster.namespace()
    cluster.kubelet.behave(outcome, namespace=namespace)
    spec = {"containers": [{"name": name, "image": "x"} for name in containers]}
    await cluster.create(PODS, {"metadata": {"name": "a"}, "spec": spec}, namespace=namespace)
    if outcome == "running":
        await eventually(lambda: is_running(cluster.admin, namespace), seconds=20, what="the pod runs")
    return namespace


async def is_running(client: KubeClient, namespace: str) -> bool:
    return (await client.get(PODS, "a", namespace=namespace)).get("status", {}).get("phase") == "Running"


async def read(cluster: Cluster, namespace: str, **query: Any) -> bytes:
    path = PODS.path(namespace=namespace, name="a", subresource="log")
    parameters = {name: str(value) for name, value in query.items()}
    return b"".join([chunk async for chunk in cluster.admin.chunks(path, query=parameters, seconds=20)])


def write(cluster: Cluster, namespace: str, content: bytes, time_ns: int) -> None:
    cluster.emulator.call(lambda: cluster.emulator.api.logs.of(namespace, "a").write(content, time_ns))


async def test_stamps_times_and_limits(cluster: Cluster) -> None:
    namespace = await make(cluster)
    for number in range(3):
        write(cluster, namespace, b"line %d\n" % number, (SECOND + number) * 10**9 + 5)
    assert await read(cluster, namespace) == b"line 0\nline 1\nline 2\n"
    stamped = await read(cluster, namespace, timestamps="true", sinceTime="2026-11-18T11:06:42Z")
    assert stamped == b"2026-11-18T11:06:42.000000005Z line 2\n"
    assert await read(cluster, namespace, sinceTime="2026-11-18T11:06:41Z", limitBytes=9) == b"line 1\nli"
    assert await read(cluster, namespace, tailLines=2) == b"line 1\nline 2\n"
    assert await read(cluster, namespace, tailLines=0) == b""


async def test_a_long_line_is_stamped_once_and_its_rest_is_served_without(cluster: Cluster) -> None:
    namespace = await make(cluster)
    write(cluster, namespace, b"x" * 20_000, SECOND * 10**9)
    write(cluster, namespace, b"y\n", (SECOND + 1) * 10**9)
    whole = await read(cluster, namespace, timestamps="true")
    assert whole.startswith(b"2026-11-18T11:06:40.000000000Z xxx")
    assert whole.endswith(b"xy\n")
    assert whole.count(b"Z ") == 1
    rest = await read(cluster, namespace, timestamps="true", sinceTime="2026-11-18T11:06:41Z")
    assert rest == b"x" * (20_000 - 16_384) + b"y\n"


async def test_a_container_that_waits_and_one_that_is_not_there(cluster: Cluster) -> None:
    namespace = await make(cluster, outcome="pending", containers=("main", "side"))
    for query, message in [
        ({"container": "main"}, 'container "main" in pod "a" is waiting to start: ContainerCreating'),
        ({"container": "other"}, "container other is not valid for pod a"),
        ({}, r"a container name must be specified for pod a, choose one of: \[main side\]"),
        ({"container": "main", "previous": "true"}, 'previous terminated container "main" in pod "a" not found'),
    ]:
        with pytest.raises(Invalid, match=message):
            await read(cluster, namespace, **query)
    path = PODS.path(namespace=namespace, name="none", subresource="log")
    with pytest.raises(NotFound):
        await cluster.admin.chunks(path, query={}, seconds=5).__anext__()
