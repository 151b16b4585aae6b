"""A user's server asks the hub for GPUs: it gets those of its user's own pods from a real Prometheus, and no others."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.hub.service.conftest import Service
from tests.hub.service.test_prometheus import Places
from tests.metrics.prometheus.replay import Replay, needs_prometheus
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from windlass.contract.hub import ClusterCapacity, NodeCapacity
from windlass.hub.broker import HubBroker
from windlass.metrics.prometheus.client import Prometheus
from windlass.metrics.prometheus.fields import QUERIES
from windlass.metrics.prometheus.queries import Pods
from windlass.metrics.prometheus.source import BrokerSource
from windlass.metrics.reading import GpuSource

OWN = {
    "ann": [Pods(namespace="team-honored"), Pods(namespace="team-kept", pod="wl-demo-3f2a-worker-1")],
    "bob": [Pods(namespace="team-bob")],
}


class PlacesWithoutNamespaces(Places):
    """Of a hub that makes no namespaces for jobs."""

    async def jobs_namespace(self, name: str) -> None:
        return None


@pytest.fixture
async def brokers(service: Service) -> AsyncIterator[dict[str, HubBroker]]:
    made = {who: HubBroker(url=f"{service.url}api", token=service.tokens[who]) for who in ("ann", "bob", "plain")}
    yield made
    for broker in made.values():
        await broker.close()


@pytest.fixture
def scraped(service: Service, replay: Replay) -> None:
    """The service asks the Prometheus that scrapes the exporters."""
    service.state.prometheus = Prometheus(replay.url)
    service.state.places = PlacesWithoutNamespaces(own=OWN)  # type: ignore[assignment]  # in the place of hub and cluster


@needs_prometheus
@pytest.mark.usefixtures("scraped")
async def test_users_see_the_gpus_of_their_own_pods_alone(brokers: dict[str, HubBroker]) -> None:
    source = BrokerSource(broker=brokers["ann"])
    assert isinstance(source, GpuSource)
    look = await source.look()
    assert [(device.namespace, device.pod) for device in look.devices] == [
        ("team-honored", "wl-demo-3f2a-worker-0"),
        ("team-honored", "wl-demo-3f2a-worker-1"),
        ("team-kept", "wl-demo-3f2a-worker-1"),
    ]
    first = look.devices[0]
    assert first.reading is not None
    assert (first.reading.engine, first.reading.power_watts, first.reading.xid) == (0.93, 612.4, 0)
    assert first.memory_total_bytes == 81559 * 1024 * 1024
    assert {use.pod for use in look.pods} == {"wl-demo-3f2a-worker-0"}
    assert look.conditions == ()
    (other, _) = (await BrokerSource(broker=brokers["bob"]).look()).devices
    assert (other.namespace, other.uuid.startswith("GPU-team-bob")) == ("team-bob", True)
    lines = await source.history(start=look.at - 60, end=look.at + 60, step=1)
    assert {line.device_id for line in lines} <= {device.id for device in look.devices}
    nobody = await BrokerSource(broker=brokers["plain"]).look()
    assert (nobody.devices, nobody.pods, [one.code for one in nobody.conditions]) == ((), (), ["no-devices"])


@needs_prometheus
@pytest.mark.usefixtures("scraped")
async def test_all_figures_can_be_asked_for_at_once_and_energy_and_errors_are_among_them(service: Service) -> None:
    async with service.client("ann") as http:
        answer = (await http.get("api/metrics", params={"names": ",".join(QUERIES)})).json()
    items: dict[str, Any] = {item["name"]: item for item in answer["items"]}
    assert list(items) == list(QUERIES)
    assert items["gpu_energy"]["unit"] == "joules"
    assert len(items["gpu_energy"]["series"]) == len(items["gpu_xid"]["series"]) == 3
    assert all(item["complete"] and item["problem"] is None for item in items.values())
    told = {label for item in items.values() for line in item["series"] for label in line["labels"]}
    assert "instance" not in told
    assert "job" not in told


@needs_prometheus
@pytest.mark.usefixtures("scraped")
async def test_nodes_that_the_hub_knows_to_share_their_gpus_give_no_pod_figures(
    service: Service, brokers: dict[str, HubBroker], monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = ClusterCapacity(
        source="kubernetes", complete=True, nodes=[NodeCapacity(name="node-7", ready=True, gpu_product="T4-SHARED")]
    )

    async def capacity() -> ClusterCapacity:
        return shared

    monkeypatch.setattr(brokers["ann"], "capacity", capacity)
    look = await BrokerSource(broker=brokers["ann"]).look()
    assert {(device.kind, device.reading) for device in look.devices} == {("share", None)}


async def test_a_hub_without_prometheus_is_said_to_have_none(brokers: dict[str, HubBroker]) -> None:
    look = await BrokerSource(broker=brokers["ann"]).look()
    (condition,) = look.conditions
    assert (condition.code, "prometheus_url" in condition.message) == ("not-configured", True)


async def test_a_hub_that_is_away_is_a_condition() -> None:
    broker = HubBroker(url="http://127.0.0.1:9/api", token="t")
    look = await BrokerSource(broker=broker).look()
    await broker.close()
    assert [condition.code for condition in look.conditions] == ["away"]


async def test_an_older_hub_that_does_not_know_a_figure_is_a_condition() -> None:
    class OlderHub(RequestHandler):
        def get(self, what: str) -> None:
            if what == "me":
                self.finish({"name": "ann", "features": ["metrics"]})
                return
            self.set_status(400)
            self.set_header("Content-Type", "application/problem+json")
            self.finish(json.dumps({"detail": "names must be 1 to 12 of these."}))

    socket, port = bind_unused_port()
    server = HTTPServer(Application([(r"/api/(.*)", OlderHub)]))
    server.add_sockets([socket])
    broker = HubBroker(url=f"http://127.0.0.1:{port}/api", token="t")
    look = await BrokerSource(broker=broker).look()
    await broker.close()
    server.stop()
    assert [(one.code, one.message) for one in look.conditions] == [("failed", "names must be 1 to 12 of these.")]
