"""A run on somebody's cluster: alone, gone without a trace, and heir of one that was killed."""

from __future__ import annotations

import pytest
from tests.cluster.cluster import Cluster
from tests.cluster.given import Mistake
from tests.cluster.occupancy import LABEL, PLACE, RENEWED, Occupancy

from windlass.kube.errors import Unauthorized
from windlass.kube.resources import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, NAMESPACES, PODS

# On a server that the tests have for themselves only.
pytestmark = pytest.mark.emulator


async def names(cluster: Cluster) -> set[str]:
    found = []
    for resource in (NAMESPACES, CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS):
        found += (await cluster.admin.list(resource))[0]
    return {item["metadata"]["name"] for item in found}


async def test_a_run_leaves_the_cluster_as_it_was(cluster: Cluster) -> None:
    before = await names(cluster)
    run = Occupancy(cluster.credentials)
    token = await run.take()
    admin = cluster.client_for(token)
    assert (await admin.list(PODS))[0] == []
    await admin.create(NAMESPACES, {"metadata": {"name": "wl-test-00000000", "labels": {LABEL: run.run}}})
    await admin.create(NAMESPACES, {"metadata": {"name": "made-by-the-product"}})
    run.made[NAMESPACES, "made-by-the-product", None] = None
    await admin.create(CLUSTER_ROLES, {"metadata": {"name": "some", "labels": {LABEL: run.run}}, "rules": []})
    assert await run.leave() == []
    assert await names(cluster) == before
    with pytest.raises(Unauthorized):
        await cluster.client_for(token).list(PODS)


async def test_a_second_run_is_told_that_there_is_one(cluster: Cluster) -> None:
    first = Occupancy(cluster.credentials)
    await first.take()
    with pytest.raises(Mistake, match="Another run"):
        await Occupancy(cluster.credentials).take()
    await first.leave()
    await Occupancy(cluster.credentials).take()


async def test_what_a_killed_run_left_is_removed_by_the_next(cluster: Cluster) -> None:
    before = await names(cluster)
    dead = Occupancy(cluster.credentials)
    await dead.take()
    await cluster.admin.create(NAMESPACES, {"metadata": {"name": "wlt-0a1b2c3d--ada"}})
    await cluster.admin.create(CLUSTER_ROLES, {"metadata": {"name": "windlass-hub"}, "rules": []})
    await cluster.admin.patch(NAMESPACES, PLACE, {"metadata": {"annotations": {RENEWED: "0"}}})
    heir = Occupancy(cluster.credentials)
    await heir.take()
    assert await heir.leave() == []
    assert await names(cluster) == before


async def test_a_cluster_with_windlass_is_refused_and_left_as_it_is(cluster: Cluster) -> None:
    await cluster.admin.create(CLUSTER_ROLES, {"metadata": {"name": "windlass-hub"}, "rules": []})
    before = await names(cluster)
    with pytest.raises(Mistake, match=r"Windlass is installed on this cluster \(windlass-hub\)"):
        await Occupancy(cluster.credentials).take()
    assert await names(cluster) == before


async def test_a_namespace_of_that_name_that_is_not_ours_is_left_alone(cluster: Cluster) -> None:
    await cluster.admin.create(NAMESPACES, {"metadata": {"name": PLACE}})
    with pytest.raises(Mistake, match="not the tests' own"):
        await Occupancy(cluster.credentials).take()
    assert PLACE in await names(cluster)
