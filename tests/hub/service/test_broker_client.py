"""The client of a user's server against the service, and against things that are no such service."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from tests.cluster.cluster import Cluster, eventually
from tests.hub.service.conftest import Service
from tests.hub.service.on_a_cluster import cluster_settings, make_namespace, service_cluster
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from windlass.contract.hub import KubernetesToken
from windlass.errors import Forbidden, InvalidRequest, Unavailable
from windlass.hub.broker import TOKEN_MARGIN_SECONDS, HubBroker
from windlass.hub.credentials import BrokerCredentials
from windlass.kube.client import KubeClient
from windlass.kube.errors import Forbidden as KubeForbidden
from windlass.kube.errors import Unavailable as KubeUnavailable
from windlass.kube.resources import PODS
from windlass.services.hub import HubFacts
from windlass_hub.service.own_places import OwnPlaces

SECRET = "hub-token-of-the-server"


@pytest.fixture
async def broker(service: Service) -> AsyncIterator[HubBroker]:
    """As ann's server makes it."""
    made = HubBroker(url=f"{service.url}api", token=service.tokens["ann"])
    yield made
    await made.close()


@dataclass
class Elsewhere:
    """Something at the address where the service should be."""

    status: int = 200
    body: str = "{}"
    kind: str = "application/json"
    asked: int = 0
    hangs: asyncio.Event | None = None
    answer: Callable[[], str] | None = None
    url: str = ""
    headers: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
async def elsewhere() -> AsyncIterator[Elsewhere]:
    found = Elsewhere()

    class Handler(RequestHandler):
        async def get(self) -> None:
            found.asked += 1
            found.headers.append(dict(self.request.headers))
            if found.hangs is not None:
                await found.hangs.wait()
            self.set_status(found.status)
            self.set_header("Content-Type", found.kind)
            self.write(found.answer() if found.answer else found.body)

        post = get

    socket, port = bind_unused_port()
    server = HTTPServer(Application([(r"/.*", Handler)]))
    server.add_sockets([socket])
    found.url = f"http://127.0.0.1:{port}/api"
    yield found
    if found.hangs is not None:
        found.hangs.set()
    server.stop()
    await server.close_all_connections()


@asynccontextmanager
async def _closing(client: KubeClient) -> AsyncIterator[KubeClient]:
    """Closed also where the test fails: an open session would fail another test."""
    try:
        yield client
    finally:
        await client.close()


async def at(elsewhere: Elsewhere) -> HubBroker:
    return HubBroker(url=elsewhere.url, token=SECRET)


def a_token(*, seconds: float, text: str = "kube-token", namespace: str = "wl-ann") -> str:
    return KubernetesToken(
        token=text,
        expires_at=datetime.now(timezone.utc) + timedelta(seconds=seconds),
        namespace=namespace,
        service_account="windlass-user",
        server="http://127.0.0.1:9",
    ).model_dump_json()


async def test_everything_the_service_offers_is_read_as_it_is_meant(broker: HubBroker) -> None:
    me = await broker.me()
    assert (me.name, me.groups) == ("ann", ["team-a"])
    assert (await broker.prices()).gpu_hour == {"Tesla-T4": 0.35}
    assert [image.slug for image in (await broker.images()).items] == ["base"]
    assert [profile.slug for profile in (await broker.profiles()).items] == ["cpu", "t4"]
    assert (await broker.capacity()).source == "machine"
    with pytest.raises(Unavailable, match="no Prometheus"):
        await broker.metrics(["cpu_cores"])
    with pytest.raises(Unavailable, match="no namespaces"):
        await broker.token()


async def test_a_refusal_is_the_services_own_sentence(service: Service) -> None:
    broker = HubBroker(url=f"{service.url}api/", token=service.tokens["stranger"])
    with pytest.raises(Forbidden, match="no access to this service"):
        await broker.me()
    await broker.close()
    broker = HubBroker(url=f"{service.url}api/", token="revoked")
    with pytest.raises(Unavailable, match="restart your server"):
        await broker.me()
    await broker.close()


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ((200, "text/html", "<html>login</html>"), Unavailable, "does not understand"),
        ((200, "application/json", '{"token": "leaked"}'), Unavailable, "does not understand"),
        ((302, "text/html", ""), Unavailable, "answered 302"),
        ((404, "text/html", "not here"), Unavailable, "older than this server"),
        ((500, "text/html", "<b>stack</b>"), Unavailable, "answered 500"),
        ((503, "application/problem+json", '{"detail": "No cluster."}'), Unavailable, "^No cluster.$"),
        ((503, "application/problem+json", "[]"), Unavailable, "answered 503"),
        ((429, "application/problem+json", '{"detail": "Try again in 9 s."}'), Unavailable, "9 s"),
        ((400, "application/problem+json", '{"detail": "names must be…"}'), InvalidRequest, "names must"),
    ],
)
async def test_what_is_no_answer_becomes_a_sentence(
    elsewhere: Elsewhere, answer: tuple[int, str, str], error: type[Exception], words: str
) -> None:
    elsewhere.status, elsewhere.kind, elsewhere.body = answer
    broker = await at(elsewhere)
    with pytest.raises(error, match=words) as caught:
        await broker.token()
    assert "leaked" not in repr(caught.value.__cause__) + str(caught.value)
    assert SECRET not in repr(caught.value) + repr(broker)
    await broker.close()


