"""What a namespace allows: by the hub's annotations, by Pod Security, by accounts and priority classes."""

from __future__ import annotations

import pytest
from tests.cluster.cluster import Cluster
from tests.cluster.crds import TRAINER, install
from tests.engines.kubernetes.preflight.looking import by_rule, look, merged, one

from windlass.contract.preview import Severity
from windlass.engines.kubernetes.preflight import allowances
from windlass.kube.resources import NAMESPACES, PRIORITY_CLASSES, PYTORCH_JOBS

pytestmark = pytest.mark.emulator

ALLOWED = {
    allowances.PRIORITIES: "batch-low",
    allowances.TOLERATIONS: "dedicated=gpu,karpenter.sh/capacity-type=spot,nvidia.com/gpu",
    allowances.DEVICES: "nvidia.com/gpu|nvidia.com/gpu.product=A100",
    allowances.NODE_LABELS: "nvidia.com/gpu.product=A100,node.kubernetes.io/instance-type=m5.large",
    allowances.GUARDED_LABELS: "karpenter.k8s.aws/instance-,node.kubernetes.io/instance-type,nvidia.com/gpu.product",
}


async def a_hub_namespace(cluster: Cluster) -> str:
    namespace = await cluster.namespace()
    await cluster.admin.patch(NAMESPACES, namespace, {"metadata": {"annotations": ALLOWED}})
    return namespace


def test_the_names_are_those_that_the_hub_side_writes() -> None:
    from windlass_hub.isolation import allowances as written

    for name in ("PRIORITIES", "TOLERATIONS", "DEVICES", "NODE_LABELS", "GUARDED_LABELS"):
        assert getattr(allowances, name) == getattr(written, name)


@pytest.mark.parametrize(
    ("spec", "options", "told", "mended"),
    [
        ({}, {"priority_class": "urgent"}, "priority class urgent", {}),
        (
            {},
            {"tolerations": [{"key": "dedicated", "value": "gpu"}, {"key": "other"}]},
            "the taint other",
            {"tolerations": [{"key": "dedicated", "value": "gpu", "effect": None}]},
        ),
        (
            {},
            {"node_selector": {"node.kubernetes.io/instance-type": "p5.48xlarge"}},
            "instance-type=p5.48xlarge",
            {"node_selector": {"node.kubernetes.io/instance-type": "m5.large"}},
        ),
        (
            {},
            {"node_selector": {"karpenter.k8s.aws/instance-gpu-count": "8"}},
            "instance-gpu-count=8",
            {"node_selector": {}},
        ),
        ({"gpus_per_worker": 1}, {}, "has nvidia.com/gpu on the nodes", {"gpu": {"product": "A100"}}),
    ],
)
async def test_what_no_profile_has_is_refused_with_a_way_out(
    cluster: Cluster, spec: dict[str, int], options: dict[str, object], told: str, mended: dict[str, object]
) -> None:
    namespace = await a_hub_namespace(cluster)
    found = one(await look(cluster.admin, namespace, spec=spec, options=options), "not-allowed-here")
    assert found.severity is Severity.ERROR
    assert told in found.message
    request = merged({"cluster": options}, found.apply)
    assert request["cluster"] == mended
    assert not by_rule(await look(cluster.admin, namespace, spec=spec, options=mended), "not-allowed-here")


async def test_what_profiles_have_and_what_is_free_passes(cluster: Cluster) -> None:
    namespace = await a_hub_namespace(cluster)
    options = {
        "gpu": {"product": "A100"},
        "node_class": "spot",
        "node_selector": {"topology.kubernetes.io/zone": "eu-1a"},
        "priority_class": "batch-low",
    }
    findings = await look(cluster.admin, namespace, spec={"gpus_per_worker": 1}, options=options)
    assert not by_rule(findings, "not-allowed-here")


async def test_a_namespace_of_no_hub_allows_everything(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    options = {"tolerations": [{"key": "x"}], "node_selector": {"nvidia.com/gpu.product": "H100"}}
    assert not by_rule(await look(cluster.admin, namespace, options=options), "not-allowed-here")


async def test_a_priority_class_that_is_not_there(cluster: Cluster) -> None:
    name = cluster.unique("urgent")
    await cluster.create(PRIORITY_CLASSES, {"metadata": {"name": name}, "value": 10})
    namespace = await cluster.namespace()
    found = one(await look(cluster.admin, namespace, options={"priority_class": "no-such"}), "priority-class")
    assert found.severity is Severity.ERROR
    assert found.fix is not None
    assert name in found.fix
    assert found.apply == {"cluster": {"priority_class": None}}
    assert not by_rule(await look(cluster.admin, namespace, options={"priority_class": name}), "priority-class")


async def test_pods_that_the_namespace_s_profile_forbids(cluster: Cluster) -> None:
    namespace = await cluster.namespace(labels={"pod-security.kubernetes.io/enforce": "restricted"})
    assert not by_rule(await look(cluster.admin, namespace), "pod-security")
    found = one(await look(cluster.admin, namespace, restricted=False), "pod-security")
    assert found.severity is Severity.ERROR
    assert "runAsNonRoot" in found.message
    relaxed = await cluster.namespace(labels={"pod-security.kubernetes.io/enforce": "baseline"})
    assert not by_rule(await look(cluster.admin, relaxed, restricted=False), "pod-security")


async def test_the_operator_s_own_init_container_is_told_where_the_profile_forbids_it(cluster: Cluster) -> None:
    await install(cluster, PYTORCH_JOBS, *TRAINER)
    namespace = await cluster.namespace(labels={"pod-security.kubernetes.io/enforce": "restricted"})
    two = await look(cluster.admin, namespace, kind="PyTorchJob", spec={"workers": 2})
    assert one(two, "pod-security-init-container").apply == {"kind": "TrainJob"}
    single = await look(cluster.admin, namespace, kind="PyTorchJob")
    assert not by_rule(single, "pod-security-init-container")


async def test_an_account_that_is_not_there(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    found = one(await look(cluster.admin, namespace, service_account="trainer"), "service-account")
    assert found.severity is Severity.ERROR
    assert not by_rule(await look(cluster.admin, namespace), "service-account")
