"""Quotas: what is left, what it has room for, and what they want said."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cluster.cluster import Cluster
from tests.cluster.crds import install
from tests.engines.kubernetes.preflight.looking import by_rule, look, one

from windlass.contract.preview import Severity
from windlass.engines.kubernetes.preflight.quota import Need, in_scope
from windlass.kube.resources import LIMIT_RANGES, PODS, PYTORCH_JOBS, RESOURCE_QUOTAS

pytestmark = pytest.mark.emulator

GPU = "nvidia.com/gpu"


async def limit(cluster: Cluster, namespace: str, hard: dict[str, str], **spec: Any) -> None:
    body = {"metadata": {"name": "team"}, "spec": {"hard": hard, **spec}}
    await cluster.create(RESOURCE_QUOTAS, body, namespace=namespace)


async def use(cluster: Cluster, namespace: str, **amounts: str) -> None:
    resources = {"limits": amounts, "requests": amounts}
    spec = {"containers": [{"name": "c", "image": "x", "resources": resources}]}
    await cluster.create(PODS, {"metadata": {"name": "busy"}, "spec": spec}, namespace=namespace)


async def test_what_is_left_is_said_with_the_number_of_workers_that_fit(cluster: Cluster) -> None:
    await install(cluster, PYTORCH_JOBS)
    namespace = await cluster.namespace()
    await limit(cluster, namespace, {f"requests.{GPU}": "8"})
    await use(cluster, namespace, **{GPU: "6"})
    found = one(
        await look(cluster.admin, namespace, kind="PyTorchJob", spec={"workers": 4, "gpus_per_worker": 1}), "quota"
    )
    assert found.severity is Severity.WARNING
    assert "Your quota team has 2 of 8 GPUs left, and this job asks for 4 GPUs (4 workers with 1 GPU each)." in (
        found.message
    )
    assert found.apply == {"workers": 2}
    mended = await look(cluster.admin, namespace, kind="PyTorchJob", spec={"workers": 2, "gpus_per_worker": 1})
    assert not by_rule(mended, "quota")


async def test_more_than_the_whole_quota_keeps_the_job_from_being_sent(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    await limit(cluster, namespace, {"requests.memory": "16Gi", "pods": "10"})
    found = one(await look(cluster.admin, namespace, options={"memory_bytes": 64 * 2**30}), "quota")
    assert found.severity is Severity.ERROR
    assert "16Gi of 16Gi memory" in found.message
    assert found.apply == {"cluster": {"memory_bytes": 16 * 2**30}}


async def test_one_worker_with_too_many_gpus_is_offered_fewer_gpus_and_processes(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    await limit(cluster, namespace, {f"requests.{GPU}": "2"})
    spec = {"gpus_per_worker": 4, "processes_per_worker": 4}
    found = one(await look(cluster.admin, namespace, spec=spec), "quota")
    assert found.apply == {"gpus_per_worker": 2, "processes_per_worker": 2}


async def test_all_findings_of_several_quotas_offer_what_all_have_room_for(cluster: Cluster) -> None:
    await install(cluster, PYTORCH_JOBS)
    namespace = await cluster.namespace()
    await limit(cluster, namespace, {f"requests.{GPU}": "3", "limits.memory": "64Gi"})
    found = by_rule(
        await look(
            cluster.admin,
            namespace,
            kind="PyTorchJob",
            spec={"workers": 4, "gpus_per_worker": 1},
            options={"memory_bytes": 32 * 2**30},
        ),
        "quota",
    )
    assert [finding.apply for finding in found] == [{"workers": 2}, {"workers": 2}]


async def test_a_quota_that_wants_resources_said_offers_some_that_fit(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    await limit(cluster, namespace, {"limits.cpu": "2", "requests.memory": "8Gi"})
    found = one(await look(cluster.admin, namespace), "quota-wants-resources")
    assert found.severity is Severity.ERROR
    assert found.apply == {"cluster": {"cpu": 2.0, "memory_bytes": 8 * 2**30}}
    assert not by_rule(
        await look(cluster.admin, namespace, options=dict(found.apply["cluster"])),  # type: ignore[call-overload]
        "quota-wants-resources",
    )


async def test_what_limit_ranges_fill_in_counts(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    await limit(cluster, namespace, {"limits.cpu": "2", "limits.memory": "4Gi"})
    defaults = {"type": "Container", "default": {"cpu": "3", "memory": "1Gi"}}
    await cluster.create(
        LIMIT_RANGES, {"metadata": {"name": "usual"}, "spec": {"limits": [defaults]}}, namespace=namespace
    )
    findings = await look(cluster.admin, namespace)
    assert not by_rule(findings, "quota-wants-resources")
    assert "2 of 2 cores of limits left, and this job asks for 3 cores" in one(findings, "quota").message


async def test_the_job_s_own_objects_count_too(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    await limit(cluster, namespace, {"count/jobs.batch": "0", "configmaps": "100"})
    found = one(await look(cluster.admin, namespace), "quota")
    assert found.severity is Severity.ERROR
    assert found.apply is None


async def test_a_quota_for_other_pods_is_passed_over(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    await limit(cluster, namespace, {"pods": "0"}, scopes=["Terminating"])
    assert not by_rule(await look(cluster.admin, namespace), "quota")


@pytest.mark.parametrize(
    ("spec", "pod", "expected"),
    [
        ({"scopes": ["NotTerminating"]}, {}, True),
        ({"scopes": ["Terminating"]}, {"activeDeadlineSeconds": 5}, True),
        ({"scopes": ["BestEffort"]}, {}, True),
        ({"scopes": ["BestEffort"]}, {"containers": [{"resources": {"limits": {"cpu": "1"}}}]}, False),
        ({"scopes": ["NotBestEffort"]}, {"containers": [{"resources": {"limits": {"nvidia.com/gpu": "1"}}}]}, False),
        ({"scopes": ["CrossNamespacePodAffinity"]}, {}, False),
        (
            {
                "scopeSelector": {
                    "matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["a"]}]
                }
            },
            {"priorityClassName": "a"},
            True,
        ),
        (
            {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "Exists"}]}},
            {},
            False,
        ),
        (
            {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "DoesNotExist"}]}},
            {},
            True,
        ),
    ],
)
def test_scopes_choose_pods(spec: dict[str, Any], pod: dict[str, Any], expected: bool) -> None:
    assert in_scope({"spec": spec}, pod) is expected


@given(
    for_each=st.decimals(0, 1000, places=3),
    once=st.decimals(0, 100, places=3),
    workers=st.integers(1, 1024),
    left=st.decimals(0, 100_000, places=3),
)
def test_as_many_workers_as_fit_and_not_one_more(for_each: Decimal, once: Decimal, workers: int, left: Decimal) -> None:
    need = Need(for_each=for_each, once=once, workers=workers)
    fitting = need.workers_in(left)
    assert 0 <= fitting <= workers
    if fitting:
        assert for_each * fitting + once <= left
    if fitting < workers:
        assert for_each * (fitting + 1) + once > left
