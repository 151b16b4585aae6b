"""Whether a worker fits on some node, and whether there are such GPUs."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from tests.cluster.cluster import Cluster
from tests.cluster.crds import install
from tests.engines.kubernetes.preflight.looking import by_rule, look, one

from windlass.contract.hub import ClusterCapacity, NodeCapacity, PoolCapacity
from windlass.contract.preview import Severity
from windlass.kube.resources import PYTORCH_JOBS

pytestmark = pytest.mark.emulator

GPU = "nvidia.com/gpu"
PRODUCT = "nvidia.com/gpu.product"
TAINT = {"key": GPU, "effect": "NoSchedule"}


async def gpu_node(cluster: Cluster, name: str, product: str = "A100", **has: str) -> None:
    assert cluster.kubelet is not None
    await cluster.kubelet.add_node(name, labels={PRODUCT: product}, taints=[TAINT], **({GPU: "4"} | has))


def hub(*nodes: NodeCapacity, pools: tuple[str, ...] = (), complete: bool = True) -> dict[str, Any]:
    capacity = ClusterCapacity(
        source="kubernetes",
        complete=complete,
        taken_at=datetime(2026, 11, 23, tzinfo=timezone.utc),
        nodes=list(nodes),
        pools=[PoolCapacity(name=name) for name in pools],
    )
    return {"capacity": capacity}


async def test_a_product_that_there_is_fits(cluster: Cluster) -> None:
    await gpu_node(cluster, "gpu-1")
    found = await look(
        cluster.admin, "default", spec={"gpus_per_worker": 4}, options={"gpu": {"product": "A100"}, "cpu": 8}
    )
    assert not [each for each in found if each.rule in ("gpu-missing", "gpu-few", "worker-too-large", "node-selector")]


async def test_a_product_that_there_is_not_offers_one_that_there_is(cluster: Cluster) -> None:
    await gpu_node(cluster, "gpu-1")
    spec, options = {"gpus_per_worker": 1}, {"gpu": {"product": "H100"}}
    found = one(await look(cluster.admin, "default", spec=spec, options=options), "gpu-missing")
    assert found.severity is Severity.WARNING
    assert found.message.startswith("No node of the cluster has H100 now.")
    assert found.apply == {
        "cluster": {"gpu": {"product": "A100", "share": "whole", "mig_profile": None, "resource": GPU}}
    }


async def test_a_mig_profile_that_there_is_not(cluster: Cluster) -> None:
    await gpu_node(cluster, "gpu-1", **{GPU: "0", "nvidia.com/mig-1g.5gb": "7"})
    options = {"gpu": {"share": "mig", "mig_profile": "3g.20gb"}}
    found = one(await look(cluster.admin, "default", spec={"gpus_per_worker": 1}, options=options), "gpu-missing")
    assert "nvidia.com/mig-3g.20gb" in found.message
    assert found.apply is not None
    assert found.apply["cluster"]["gpu"]["mig_profile"] == "1g.5gb"  # type: ignore[index,call-overload]


async def test_fewer_in_all_than_are_asked_for(cluster: Cluster) -> None:
    await install(cluster, PYTORCH_JOBS)
    await gpu_node(cluster, "gpu-1")
    spec = {"workers": 4, "gpus_per_worker": 2}
    found = one(await look(cluster.admin, "default", kind="PyTorchJob", spec=spec), "gpu-few")
    assert found.apply == {"workers": 2}


async def test_more_gpus_than_one_node_has(cluster: Cluster) -> None:
    for name in ("gpu-1", "gpu-2"):
        await gpu_node(cluster, name)
    found = one(await look(cluster.admin, "default", spec={"gpus_per_worker": 8}), "worker-too-large")
    assert found.severity is Severity.WARNING
    assert "No node has 8 GPUs (the most is 4 GPUs)" in found.message
    assert found.apply == {"gpus_per_worker": 4}


async def test_more_memory_than_a_node_has_is_offered_a_little_less_than_all_of_it(cluster: Cluster) -> None:
    assert cluster.kubelet is not None
    await cluster.kubelet.add_node("small", cpu="4", memory="10Gi")
    found = one(await look(cluster.admin, "default", options={"memory_bytes": 64 * 2**30}), "worker-too-large")
    assert found.apply == {"cluster": {"memory_bytes": 9 * 2**30}}
    assert not by_rule(await look(cluster.admin, "default", options={"memory_bytes": 9 * 2**30}), "worker-too-large")


async def test_labels_that_no_node_has(cluster: Cluster) -> None:
    assert cluster.kubelet is not None
    await cluster.kubelet.add_node("cpu-1", labels={"disk": "ssd"})
    found = one(await look(cluster.admin, "default", options={"node_selector": {"disk": "nvme"}}), "node-selector")
    assert "disk=nvme" in found.message
    assert found.apply == {"cluster": {"node_selector": {"disk": None}}}
    assert not by_rule(
        await look(cluster.admin, "default", options={"node_selector": {"disk": "ssd"}}), "node-selector"
    )


async def test_a_taint_that_is_not_tolerated(cluster: Cluster) -> None:
    assert cluster.kubelet is not None
    await cluster.kubelet.add_node("team-1", taints=[{"key": "team", "value": "b", "effect": "NoSchedule"}])
    found = one(await look(cluster.admin, "default"), "worker-too-large")
    assert "taints that it does not tolerate (team)" in found.message
    borne = await look(cluster.admin, "default", options={"tolerations": [{"key": "team", "value": "b"}]})
    assert not by_rule(borne, "worker-too-large")


async def test_nodes_that_the_account_may_not_read_are_said_to_be_unknown(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    client = await cluster.account(namespace, "ann")
    found = await look(client, namespace, spec={"gpus_per_worker": 1})
    messages = [finding.message for finding in by_rule(found, "not-checked")]
    assert any("whether a worker fits on a node (your account may not read" in message for message in messages)
    assert any("the cluster's GPUs" in message for message in messages)
    assert not by_rule(found, "gpu-missing")


async def test_on_a_hub_its_view_of_the_nodes_counts_and_karpenter_may_start_others(cluster: Cluster) -> None:
    node = NodeCapacity(name="a", ready=True, cpu_cores=8, memory_bytes=32 * 2**30, gpus={GPU: 1}, gpu_product="T4")
    large = {"memory_bytes": 64 * 2**30}
    fixed = one(await look(cluster.admin, "default", options=large, more=hub(node)), "worker-too-large")
    assert fixed.severity is Severity.WARNING
    grows = one(await look(cluster.admin, "default", options=large, more=hub(node, pools=("p",))), "worker-too-large")
    assert grows.severity is Severity.INFO
    assert grows.message.endswith("Karpenter may start one.")
    suits = await look(
        cluster.admin, "default", spec={"gpus_per_worker": 1}, options={"gpu": {"product": "T4"}}, more=hub(node)
    )
    assert not by_rule(suits, "worker-too-large")
    assert not by_rule(suits, "node-selector")


@pytest.mark.parametrize(("selector", "complete"), [({"disk": "ssd"}, True), ({}, False)])
async def test_what_the_hub_does_not_say_is_not_guessed(
    cluster: Cluster, selector: dict[str, str], complete: bool
) -> None:
    more = hub(NodeCapacity(name="a", ready=True), complete=complete)
    found = await look(cluster.admin, "default", options={"node_selector": selector}, more=more)
    assert any("whether a worker fits" in finding.message for finding in by_rule(found, "not-checked"))
    assert not by_rule(found, "node-selector")
