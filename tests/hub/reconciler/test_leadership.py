"""One of several replicas acts: with a Lease on an API server, and clocks that are the test's."""

from __future__ import annotations

import pytest
import pytest_asyncio
from tests.cluster.cluster import Cluster
from tests.hub.reconciler.conftest import Clock
from tests.hub.service.on_a_cluster import cluster_settings, service_client

from windlass.kube.client import KubeClient
from windlass.kube.resources import LEASES
from windlass_hub.reconciler.leadership import GIVE_UP_SECONDS, LASTS_SECONDS, RENEW_SECONDS, Leadership
from windlass_hub.settings import Settings

pytestmark = pytest.mark.cluster

NAME = "windlass-reconciler-hub"


class Place:
    """The hub's namespace, with the rights that the service's account has there."""

    def __init__(self, cluster: Cluster, client: KubeClient, namespace: str) -> None:
        self.cluster, self.client, self.namespace = cluster, client, namespace

    def replica(self, identity: str, clock: Clock) -> Leadership:
        return Leadership(self.client, namespace=self.namespace, name=NAME, identity=identity, clock=clock)

    async def holder(self) -> str:
        lease = await self.cluster.admin.get(LEASES, NAME, namespace=self.namespace)
        return str(lease["spec"].get("holderIdentity"))


@pytest_asyncio.fixture
async def place(cluster: Cluster) -> Place:
    settings = await cluster_settings(Settings(spawner="kubernetes"), cluster)
    return Place(cluster, await service_client(cluster, settings), settings.hub_namespace)


async def test_only_one_acts_and_it_goes_on_acting(place: Place) -> None:
    clock = Clock()
    first, second = place.replica("first", clock), place.replica("second", clock)
    assert [await first.hold(), await second.hold()] == [True, False]
    for _ in range(8):
        clock.now += RENEW_SECONDS
        assert [await first.hold(), await second.hold()] == [True, False]
    assert await place.holder() == "first"


async def test_one_that_stopped_is_followed_after_it_no_longer_acts(place: Place) -> None:
    clock = Clock()
    first, second = place.replica("first", clock), place.replica("second", clock)
    await first.hold()
    await second.hold()
    clock.now += GIVE_UP_SECONDS
    assert not first.holds
    assert not await second.hold()
    clock.now += LASTS_SECONDS
    assert await second.hold()
    clock.now += 1
    assert not await first.hold()
    assert await place.holder() == "second"


async def test_clocks_that_differ_take_nothing_away(place: Place) -> None:
    """The newcomer's clock is a year ahead, and it starts again and again: the holder's renewals are what counts."""
    clock, ahead = Clock(), Clock(31_536_000.0)
    first = place.replica("first", clock)
    await first.hold()
    second = place.replica("second", ahead)
    for _ in range(10):
        clock.now += RENEW_SECONDS
        ahead.now += RENEW_SECONDS
        assert [await first.hold(), await second.hold()] == [True, False]


async def test_one_that_ends_lets_another_go_on_at_once(place: Place) -> None:
    clock = Clock()
    first, second = place.replica("first", clock), place.replica("second", clock)
    await first.hold()
    await second.hold()
    await first.let_go()
    assert not first.holds
    clock.now += RENEW_SECONDS
    assert await second.hold()


async def test_two_that_reach_for_it_at_once_do_not_both_get_it(place: Place) -> None:
    clock = Clock()
    replicas = [place.replica(name, clock) for name in ("first", "second")]
    for replica in replicas:
        await replica.hold()
        await replica.let_go()
    clock.now += RENEW_SECONDS
    held = [await replica.hold() for replica in replicas]
    assert held == [True, False]


@pytest.mark.emulator
async def test_a_lease_that_cannot_be_renewed_is_kept_for_a_while_and_the_reason_told(place: Place) -> None:
    clock = Clock()
    first = place.replica("first", clock)
    await first.hold()
    place.cluster.faults.fail("GET", "/leases", 503, "away", times=2)
    clock.now += RENEW_SECONDS
    assert await first.hold()
    assert first.problem is not None
    clock.now += GIVE_UP_SECONDS - RENEW_SECONDS
    assert not await first.hold()
    clock.now += RENEW_SECONDS
    assert await first.hold()
    assert first.problem is None


@pytest.mark.emulator
async def test_a_write_that_came_too_late_is_no_right_to_act(place: Place) -> None:
    clock = Clock()
    first = place.replica("first", clock)
    await first.hold()
    place.cluster.faults.fail("PATCH", "/leases", 409, "changed", times=1)
    clock.now += RENEW_SECONDS
    assert not await first.hold()
