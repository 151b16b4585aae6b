"""Pod Security and the admission policies where a server has them: a real cluster, not the emulator."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cluster.cluster import Cluster, eventually
from tests.hub.isolation.hub_side import HubSide, hub_side

from windlass.kube.errors import Forbidden, KubeError
from windlass.kube.resources import (
    CONFIG_MAPS,
    NAMESPACES,
    PODS,
    VALIDATING_ADMISSION_POLICIES,
    VALIDATING_ADMISSION_POLICY_BINDINGS,
)
from windlass_hub.rights.admission import hub_fence, user_pods

pytestmark = pytest.mark.cluster

KINDS = {kind.kind: kind for kind in (VALIDATING_ADMISSION_POLICIES, VALIDATING_ADMISSION_POLICY_BINDINGS)}
FENCED_SECONDS = 60


def pod(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "probe"}, "spec": {"containers": [{"name": "main", "image": "x:1"}], **spec}}


async def apply(cluster: Cluster, policies: list[dict[str, Any]]) -> None:
    for item in policies:
        await cluster.admin.apply(KINDS[item["kind"]], item)
        cluster.remove_later(KINDS[item["kind"]], item["metadata"]["name"])


async def refusal(cluster: Cluster, namespace: str, body: dict[str, Any]) -> str:
    """Why a pod would be refused, without making it; empty where it would not."""
    try:
        await cluster.admin.create(PODS, body, namespace=namespace, dry_run=True)
    except Forbidden as error:
        return error.message
    return ""


async def test_pod_security_refuses_what_reaches_the_node(cluster: Cluster) -> None:
    cluster.needs("pod-security")
    made = await (await hub_side(cluster)).ensure()
    volume = {"name": "v", "hostPath": {"path": "/"}}
    assert "PodSecurity" in await refusal(cluster, made.name, pod(volumes=[volume]))
    assert await refusal(cluster, made.name, pod()) == ""


async def test_jobs_are_held_to_the_profiles_of_their_user(cluster: Cluster) -> None:
    cluster.needs("validating-admission-policy")
    hub = await hub_side(cluster)
    made = await hub.ensure()
    await apply(cluster, user_pods(hub.settings, hub_namespace=hub.settings.hub_namespace))
    taint = [{"key": "dedicated", "operator": "Exists"}]

    async def in_force() -> bool:
        return "tolerates these taints" in await refusal(cluster, made.name, pod(tolerations=taint))

    await eventually(in_force, seconds=FENCED_SECONDS, what="the policy")
    assert "None of your profiles has such nodes" in await refusal(
        cluster, made.name, pod(nodeSelector={"node.kubernetes.io/instance-type": "p5.48xlarge"})
    )
    gpu = {"name": "main", "image": "x:1", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    assert "has these GPUs" in await refusal(cluster, made.name, pod(containers=[gpu]))
    assert await refusal(cluster, made.name, pod(containers=[gpu], nodeSelector={"gpu-type": "t4"})) == ""
    assert await refusal(cluster, made.name, pod()) == ""


async def test_the_hub_is_fenced_into_its_users_namespaces(cluster: Cluster) -> None:
    cluster.needs("validating-admission-policy")
    hub = await hub_side(cluster)
    other = await cluster.namespace("wl-other")
    await apply(cluster, hub_fence(hub.settings, hub_namespace=hub.settings.hub_namespace))
    await eventually(lambda: _refused(hub), seconds=FENCED_SECONDS, what="the fence")
    label = {"metadata": {"labels": {"windlass.io/hub": hub.settings.hub_id}}}
    with pytest.raises(KubeError, match="only namespaces it has made"):
        await hub.client.patch(NAMESPACES, other, label)
    with pytest.raises(KubeError, match="only namespaces it has made"):
        await hub.client.delete(NAMESPACES, other)
    made = await hub.ensure()
    assert await hub.ensure() == made
    assert await cluster.admin.list(CONFIG_MAPS, namespace=made.name)
    assert await hub.isolation().remove("ada") == [made.name]


async def _refused(hub: HubSide) -> bool:
    body = {"metadata": {"name": hub.cluster.unique("elsewhere")}}
    try:
        await hub.client.create(NAMESPACES, body, dry_run=True)
    except KubeError as error:
        return "The hub makes only namespaces" in error.message
    return False
