"""What a user may choose from, on clusters rich and poor, and with parts of them out of reach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.cluster.cluster import Cluster
from tests.cluster.crds import KUEUE, OPERATORS, TRAINER, install
from tests.engines.kubernetes.hub import Hub, a_hub
from tests.engines.kubernetes.making import job_spec

from windlass.contract.cluster import ClusterOffers
from windlass.engines.kubernetes.cluster.discovery import discover
from windlass.engines.kubernetes.cluster.offers import NODES_AT_ONCE, offers
from windlass.engines.kubernetes.cluster.settings import ClusterSettings
from windlass.engines.kubernetes.engine import KubernetesEngine
from windlass.engines.kubernetes.model import ClusterFacts
from windlass.engines.kubernetes.sending.planning import plan
from windlass.hub.broker import HubBroker
from windlass.kube.client import KubeClient
from windlass.kube.resources import (
    CLUSTER_TRAINING_RUNTIMES,
    LOCAL_QUEUES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PRIORITY_CLASSES,
)


async def look(
    client: KubeClient,
    namespace: str,
    *,
    broker: HubBroker | None = None,
    environ: dict[str, str] | None = None,
) -> ClusterOffers:
    facts = await discover(client, namespace=namespace)
    return await offers(
        client, namespace=namespace, server="https://api", facts=facts, broker=broker, environ=environ or {}
    )


async def claim(cluster: Cluster, namespace: str, name: str, *, modes: list[str], bound: str | None = None) -> None:
    spec = {"accessModes": modes, "resources": {"requests": {"storage": "10Gi"}}, "storageClassName": "none-such"}
    await cluster.create(PERSISTENT_VOLUME_CLAIMS, {"metadata": {"name": name}, "spec": spec}, namespace=namespace)
    status: dict[str, Any] = {"phase": "Pending"}
    if bound is not None:
        status = {"phase": "Bound", "accessModes": modes, "capacity": {"storage": bound}}
    await cluster.admin.patch(
        PERSISTENT_VOLUME_CLAIMS, name, {"status": status}, namespace=namespace, subresource="status"
    )


@pytest.mark.emulator
async def test_claims_come_with_access_modes_and_the_size_they_really_have(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cluster.emulator is not None
    monkeypatch.setattr(cluster.emulator.api.controllers, "claims", False)
    namespace = await cluster.namespace()
    await claim(cluster, namespace, "waiting", modes=["ReadWriteOnce"])
    await claim(cluster, namespace, "imagenet-dataset", modes=["ReadOnlyMany", "ReadWriteMany"], bound="1536Gi")
    found = (await look(cluster.admin, namespace)).claims
    assert [each.model_dump() for each in found] == [
        {
            "name": "imagenet-dataset",
            "bound": True,
            "access_modes": ["ReadOnlyMany", "ReadWriteMany"],
            "capacity_bytes": 1536 * 2**30,
        },
        {"name": "waiting", "bound": False, "access_modes": ["ReadWriteOnce"], "capacity_bytes": None},
    ]


@pytest.mark.cluster
async def test_priority_classes_are_the_users_not_the_system_s(cluster: Cluster) -> None:
    name = cluster.unique("urgent")
    await cluster.create(PRIORITY_CLASSES, {"metadata": {"name": name}, "value": 10})
    found = (await look(cluster.admin, await cluster.namespace())).priority_classes
    assert name in found
    assert not [each for each in found if each.startswith("system-")]


@pytest.mark.emulator
async def test_kinds_say_why_they_can_or_cannot_be_had(cluster: Cluster) -> None:
    bare = {kind.name: kind for kind in (await look(cluster.admin, "default")).kinds}
    assert {name: kind.served for name, kind in bare.items()} == {"PyTorchJob": False, "TrainJob": False, "Job": True}
    assert bare["TrainJob"].reason == "The cluster has no Kubeflow Trainer (trainer.kubeflow.org/v1alpha1)."
    await install(cluster, *TRAINER)
    rich = {kind.name: kind for kind in (await look(cluster.admin, "default")).kinds}
    assert rich["TrainJob"].served
    assert rich["TrainJob"].reason.startswith("The cluster's Kubeflow Trainer runs it")


@pytest.mark.emulator
async def test_queues_say_how_full_they_are_and_which_admit_nothing(cluster: Cluster) -> None:
    await install(cluster, *KUEUE)
    queues = LOCAL_QUEUES["v1beta2"]
    inactive = {
        "type": "Active",
        "status": "False",
        "reason": "ClusterQueueIsInactive",
        "message": "Can't submit new workloads",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    for name, status in (
        ("team-a", {"pendingWorkloads": 3, "admittedWorkloads": 2}),
        ("closed", {"conditions": [inactive]}),
    ):
        body = {"metadata": {"name": name}, "spec": {"clusterQueue": "main"}}
        await cluster.create(queues, body, namespace="default")
        await cluster.admin.patch(queues, name, {"status": status}, namespace="default", subresource="status")
    found = await look(cluster.admin, "default")
    assert [(queue.name, queue.pending, queue.admitted) for queue in found.queues] == [
        ("closed", None, None),
        ("team-a", 3, 2),
    ]
    assert found.problems == ["The queue closed admits no jobs now: Can't submit new workloads"]


@pytest.mark.emulator
async def test_runtimes_come_with_their_framework_and_a_warning(cluster: Cluster) -> None:
    await install(cluster, *TRAINER)
    prefix = "trainer.kubeflow.org"
    node = {"template": {"spec": {"containers": [{"name": "node", "image": "x"}]}}}
    spec = {"template": {"spec": {"replicatedJobs": [{"name": "node", "template": {"spec": node}}]}}}
    labels = {f"{prefix}/framework": "torchtune", f"{prefix}/support": "deprecated"}
    await cluster.create(CLUSTER_TRAINING_RUNTIMES, {"metadata": {"name": "old", "labels": labels}, "spec": spec})
    (found,) = (await look(cluster.admin, "default")).runtimes
    assert (found.name, found.kind, found.framework, found.deprecated) == (
        "old",
        "ClusterTrainingRuntime",
        "torchtune",
        True,
    )


@pytest.mark.emulator
async def test_without_a_hub_gpus_and_node_classes_are_read_from_nodes(cluster: Cluster) -> None:
    assert cluster.kubelet is not None
    spot = {"karpenter.sh/capacity-type": "spot", "nvidia.com/gpu.product": "Tesla-T4"}
    await cluster.kubelet.add_node("gpu-1", labels=spot, **{"nvidia.com/gpu": "4"})
    await cluster.kubelet.add_node("gpu-2", labels=spot, **{"nvidia.com/gpu": "4"})
    found = await look(cluster.admin, "default")
    assert [(gpu.product, gpu.total, gpu.free) for gpu in found.gpus] == [("Tesla-T4", 8, None)]
    assert found.node_classes == ["spot"]


@pytest.mark.emulator
async def test_nodes_are_read_a_page_at_a_time(cluster: Cluster) -> None:
    assert cluster.emulator is not None
    ready = {"conditions": [{"type": "Ready", "status": "True"}], "allocatable": {"nvidia.com/gpu": "1"}}
    for number in range(NODES_AT_ONCE + 5):
        name = f"n{number}"
        await cluster.create(NODES, {"metadata": {"name": name}})
        await cluster.admin.patch(NODES, name, {"status": ready}, subresource="status")
    cluster.emulator.requests.clear()
    found = await look(cluster.admin, "default")
    assert [gpu.total for gpu in found.gpus] == [NODES_AT_ONCE + 5]
    assert (
        len([path for _, path, who in cluster.emulator.requests if path.startswith("/api/v1/nodes") and who == "admin"])
        == 2
    )


def with_capacity(hub: Hub) -> None:
    hub.answers["capacity"] = {
        "source": "kubernetes",
        "complete": True,
        "gpus": [{"product": "Tesla-T4", "resource": "nvidia.com/gpu", "total": 8, "free": 3}],
        "nodes": [
            {"name": "a", "ready": True, "spot": False, "pool": "general"},
            {"name": "b", "ready": True, "spot": True, "pool": "eks-group"},
        ],
        "pools": [{"name": "general", "capacity_types": ["on-demand", "reserved"]}],
    }
    base = {"slug": "base", "display_name": "Base", "image": "quay.io/base:1", "description": "All you need"}
    mine = {"slug": "mine", "display_name": "Mine", "image": "quay.io/mine:2"}
    hub.answers["images"] = {"items": [base, mine]}


@pytest.mark.emulator
async def test_on_a_hub_nodes_are_the_hub_s_to_tell(cluster: Cluster) -> None:
    assert cluster.emulator is not None
    async with a_hub() as hub:
        with_capacity(hub)
        found = await look(cluster.admin, "default", broker=hub.broker)
    assert [(gpu.product, gpu.total, gpu.free) for gpu in found.gpus] == [("Tesla-T4", 8, 3)]
    # A node of another autoscaler does not carry the label that a spot job would ask for.
    assert found.node_classes == ["on-demand"]
    assert found.problems == []
    assert not [path for _, path, who in cluster.emulator.requests if "/nodes" in path and who == "admin"]


@pytest.mark.emulator
async def test_this_server_s_image_comes_before_the_catalogue(cluster: Cluster) -> None:
    async with a_hub() as hub:
        with_capacity(hub)
        environ = {"JUPYTER_IMAGE_SPEC": "quay.io/mine:2"}
        found = (await look(cluster.admin, "default", broker=hub.broker, environ=environ)).images
        assert [(each.image, each.origin) for each in found] == [
            ("quay.io/mine:2", "server"),
            ("quay.io/base:1", "catalogue"),
        ]
        environ = {"JUPYTER_IMAGE": "quay.io/real:3", **environ}
        found = (await look(cluster.admin, "default", broker=hub.broker, environ=environ)).images
        assert [each.image for each in found] == ["quay.io/real:3", "quay.io/base:1", "quay.io/mine:2"]
    assert (await look(cluster.admin, "default")).images == []


@pytest.mark.emulator
async def test_the_first_image_is_the_one_that_a_job_runs_in_when_it_names_none(
    cluster: Cluster, tmp_path: Path
) -> None:
    environ = {"JUPYTER_IMAGE": "quay.io/real:3"}
    facts = await discover(cluster.admin, namespace="default")
    for setting in (None, "quay.io/usual:1", "quay.io/real:3"):
        config = cluster.kubeconfig(tmp_path / "kubeconfig", namespace="default")
        engine = KubernetesEngine(data_dir=tmp_path, environ={"KUBECONFIG": str(config), **environ}, image=setting)
        try:
            names = [each.image for each in (await engine.offers()).images]
        finally:
            await engine.close()
        sent = plan(
            job_spec(),
            settings=ClusterSettings(image=setting),
            facts=facts,
            namespace="default",
            catalogue=["quay.io/base:1"],
            environ=environ,
        )
        assert names[0] == sent.job.image
        assert set(names) == {each for each in (setting, "quay.io/real:3") if each}
        assert len(names) == len(set(names))


@pytest.mark.emulator
async def test_the_usual_image_keeps_the_name_that_the_catalogue_gives_it(cluster: Cluster) -> None:
    async with a_hub() as hub:
        with_capacity(hub)
        facts = await discover(cluster.admin, namespace="default")
        found = await offers(
            cluster.admin,
            namespace="default",
            server="https://api",
            facts=facts,
            broker=hub.broker,
            environ={},
            usual_image="quay.io/mine:2",
        )
    assert [(each.image, each.display_name) for each in found.images] == [
        ("quay.io/mine:2", "Mine"),
        ("quay.io/base:1", "Base"),
    ]


@pytest.mark.emulator
async def test_a_hub_that_cannot_say_leaves_the_rest(cluster: Cluster) -> None:
    await claim(cluster, "default", "data", modes=["ReadWriteMany"])
    async with a_hub() as hub:
        hub.answers |= {"capacity": 503, "images": 403}
        found = await look(cluster.admin, "default", broker=hub.broker)
        assert (found.gpus, found.images, found.node_classes) == ([], [], [])
        assert [each.name for each in found.claims] == ["data"]
        assert sorted(found.problems) == [
            "The catalogue of images cannot be read now: The hub cannot say images now.",
            "The cluster's nodes cannot be read now: The hub cannot say capacity now.",
        ]
        with_capacity(hub)
        hub.answers["capacity"] |= {"complete": False, "problem": "The hub service may not list pods."}
        hub.answers["images"] |= {"stale": "the file cannot be read"}
        found = await look(cluster.admin, "default", broker=hub.broker)
        assert found.gpus
        assert sorted(found.problems) == [
            "The catalogue of images may be old: the file cannot be read",
            "The hub service may not list pods.",
        ]


@pytest.mark.cluster
async def test_an_account_without_rights_is_told_what_it_may_not_see(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    nobody = await cluster.account(namespace, "nobody")
    found = await look(nobody, namespace)
    assert (found.claims, found.gpus, found.priority_classes) == ([], [], [])
    for what in ("Volume claims", "Priority classes", "The cluster's nodes"):
        assert f"{what} are not shown: this account may not read them." in found.problems
    assert next(kind for kind in found.kinds if kind.name == "Job").served


@pytest.mark.emulator
@pytest.mark.parametrize("part", ["persistentvolumeclaims", "localqueues", "priorityclasses", "nodes"])
async def test_one_part_that_fails_or_is_slow_leaves_the_others(cluster: Cluster, part: str) -> None:
    await install(cluster, *OPERATORS)
    await claim(cluster, "default", "data", modes=["ReadWriteMany"])
    await cluster.create(PRIORITY_CLASSES, {"metadata": {"name": "urgent"}, "value": 10})
    client = cluster.client_for(cluster.token, timeout_seconds=1)
    facts = await discover(client, namespace="default")

    async def again() -> ClusterOffers:
        return await offers(client, namespace="default", server="s", facts=facts, broker=None, environ={})

    whole = await again()
    assert whole.problems == []
    cluster.faults.fail("GET", f"/{part}", 500, "broken", times=1)
    failed = await again()
    assert [problem for problem in failed.problems if problem.endswith("cannot be read now: broken")]
    cluster.faults.delay("GET", f"/{part}", 20, times=1)
    slow = await again()
    assert [problem for problem in slow.problems if problem.endswith("in time.")]
    for found in (failed, slow):
        assert len(found.problems) == 1
        assert bool(found.claims) == (part != "persistentvolumeclaims")
        assert bool(found.priority_classes) == (part != "priorityclasses")


async def test_problems_of_the_facts_are_passed_on(cluster: Cluster) -> None:
    facts = ClusterFacts(version="", problems=("The cluster's version cannot be read: hidden",))
    found: Any = await offers(cluster.admin, namespace="default", server="s", facts=facts, broker=None, environ={})
    assert found.version is None
    assert "The cluster's version cannot be read: hidden" in found.problems
    assert not any(kind.served for kind in found.kinds)
