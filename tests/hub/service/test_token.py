"""The broker's Kubernetes tokens, on a cluster: what they open, and what they do not."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from tests.cluster.cluster import Cluster
from tests.hub.service.conftest import Service
from tests.hub.service.hub_double import RIGHTS, HubDouble
from tests.hub.service.on_a_cluster import cluster_settings, make_namespace, service_cluster

from windlass.kube.errors import Forbidden
from windlass.kube.resources import CONFIG_MAPS, NAMESPACES, PODS, SECRETS
from windlass_hub.namespaces import namespace_for
from windlass_hub.service.own_places import OwnPlaces
from windlass_hub.service.state import ServiceState
from windlass_hub.settings import Settings

pytestmark = pytest.mark.cluster


@pytest.fixture
async def settings(settings: Settings, cluster: Cluster) -> Settings:
    return await cluster_settings(settings, cluster)


@pytest.fixture
async def state(state: ServiceState, settings: Settings, cluster: Cluster) -> ServiceState:
    """The parts with the tests' cluster in place of the one of a kubeconfig."""
    state.cluster = await service_cluster(cluster, settings)
    state.places = OwnPlaces(settings=settings, hub_api=state.hub_api, cluster=state.cluster)
    return state


async def test_the_token_opens_the_callers_own_namespace_alone(service: Service, cluster: Cluster) -> None:
    cluster.needs("token-request")
    settings = service.state.settings
    ann, bob = [await make_namespace(cluster, settings, name) for name in ("ann", "bob")]
    async with service.client("ann") as http:
        answer = await http.post("api/token", json={"namespace": bob, "service_account": "default"})
    assert answer.status_code == 200, answer.text
    token = answer.json()
    assert (token["namespace"], token["service_account"], token["server"]) == (ann, "windlass-user", cluster.url)
    lives = datetime.fromisoformat(token["expires_at"].replace("Z", "+00:00")) - datetime.now(timezone.utc)
    assert timedelta(minutes=5) < lives <= timedelta(seconds=settings.token_seconds + 60)
    client = cluster.client_for(token["token"])
    await client.list(PODS, namespace=ann)
    await client.create(CONFIG_MAPS, {"metadata": {"name": "bundle"}}, namespace=ann)
    for resource, namespace in ((PODS, bob), (PODS, "default"), (CONFIG_MAPS, bob), (SECRETS, ann)):
        with pytest.raises(Forbidden):
            await client.list(resource, namespace=namespace)
    assert await service.state.audit.settled()
    (entry,) = await service.state.audit.latest(action="token.issue")
    assert (entry.who, entry.target, entry.decision) == ("ann", ann, "issued")
    assert token["token"] not in str(entry)


async def test_before_the_namespace_is_made_the_answer_says_when_it_will_be(service: Service) -> None:
    async with service.client("ann") as http:
        answer = await http.post("api/token")
        assert answer.status_code == 503
        assert "when your server starts" in answer.json()["detail"]
        assert int(answer.headers["Retry-After"]) > 0
        me = (await http.get("api/me")).json()
    settings = service.state.settings
    assert me["jobs_namespace"] == namespace_for("ann", prefix=settings.namespace_prefix, hub_id=settings.hub_id)
    assert "token" in me["features"]


async def test_a_namespace_of_that_name_that_somebody_else_made_gives_no_token_and_no_metrics(
    service: Service, cluster: Cluster
) -> None:
    settings = service.state.settings
    name = namespace_for("ann", prefix=settings.namespace_prefix, hub_id=settings.hub_id)
    await cluster.create(NAMESPACES, {"metadata": {"name": name, "labels": {"windlass.io/hub": settings.hub_id}}})
    async with service.client("ann") as http:
        answer = await http.post("api/token")
    assert answer.status_code == 503
    assert "cannot be used for you" in answer.json()["detail"]
    with pytest.raises(Exception, match="cannot be used for you"):
        await service.state.places.pods("ann")


@pytest.mark.emulator
@pytest.mark.parametrize("status", [403, 500])
async def test_a_cluster_that_refuses_or_fails_is_said_to(service: Service, cluster: Cluster, status: int) -> None:
    await make_namespace(cluster, service.state.settings, "ann")
    cluster.faults.fail("POST", "/token", status, "not today")
    async with service.client("ann") as http:
        answer = await http.post("api/token")
    assert answer.status_code == 503
    assert ("rights" if status == 403 else "not today") in answer.json()["detail"]


async def test_a_users_tokens_are_limited_and_the_next_users_are_not(service: Service, cluster: Cluster) -> None:
    for name in ("ann", "bob"):
        await make_namespace(cluster, service.state.settings, name)
    async with service.client("ann") as http:
        answers = [(await http.post("api/token")).status_code for _ in range(12)]
    assert (answers[0], answers[-1]) == (200, 429)
    async with service.client("bob") as http:
        assert (await http.post("api/token")).status_code == 200


async def test_two_names_that_look_alike_never_share_a_namespace(
    service: Service, hub_double: HubDouble, cluster: Cluster
) -> None:
    seen = set()
    for name in ("ann", "Ann", "ann.", "ann-", "a%6En", "../ann", "\u00e4nn"):
        token = hub_double.add(name, *RIGHTS["plain"], token=f"token-{len(seen)}")
        async with service.client(headers={"Authorization": f"token {token}"}) as http:
            me = (await http.get("api/me")).json()
        assert me["name"] == name
        seen.add(me["jobs_namespace"])
    assert len(seen) == 7


async def test_on_a_hub_without_kubernetes_a_sentence_says_so(tmp_path: Path, service: Service) -> None:
    service.state.cluster = None
    service.state.cluster_problem = "There is no Kubernetes cluster to speak to."
    async with service.client("ann") as http:
        answer = await http.post("api/token")
    assert (answer.status_code, answer.json()["detail"]) == (503, "There is no Kubernetes cluster to speak to.")
