"""Pods that really run as processes: what tests of the whole way may count on."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.processes_kubelet import available

from windlass.kube.errors import NotFound
from windlass.kube.resources import CONFIG_MAPS, EVENTS, PODS, SECRETS

pytestmark = [pytest.mark.cluster, pytest.mark.emulator]

Object = dict[str, Any]


@pytest_asyncio.fixture
async def namespace(cluster: Cluster, tmp_path: Path) -> AsyncIterator[str]:
    if not available():
        pytest.skip("This machine does not let us make namespaces for mounts and processes.")
    cluster.kubelet.run_processes(tmp_path / "pods", emulator=cluster.emulator)
    yield await cluster.namespace()
    assert cluster.kubelet.refused == []


def pod(*command: str, policy: str = "Never", volumes: list[Object] | None = None, **more: Any) -> Object:
    mounts = more.pop("mounts", [])
    container = {"name": "main", "image": "example.invalid/x:1", "command": list(command), "volumeMounts": mounts}
    init = [{**container, "name": "first", "command": more.pop("init")}] if "init" in more else []
    spec = {"restartPolicy": policy, "containers": [{**container, **more}], "initContainers": init}
    return {
        "metadata": {"name": "one"},
        "spec": {**spec, "volumes": volumes or [], "terminationGracePeriodSeconds": 20},
    }


class Looking:
    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    async def log(self, name: str, **query: str) -> str:
        path = PODS.path(namespace=self._namespace, name=name, subresource="log")
        pieces = [piece async for piece in self._cluster.admin.chunks(path, query=query, seconds=30)]
        return b"".join(pieces).decode()

    async def phase(self, name: str, *phases: str) -> Object:
        async def there() -> Object | None:
            try:
                item = await self._cluster.admin.get(PODS, name, namespace=self._namespace)
            except NotFound:
                return None
            return item if item["status"].get("phase") in phases else None

        return await eventually(there, seconds=60, what=f"{name} {phases}")


async def test_a_pod_runs_with_its_volumes_variables_and_log(cluster: Cluster, namespace: str) -> None:
    look = Looking(cluster, namespace)
    await cluster.create(
        CONFIG_MAPS, {"metadata": {"name": "map"}, "data": {"a.txt": "from the map"}}, namespace=namespace
    )
    secret = {"metadata": {"name": "secret"}, "data": {"KEY": base64.b64encode(b"hush").decode()}}
    await cluster.create(SECRETS, secret, namespace=namespace)
    volumes = [{"name": "map", "configMap": {"name": "map"}}, {"name": "scratch", "emptyDir": {}}]
    mounts = [
        {"name": "map", "mountPath": "/etc/windlass", "readOnly": True},
        {"name": "scratch", "mountPath": "/windlass"},
    ]
    env = [
        {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "secret", "key": "KEY"}}},
        {"name": "NONE", "valueFrom": {"secretKeyRef": {"name": "secret", "key": "NO", "optional": True}}},
        {"name": "ME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "BOTH", "value": "$(ME) $$(ME) $(NOT)"},
    ]
    script = (
        'cat /etc/windlass/a.txt; echo; cat /windlass/left; echo "$SECRET $ME $BOTH ${NONE-none}";'
        "touch /etc/windlass/x || exit 4"
    )
    body = pod(
        "sh", "-c", script, volumes=volumes, mounts=mounts, env=env, init=["sh", "-c", "echo kept > /windlass/left"]
    )
    await cluster.create(PODS, body, namespace=namespace)
    ended = await look.phase("one", "Succeeded", "Failed")
    (status,) = ended["status"]["containerStatuses"]
    assert status["state"]["terminated"]["exitCode"] == 4
    lines = (await look.log("one")).splitlines()
    assert lines[:3] == ["from the map", "kept", "hush one one $(ME) $(NOT) none"]


async def test_a_log_is_followed_while_the_pod_runs_and_ends_with_it(cluster: Cluster, namespace: str) -> None:
    look = Looking(cluster, namespace)
    volumes, mounts = (
        [{"name": "go", "persistentVolumeClaim": {"claimName": "go"}}],
        [{"name": "go", "mountPath": "/go"}],
    )
    script = "echo begun; while [ ! -e /go/on ]; do sleep 0.05; done; echo done"
    await cluster.create(PODS, pod("sh", "-c", script, volumes=volumes, mounts=mounts), namespace=namespace)
    await look.phase("one", "Running")
    path, lines = PODS.path(namespace=namespace, name="one", subresource="log"), []
    async for line in cluster.admin.lines(path, query={"follow": "true"}, seconds=60):
        lines.append(line)
        if line == b"begun":
            other = pod("touch", "/go/on", volumes=volumes, mounts=mounts)
            other["metadata"]["name"] = "other"
            await cluster.create(PODS, other, namespace=namespace)
    assert lines == [b"begun", b"done"]


async def test_a_container_is_started_again_and_the_log_before_is_kept(cluster: Cluster, namespace: str) -> None:
    look = Looking(cluster, namespace)
    volumes, mounts = [{"name": "v", "emptyDir": {}}], [{"name": "v", "mountPath": "/windlass"}]
    script = "if [ -e /windlass/again ]; then echo second; else echo first; touch /windlass/again; exit 9; fi"
    body = pod("sh", "-c", script, policy="OnFailure", volumes=volumes, mounts=mounts)
    await cluster.create(PODS, body, namespace=namespace)
    ended = await look.phase("one", "Succeeded")
    (status,) = ended["status"]["containerStatuses"]
    assert (status["restartCount"], status["lastState"]["terminated"]["exitCode"]) == (1, 9)
    assert await look.log("one") == "second\n"
    assert await look.log("one", previous="true") == "first\n"


async def test_a_pod_waits_for_what_it_mounts_and_says_so(cluster: Cluster, namespace: str) -> None:
    look = Looking(cluster, namespace)
    volumes, mounts = [{"name": "m", "configMap": {"name": "late"}}], [{"name": "m", "mountPath": "/windlass"}]
    await cluster.create(PODS, pod("cat", "/windlass/a", volumes=volumes, mounts=mounts), namespace=namespace)

    async def told() -> bool:
        events, _ = await cluster.admin.list(EVENTS, namespace=namespace)
        return any(each["reason"] == "FailedMount" and '"late" not found' in each["message"] for each in events)

    await eventually(told, what="the event")
    await cluster.create(CONFIG_MAPS, {"metadata": {"name": "late"}, "data": {"a": "there"}}, namespace=namespace)
    await look.phase("one", "Succeeded")
    assert await look.log("one") == "there\n"


async def test_a_pod_that_is_deleted_is_told_to_end_and_leaves_no_process(cluster: Cluster, namespace: str) -> None:
    look = Looking(cluster, namespace)
    mark = cluster.unique("sleeper")
    script = f"trap 'echo told; exit 0' TERM; echo begun; sleep 600 & : {mark}; wait"
    await cluster.create(PODS, pod("sh", "-c", script), namespace=namespace)
    await look.phase("one", "Running")
    path, lines = PODS.path(namespace=namespace, name="one", subresource="log"), []
    async for line in cluster.admin.lines(path, query={"follow": "true"}, seconds=60):
        lines.append(line)
        if line == b"begun":
            await cluster.admin.delete(PODS, "one", namespace=namespace)
    assert lines == [b"begun", b"told"]
    processes = [path for path in Path("/proc").glob("[0-9]*/cmdline") if mark.encode() in _read(path)]
    assert processes == []


def _read(path: Path) -> bytes:
    """A process may end while it is looked at."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
