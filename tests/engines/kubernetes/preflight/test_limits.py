"""LimitRanges: what is outside of them, and the nearest that is within."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cluster.cluster import Cluster
from tests.engines.kubernetes.preflight.looking import by_rule, look, one

from windlass.contract.preview import Severity
from windlass.kube.resources import LIMIT_RANGES

pytestmark = pytest.mark.emulator


async def limited(cluster: Cluster, **item: Any) -> str:
    namespace = await cluster.namespace()
    body = {"metadata": {"name": "team"}, "spec": {"limits": [item]}}
    await cluster.create(LIMIT_RANGES, body, namespace=namespace)
    return namespace


async def test_too_much_of_a_thing_is_offered_the_most_that_is_allowed(cluster: Cluster) -> None:
    namespace = await limited(cluster, type="Container", max={"cpu": "8", "memory": "32Gi"})
    options = {"cpu": 16, "memory_bytes": 64 * 2**30}
    found = by_rule(await look(cluster.admin, namespace, options=options), "limit-range")
    assert {finding.severity for finding in found} == {Severity.ERROR}
    assert [finding.apply for finding in found] == [
        {"cluster": {"cpu": 8.0}},
        {"cluster": {"memory_bytes": 32 * 2**30}},
    ]
    assert found[0].message == "In this namespace a container has at most 8 cores, and this job's asks for 16 cores."
    assert not by_rule(
        await look(cluster.admin, namespace, options={"cpu": 8, "memory_bytes": 32 * 2**30}), "limit-range"
    )


async def test_too_little_is_told_too(cluster: Cluster) -> None:
    namespace = await limited(cluster, type="Container", min={"cpu": "500m"})
    found = one(await look(cluster.admin, namespace, options={"cpu": 0.1}), "limit-range")
    assert found.apply == {"cluster": {"cpu": 0.5}}


async def test_gpus_are_limited_by_pod(cluster: Cluster) -> None:
    namespace = await limited(cluster, type="Pod", max={"nvidia.com/gpu": "2"})
    found = one(await look(cluster.admin, namespace, spec={"gpus_per_worker": 4}), "limit-range")
    assert found.apply == {"gpus_per_worker": 2}
    assert "a pod has at most 2 GPUs" in found.message


async def test_what_is_not_said_is_filled_in_by_the_limit_range_itself(cluster: Cluster) -> None:
    namespace = await limited(cluster, type="Container", max={"cpu": "8"})
    assert not by_rule(await look(cluster.admin, namespace), "limit-range")


async def test_a_ratio_between_limit_and_request_is_kept_by_equal_ones(cluster: Cluster) -> None:
    namespace = await limited(cluster, type="Container", maxLimitRequestRatio={"cpu": "2"})
    assert not by_rule(await look(cluster.admin, namespace, options={"cpu": 4}), "limit-range")
    found = one(await look(cluster.admin, namespace), "limit-range")
    assert "2 times its request" in found.message
