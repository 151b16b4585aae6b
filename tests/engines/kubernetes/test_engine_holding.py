"""What jobs hold in a cluster, from real pods on real nodes: by the account's own right, and through a hub."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cluster.cluster import Cluster, eventually
from tests.engines.kubernetes.engines import Engine, engine_on, spec
from tests.engines.kubernetes.hub import a_hub

from windlass.costs.holding import Held
from windlass.engines.base import KnowsHoldings, State
from windlass.engines.kubernetes.cluster.node_facts import NodeFacts
from windlass.kube.resources import PODS

pytestmark = pytest.mark.cluster

JOB = "jtest0000000001"
NAME = f"train-it-{JOB}"
NODE = {"node.kubernetes.io/instance-type": "g5.12xlarge", "karpenter.sh/capacity-type": "spot"}


async def held_by(made: Engine) -> tuple[Held, ...]:
    found = await made.engine.holding(JOB)
    return () if found is None else found.held


async def test_pods_hold_their_part_of_the_node_they_are_on_until_each_ends(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    cluster.needs_stand_ins()
    await cluster.kubelet.add_node("gpu-node", labels=NODE, cpu="48", memory="192Gi")
    options = {"image": "example.invalid/torch:1", "cpu": 4, "memory_bytes": 8 * 2**30}
    async with engine_on(cluster, namespace, tmp_path) as made:
        assert isinstance(made.engine, KnowsHoldings)
        await made.engine.submit(spec(tmp_path, cluster=options))
        await made.reaches(JOB, State.RUNNING)

        async def placed() -> bool:
            return [each.instance_type for each in await held_by(made)] == ["g5.12xlarge"] * 2

        await eventually(placed, seconds=20, what="what the node is being known")
        running = await held_by(made)
        assert {(each.cores, each.memory_gib, each.capacity, each.until) for each in running} == {(4, 8, "spot", None)}
        assert all(each.shape is not None and each.shape.cores == 48 for each in running)
        for name in (f"{NAME}-worker-0", f"{NAME}-master-0"):
            await cluster.kubelet.become(namespace, name, "succeeded")
        await made.reaches(JOB, State.SUCCEEDED, seconds=50)
        ended = await made.engine.holding(JOB)
    assert ended is not None
    assert ended.missing == ""
    assert all(each.since is not None and each.until is not None and each.until >= each.since for each in ended.held)
    # Another server of the user reads the same, without a cluster.
    async with engine_on(cluster, namespace, tmp_path) as again:
        assert await again.engine.holding(JOB) == ended
        assert await again.engine.holding("jnever000000000") is None


async def test_a_job_whose_pods_were_deleted_held_until_then_and_waiting_pods_hold_nothing(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        cluster.kubelet.behave("unschedulable", namespace=namespace)
        await made.engine.submit(spec(tmp_path))

        async def waits() -> bool:
            return [each.since for each in await held_by(made)] == [None, None]

        await eventually(waits, seconds=20, what="two pods waiting")
        cluster.kubelet.behave("running", namespace=namespace)
        await made.reaches(JOB, State.RUNNING)
        await made.engine.stop(JOB, reason="Enough.")
        await made.reaches(JOB, State.STOPPED)

        async def over() -> bool:
            held = await held_by(made)
            return bool(held) and all(each.ended and each.until is not None for each in held if each.since is not None)

        await eventually(over, seconds=20, what="all pods having ended")


async def test_on_a_hub_nodes_are_asked_of_the_hub_once(cluster: Cluster) -> None:
    async with a_hub() as hub:
        hub.answers["capacity"] = {
            "source": "kubernetes",
            "complete": True,
            "nodes": [
                {
                    "name": "n1",
                    "ready": True,
                    "instance_type": "g4dn.xlarge",
                    "region": "eu-west-1",
                    "spot": None,
                    "gpu_product": "Tesla-T4",
                    "gpu_sharing": "time-slicing",
                    "gpu_replicas": 4,
                    "cpu_cores": 4.0,
                    "memory_bytes": 16 * 2**30,
                    "gpus": {"nvidia.com/gpu": 4},
                }
            ],
        }
        facts = NodeFacts()
        assert facts.may_ask({"n1"})
        assert await facts.learn({"n1"}, client=cluster.admin, broker=hub.broker)
        node = facts.get("n1")
        assert node is not None
        assert node.is_whole
        assert node.labels["nvidia.com/gpu.replicas"] == "4"
        assert node.shape is not None
        # Four shares are one card.
        assert (node.shape.gpus, node.shape.cores, node.shape.memory_gib) == (1, 4, 16)
        assert not facts.may_ask({"n1"})
        assert not await facts.learn({"n2"}, client=cluster.admin, broker=hub.broker)
        # One that nobody has is not asked for on and on.
        assert not facts.may_ask({"n2"})
        assert hub.asked == ["capacity", "capacity"]


@pytest.mark.emulator
async def test_who_may_not_read_nodes_leaves_them_unknown_and_goes_on(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    await cluster.kubelet.add_node("secret-node", labels=NODE)
    refused = cluster.faults.fail("GET", "/nodes/secret-node", 403, "nodes is forbidden", times=None)
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path))
        await made.reaches(JOB, State.RUNNING)
        pods, _ = await cluster.admin.list(PODS, namespace=namespace)
        assert {pod["spec"]["nodeName"] for pod in pods} == {"secret-node"}
        await eventually(lambda: refused.happened > 0, seconds=20, what="the node being asked for")
        held = await held_by(made)
    assert refused.happened == 1
    assert [(each.node, each.instance_type, each.capacity) for each in held] == [("secret-node", None, None)] * 2
