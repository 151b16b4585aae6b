"""What the doctor says of an account's rights in the cluster."""

from __future__ import annotations

import pytest
from tests.cluster.cluster import Cluster

from windlass.kube.rights import Report, examine, needed, unwanted
from windlass.services.cluster_rights import rights_checks


@pytest.mark.cluster
async def test_each_feature_has_its_line(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    client = await cluster.account(namespace, "nobody")
    checks = await rights_checks(lambda: examine(client, namespace))
    jobs = next(check for check in checks if check.name == "cluster rights for jobs")
    assert jobs.ok is None
    assert "create trainjobs.trainer.kubeflow.org" in jobs.message
    assert "more" in jobs.message
    assert jobs.fix is not None
    assert "hub-config/rbac/user.yaml" in jobs.fix
    assert {check.name for check in checks} >= {"cluster rights for serving", "cluster rights for volumes"}
    assert "cluster rights too many" not in {check.name for check in checks}


async def test_all_there_is_one_good_line_per_feature() -> None:
    async def whole() -> Report:
        return Report(missing=(), excess=())

    checks = await rights_checks(whole)
    assert {check.ok for check in checks} == {True}
    assert len(checks) == len({right.feature for right in needed()})


async def test_rights_too_many_are_a_warning_with_the_reason() -> None:
    async def too_many() -> Report:
        return Report(missing=(), excess=unwanted())

    check = (await rights_checks(too_many))[-1]
    assert check.ok is None
    assert "secrets" in check.message


@pytest.mark.emulator
@pytest.mark.cluster
async def test_a_cluster_that_does_not_answer_is_a_line_too(cluster: Cluster) -> None:
    with cluster.faults.outage():
        (check,) = await rights_checks(lambda: examine(cluster.admin, "default"))
    assert check.ok is False
    assert "cannot be reached" in check.message or "broke" in check.message
