"""One spawner object through several starts, and users and clusters that make it hard."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from kubernetes_asyncio.client import ApiClient
from tests.hub.spawner.conftest import Hubs

from windlass.kube.resources import NAMESPACES, PODS

pytestmark = pytest.mark.cluster

EVERYTHING = """
profiles:
  - {slug: cpu, display_name: CPU, cpu: 2, memory: 4G, default: true}
  - slug: all
    display_name: Everything that can be set
    cpu: 4
    memory: 16G
    cpu_guarantee: 1
    memory_guarantee: 1G
    gpu: {product: Tesla-T4, count: 2}
    node_selector: {gpu-type: t4}
    tolerations: [{key: ours, effect: NoSchedule}]
    spot: true
    images: [torch]
    interface: vscode
    volumes:
      - {name: data, mount_path: /data, claim: data}
      - {name: shm, mount_path: /dev/shm, scratch: 1Gi, in_memory: true}
    environment: {MODE: gpu, BRACES: '{"a": {username}}'}
    priority_class: high
    runtime_class: nvidia
  - slug: slice
    display_name: A slice
    cpu: 1
    memory: 2G
    gpu: {product: A100-SXM4-40GB, count: 1, mode: mig, mig_profile: 1g.5gb}
images:
  - {slug: torch, display_name: Torch, image: "registry.example/torch:1", interfaces: [jupyterlab, vscode]}
"""
BASE: dict[str, Any] = {
    "tolerations": [{"key": "base", "operator": "Exists"}],
    "volumes": {"home": {"name": "home", "emptyDir": {}}},
    "volume_mounts": {"home": {"name": "home", "mountPath": "/home/jovyan"}},
    "environment": {"MODE": "hub", "HUB": "1"},
    "node_selector": {"pool": "users"},
    "extra_resource_limits": {"example.com/fuse": "1"},
    "extra_pod_config": {"dnsPolicy": "Default"},
    "priority_class_name": "low",
    "image": "registry.example/base:1",
    "cpu_limit": 1,
}


@pytest.fixture
def everything(tmp_path: Path) -> str:
    file = tmp_path / "profiles.yaml"
    file.write_text(EVERYTHING)
    return f"file:{file}"


async def manifest(spawner: Any, slug: str) -> Any:
    spawner.user_options = {"profile": slug}
    spawner.clear_state()
    await spawner.load_user_options()
    return ApiClient.sanitize_for_serialization(ApiClient.__new__(ApiClient), await spawner.get_pod_manifest())


@pytest.mark.parametrize("after", ["cpu", "slice", "all"])
async def test_a_start_is_as_if_no_other_profile_had_been_started_before(
    hubs: Hubs, everything: str, after: str
) -> None:
    used, fresh = (hubs.spawner(profile_store=everything, **BASE) for _ in range(2))
    used.hub = fresh.hub
    alone = await manifest(fresh, after)
    for before in ("all", "slice", "all", "all", "cpu"):
        await manifest(used, before)
        assert await manifest(used, after) == alone
        assert used.default_url == fresh.default_url


async def test_extended_resources_are_limits_and_requests_of_the_pod(hubs: Hubs, everything: str) -> None:
    spawner = hubs.spawner(profile_store=everything, **BASE)
    for slug, resource, count in (("all", "nvidia.com/gpu", "2"), ("slice", "nvidia.com/mig-1g.5gb", "1")):
        resources = (await manifest(spawner, slug))["spec"]["containers"][0]["resources"]
        assert resources["limits"][resource] == resources["requests"][resource] == count
        assert resources["limits"]["example.com/fuse"] == "1"  # the hub's own


# Whatever an identity provider calls people; two that look alike once they are cut down to a label are two.
HOSTILE = ("7-up", "..", "Ünï-コード", "ünï-コード", "a" * 200, "a" * 201, "a@b.c", "a-b-c", "<b>", "-a-", "{userid}")


async def test_whatever_users_are_called_each_has_a_server_of_their_own(hubs: Hubs, everything: str) -> None:
    spawners = [hubs.spawner(name, profile_store=everything) for name in HOSTILE]
    await asyncio.gather(*(spawner.start() for spawner in spawners))
    found, _ = await hubs.cluster.admin.list(PODS, namespace=hubs.namespace)
    owners = [pod["metadata"]["annotations"]["hub.jupyter.org/username"] for pod in found]
    assert sorted(owners) == sorted(HOSTILE)
    for spawner in spawners:
        assert await spawner.poll() is None
        assert {event["involvedObject"]["name"] for event in spawner.events} == {spawner.pod_name}
    await asyncio.gather(*(spawner.stop() for spawner in spawners))


async def test_whatever_users_are_called_each_has_a_namespace_of_their_own(hubs: Hubs, everything: str) -> None:
    hubs.cluster.needs("ssa")
    own = {"isolation": "own", "hub_id": hubs.cluster.unique("hub"), "windlass_settings": {"hub_namespace": "default"}}
    spawners = [hubs.spawner(name, profile_store=everything, **own) for name in HOSTILE]
    for spawner in spawners:
        hubs.cluster.remove_later(NAMESPACES, spawner.namespace)
    await asyncio.gather(*(spawner.start() for spawner in spawners))
    assert len({spawner.namespace for spawner in spawners}) == len(HOSTILE)
    assert [await spawner.poll() for spawner in spawners] == [None] * len(HOSTILE)
    await asyncio.gather(*(spawner.stop() for spawner in spawners))