async def test_a_newer_service_may_say_more(elsewhere: Elsewhere) -> None:
    elsewhere.body = '{"name": "ann", "mood": "fine", "features": ["token", "telepathy"]}'
    broker = await at(elsewhere)
    assert (await broker.me()).name == "ann"
    await broker.close()


async def test_a_service_that_hangs_or_is_away_is_said_to(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("windlass.hub.broker.METRICS_SECONDS", 0.2)
    elsewhere.hangs = asyncio.Event()
    broker = await at(elsewhere)
    with pytest.raises(Unavailable, match="in time"):
        await broker.metrics(["cpu_cores"])
    await broker.close()
    socket, port = bind_unused_port()
    socket.close()
    broker = HubBroker(url=f"http://127.0.0.1:{port}", token=SECRET)
    with pytest.raises(Unavailable, match="cannot be reached"):
        await broker.me()
    await broker.close()


async def test_a_token_is_asked_once_for_all_and_again_before_it_ends(elsewhere: Elsewhere) -> None:
    lifetimes = [TOKEN_MARGIN_SECONDS + 60, 3600.0]
    elsewhere.answer = lambda: a_token(seconds=lifetimes[elsewhere.asked - 1], text=f"token-{elsewhere.asked}")
    now = [datetime.now(timezone.utc).timestamp()]
    broker = HubBroker(url=elsewhere.url, token=SECRET, clock=lambda: now[0])
    tokens = await asyncio.gather(*(broker.token() for _ in range(20)))
    assert {token.token for token in tokens} == {"token-1"}
    assert elsewhere.asked == 1
    now[0] += 61
    assert (await broker.token()).token == "token-2"
    assert "token-2" not in repr(await broker.token())
    await broker.close()


async def test_a_refused_token_is_replaced_and_a_newer_one_is_kept(elsewhere: Elsewhere) -> None:
    elsewhere.answer = lambda: a_token(seconds=3600, text=f"token-{elsewhere.asked}")
    broker = await at(elsewhere)
    first, second = BrokerCredentials(broker), BrokerCredentials(broker)
    assert await first.headers() == await second.headers() == {"Authorization": "Bearer token-1"}
    await first.refresh()
    assert await first.headers() == {"Authorization": "Bearer token-2"}
    await second.refresh()  # Of the old one, which nobody has any more.
    assert await second.headers() == {"Authorization": "Bearer token-2"}
    assert elsewhere.asked == 2
    await broker.close()


async def test_certificates_that_are_none_are_a_sentence_and_not_a_fault(elsewhere: Elsewhere) -> None:
    token = json.loads(a_token(seconds=3600))
    broker = await at(elsewhere)
    for pem in ("no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "\u00e9"):
        elsewhere.body = json.dumps({**token, "server": "https://127.0.0.1:9", "ca_pem": pem})
        await broker.forget_token(await broker.token())
        async with _closing(KubeClient(BrokerCredentials(broker))) as client:
            with pytest.raises(KubeUnavailable, match="certificates of the cluster"):
                await client.version()
    await broker.close()


async def test_without_a_token_the_cluster_client_says_the_hubs_sentence(elsewhere: Elsewhere) -> None:
    elsewhere.status, elsewhere.kind = 503, "application/problem+json"
    elsewhere.body = '{"detail": "Your namespace for jobs is not made yet."}'
    broker = await at(elsewhere)
    client = KubeClient(BrokerCredentials(broker))
    with pytest.raises(KubeUnavailable, match="not made yet"):
        await client.version()
    await client.close()
    await broker.close()


@pytest.mark.cluster
async def test_a_job_server_speaks_to_the_cluster_with_the_brokers_tokens(
    service: Service, broker: HubBroker, cluster: Cluster
) -> None:
    settings = await cluster_settings(service.state.settings, cluster)
    namespace = await make_namespace(cluster, settings, "ann")
    service.state.cluster = await service_cluster(cluster, settings)
    service.state.settings = settings
    service.state.places = OwnPlaces(settings=settings, hub_api=service.state.hub_api, cluster=service.state.cluster)
    credentials = BrokerCredentials(broker)
    assert await credentials.namespace() == namespace
    async with _closing(KubeClient(credentials)) as client:
        assert (await client.list(PODS, namespace=namespace))[0] == []
        with pytest.raises(KubeForbidden):
            await client.list(PODS, namespace=settings.hub_namespace)
    facts = HubFacts(broker=broker, environment={})
    checks = {check.name: check for check in await facts.checks(on_hub=True)}
    assert (checks["hub namespace"].ok, checks["hub namespace"].message) == (True, f"jobs go to {namespace}")
    assert checks["cluster rights for jobs"].ok is True
    assert "cluster rights too many" not in checks
    await facts.close()


def test_the_broker_is_there_when_the_hub_gave_address_and_token() -> None:
    whole = {"WINDLASS_HUB_URL": "http://hub/services/windlass/api", "JUPYTERHUB_API_TOKEN": SECRET}
    assert repr(HubBroker.from_environment(whole)) == "HubBroker('http://hub/services/windlass/api/')"
    for name in whole:
        assert HubBroker.from_environment({**whole, name: ""}) is None
    assert HubBroker.from_environment({}) is None


async def test_info_tells_the_hub_and_what_this_server_costs(broker: HubBroker) -> None:
    environment = {"WINDLASS_PROFILE": "t4", "WINDLASS_USD_PER_HOUR": "0.57"}
    facts = HubFacts(broker=broker, environment=environment)
    info = await facts.info()
    assert info is not None
    assert (info.user, info.groups, info.profile, info.usd_per_hour) == ("ann", ["team-a"], "t4", 0.57)
    assert (info.jobs_namespace, info.message) == (None, None)
    checks = await facts.checks(on_hub=True)
    assert [(check.name, check.ok) for check in checks] == [
        ("hub", True),
        ("hub groups", True),
        ("hub namespace", None),
    ]
    assert checks[1].message == "ann, in team-a"
    await facts.close()


@pytest.mark.parametrize("price", ["", "free", "nan", "-1", "inf"])
async def test_an_unknown_price_is_null(elsewhere: Elsewhere, price: str) -> None:
    elsewhere.body = '{"name": "ann"}'
    facts = HubFacts(broker=await at(elsewhere), environment={"WINDLASS_USD_PER_HOUR": price})
    info = await facts.info()
    assert info is not None
    assert info.usd_per_hour is None
    await facts.close()


async def test_info_waits_for_no_hub_and_asks_it_seldom(elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("windlass.services.hub.PATIENCE_SECONDS", 0.05)
    elsewhere.hangs = asyncio.Event()
    elsewhere.body = '{"name": "ann"}'
    now = [0.0]
    facts = HubFacts(broker=await at(elsewhere), environment={}, clock=lambda: now[0])
    for _ in range(3):
        info = await facts.info()
        assert info is not None
        assert (info.user, info.message) == (None, "The hub service has not answered yet.")
    elsewhere.hangs.set()

    async def answered() -> bool:
        found = await facts.info()
        return found is not None and (found.user, found.message) == ("ann", None)

    await eventually(answered, what="the hub's answer")
    assert elsewhere.asked == 1
    elsewhere.status, elsewhere.body = 500, ""
    now[0] += 61
    late = await facts.info()
    assert late is not None
    assert (late.user, elsewhere.asked) == ("ann", 2)
    assert "answered 500" in (late.message or "")
    await facts.close()


async def test_without_a_hub_or_without_windlass_on_it_everything_stays_as_it_is() -> None:
    facts = HubFacts(broker=None, environment={})
    assert await facts.info() is None
    assert await facts.checks(on_hub=False) == []
    (check,) = await facts.checks(on_hub=True)
    assert (check.name, check.ok) == ("hub", None)
    await facts.close()


async def test_no_token_is_logged(broker: HubBroker, service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await broker.me()
    logged: list[Any] = [record.getMessage() for record in caplog.records if not record.name.startswith("asyncio")]
    assert logged
    assert all(service.tokens["ann"] not in line for line in logged)
