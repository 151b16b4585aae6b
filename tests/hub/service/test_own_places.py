"""Whose namespaces and pods are whose, as hub and cluster say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.cluster.cluster import Cluster
from tests.hub.service.hub_double import SERVICE_TOKEN, HubDouble
from tests.hub.service.on_a_cluster import cluster_settings, make_namespace, service_client

from windlass.kube.resources import NAMESPACES
from windlass.metrics.prometheus.queries import Pods
from windlass_hub.namespaces import namespace_for
from windlass_hub.service.hub_api import PAGE, HubApi
from windlass_hub.service.own_places import REMEMBERED_SECONDS, OwnPlaces
from windlass_hub.service.problems import Away, Upstream
from windlass_hub.service.state import Cluster as ServiceCluster
from windlass_hub.settings import Settings


@pytest.fixture
async def hub_api(hub_double: HubDouble) -> AsyncIterator[HubApi]:
    made = HubApi(url=hub_double.url, token=SERVICE_TOKEN)
    yield made
    await made.close()


def runs(hub: HubDouble, name: str, *states: dict[str, Any]) -> None:
    hub.add(name)
    hub.users[name]["servers"] = {f"server{number}": {"state": state} for number, state in enumerate(states)}


@pytest.mark.parametrize("change", [{"spawner": "local"}, {"isolation": "none"}])
async def test_a_hub_that_makes_no_namespaces_has_none(
    hub_api: HubApi, settings: Settings, change: dict[str, str]
) -> None:
    whole = settings.model_copy(update={"spawner": "kubernetes", "isolation": "beside", **change})
    assert await OwnPlaces(settings=whole, hub_api=hub_api, cluster=None).jobs_namespace("ann") is None


async def test_without_namespaces_only_the_pods_the_hub_started_are_ones_own(
    hub_api: HubApi, hub_double: HubDouble, settings: Settings
) -> None:
    shared = settings.model_copy(update={"spawner": "kubernetes", "isolation": "none"})
    places = OwnPlaces(settings=shared, hub_api=hub_api, cluster=None)
    bad: list[dict[str, Any]] = [{}, {"pod_name": "x"}, {"pod_name": 'x"}', "namespace": "hub"}, {"pod_name": 1}]
    runs(hub_double, "ann", {"pod_name": "jupyter-ann", "namespace": "hub"}, *bad)
    assert await places.pods("ann") == [Pods(namespace="hub", pod="jupyter-ann")]
    assert await places.pods("nobody") == []


async def test_jobs_run_beside_a_notebook_that_stayed_where_it_was(
    hub_api: HubApi, hub_double: HubDouble, settings: Settings
) -> None:
    own = settings.model_copy(update={"spawner": "kubernetes", "isolation": "own"})
    places = OwnPlaces(settings=own, hub_api=hub_api, cluster=None)
    runs(hub_double, "ann", {"pod_name": "jupyter-ann", "namespace": "old-ann"})
    assert await places.jobs_namespace("ann") == "old-ann"
    runs(hub_double, "bob")
    expected = namespace_for("bob", prefix=own.namespace_prefix, hub_id=own.hub_id)
    assert await places.jobs_namespace("bob") == expected


@pytest.mark.cluster
async def test_a_namespace_counts_once_it_is_made_and_as_long_as_it_is_the_users(
    hub_api: HubApi, hub_double: HubDouble, settings: Settings, cluster: Cluster
) -> None:
    settings = await cluster_settings(settings, cluster)
    now = [0.0]
    there = ServiceCluster(client=await service_client(cluster, settings), server=cluster.url)
    places = OwnPlaces(settings=settings, hub_api=hub_api, cluster=there, clock=lambda: now[0])
    runs(hub_double, "ann", {"pod_name": "jupyter-ann", "namespace": "hub"})
    notebook = Pods(namespace="hub", pod="jupyter-ann")
    assert await places.pods("ann") == [notebook]
    namespace = await make_namespace(cluster, settings, "ann")
    assert await places.pods("ann") == [notebook], "remembered for a moment"
    now[0] += REMEMBERED_SECONDS
    assert await places.pods("ann") == [Pods(namespace=namespace), notebook]
    now[0] += REMEMBERED_SECONDS
    theirs = {"metadata": {"annotations": {"windlass.io/username": "bob"}}}
    await cluster.admin.patch(NAMESPACES, namespace, theirs)
    with pytest.raises(Away, match="another user"):
        await places.pods("ann")


async def test_the_hubs_own_troubles_are_told_apart(hub_double: HubDouble, hub_api: HubApi) -> None:
    stranger = HubApi(url=hub_double.url, token="wrong")
    with pytest.raises(Upstream, match="roles"):
        await stranger.user("ann")
    await stranger.close()
    hub_double.broken = True
    with pytest.raises(Away):
        await hub_api.user("ann")
    assert await hub_api.version() is None


@pytest.mark.parametrize("name", ["..", ".", "../users/bob", "bob/servers", "bob?x=1", "bob#", "%62ob"])
async def test_no_name_asks_the_hub_for_anything_but_the_user_of_that_name(
    hub_double: HubDouble, hub_api: HubApi, name: str
) -> None:
    hub_double.add("bob")
    assert await hub_api.user(name) is None


async def test_all_users_of_the_hub_are_read_page_by_page(hub_double: HubDouble, hub_api: HubApi) -> None:
    for number in range(2 * PAGE + 1):
        hub_double.add(f"user{number}")
    names = [user["name"] async for user in hub_api.users()]
    assert len(names) == len(set(names)) == 2 * PAGE + 1
