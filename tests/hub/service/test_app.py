"""Requests and answers: who is told what, bodies, refusals, and a hub that is away."""

from __future__ import annotations

import asyncio
import http.client
import logging
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from tests.hub.service.conftest import FEED_TOKEN, PREFIX, Service
from tests.hub.service.hub_double import RIGHTS

from windlass_hub.service.app import cookie_secret
from windlass_hub.service.auth import make_hub_auth
from windlass_hub.settings import ACCESS_SERVICE, PROFILES_WRITE


async def test_me_is_told_to_a_users_server_with_its_groups(service: Service) -> None:
    async with service.client("ann") as client:
        me = (await client.get("api/me")).json()
    assert (me["name"], me["groups"], me["admin"]) == ("ann", ["team-a"], False)
    assert (me["jobs_namespace"], me["service_account"], me["hub_version"]) == (None, None, "6.1.1")
    assert me["features"] == ["prices", "images", "profiles", "capacity", "model-reads"]


async def test_a_profile_is_shown_to_its_group_with_its_price(service: Service) -> None:
    async with service.client("ann") as ann, service.client("bob") as bob:
        hers = {item["slug"]: item for item in (await ann.get("api/profiles")).json()["items"]}
        his = [item["slug"] for item in (await bob.get("api/profiles")).json()["items"]]
    assert his == ["cpu"]
    assert set(hers) == {"cpu", "t4"}
    assert hers["t4"]["usd_per_hour"] == pytest.approx(4 * 0.04 + 16e9 / 2**30 * 0.005 + 0.35, abs=1e-6)
    assert hers["t4"]["gpu"] == {
        "product": "Tesla-T4",
        "count": 1,
        "mode": "dedicated",
        "resource": "nvidia.com/gpu",
        "cards": 1.0,
    }
    assert hers["cpu"]["availability"]["total"] >= 0


async def test_prices_and_images_are_the_catalogues(service: Service) -> None:
    async with service.client("bob") as client:
        prices, images = (await client.get("api/prices")).json(), (await client.get("api/images")).json()
    assert (prices["currency"], prices["gpu_hour"], prices["stale"]) == ("USD", {"Tesla-T4": 0.35}, None)
    assert [image["image"] for image in images["items"]] == ["quay.io/example/base:1"]


async def test_an_older_copy_of_the_catalogue_is_said_to_be_one(service: Service) -> None:
    async with service.client("bob") as client:
        assert (await client.get("api/prices")).json()["stale"] is None
        address = service.state.settings.profiles.removeprefix("file:")
        await asyncio.to_thread(_overwrite, address, "profiles: [")
        prices = (await client.get("api/prices")).json()
        assert prices["gpu_hour"] == {"Tesla-T4": 0.35}
        assert "older copy" in prices["stale"]
        assert "profiles" in (await client.get("api/health")).json()["troubled"]


def _overwrite(path: str, text: str) -> None:
    with open(path, "w") as file:  # noqa: PTH123 - a path as the settings have it
        file.write(text)


async def test_the_feed_opens_with_its_own_secret_alone(service: Service) -> None:
    for header in (
        "token",
        "tokenwrong",
        "token wrong",
        f"Bearer {FEED_TOKEN}",
        f"token {FEED_TOKEN}x",
        "token \u00e9",
    ):
        async with service.client(headers={"Authorization": header.encode()}) as client:
            assert (await client.get("api/internal/capacity")).status_code == 401, header
    for who in service.tokens:
        async with service.client(who) as client:
            assert (await client.get("api/internal/capacity")).status_code == 401, who
    async with service.client(headers={"Authorization": f"token {FEED_TOKEN}"}) as client:
        assert (await client.get("api/internal/capacity")).json()["source"] == "machine"
        assert (await client.get("api/me")).status_code == 401, "and opens nothing else"
        service.state.feed_token = ""
        assert (await client.get("api/internal/capacity")).status_code == 401


async def test_a_service_is_no_user(service: Service) -> None:
    async with service.client("robot") as client:
        assert (await client.get("api/me")).status_code == 403
        assert (await client.post("api/token")).status_code == 403
        assert (await client.get("api/prices")).status_code == 200


async def test_a_token_in_the_address_or_in_another_form_is_none(service: Service) -> None:
    token = service.tokens["writer"]
    for headers, expected in (({}, 401), ({"Sec-Fetch-Mode": "websocket"}, 400)):
        async with service.client(headers=headers) as client:
            assert (await client.get("api/me", params={"token": token})).status_code == expected
    for header in (token, f"Basic {token}", f"token {token} x", f"token,{token}"):
        async with service.client(headers={"Authorization": header}) as client:
            assert (await client.get("api/me")).status_code == 401, header


async def test_a_refused_request_leaves_the_connection_usable(service: Service) -> None:
    """A proxy sends the next user's request over the same connection."""
    address = urlsplit(service.url)

    def ask() -> list[int]:
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
        found = []
        for method, path, token, body in (
            ("GET", "api/me", "guessed", None),
            ("GET", "api/nothing", "guessed", None),
            ("POST", "api/token", "guessed", b"x" * 500_000),
            ("POST", "api/nothing", "guessed", b"x" * 500_000),
            ("DELETE", "api/me", "guessed", b"x" * 500_000),
            ("POST", "api/internal/capacity", "guessed", b"x" * 500_000),
            ("POST", "api/token", service.tokens["ann"], b"x" * 3_000_000),
            ("GET", "api/me", service.tokens["ann"], None),
        ):
            connection.request(method, PREFIX + path, body=body, headers={"Authorization": f"token {token}"})
            answer = connection.getresponse()
            answer.read()
            assert connection.sock is not None, "the connection was closed"
            found.append(answer.status)
        connection.close()
        return found

    assert await asyncio.to_thread(ask) == [401, 404, 401, 404, 405, 401, 413, 200]


async def test_a_body_that_does_not_say_how_long_it_is_is_cut_off_too(service: Service) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 65_536

    async with service.client("writer") as client:
        answer = await client.post("api/admin/catalogue/validate", content=endless())
    assert answer.status_code == 413, answer.text


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 100_000, b"nul"])
async def test_a_body_that_cannot_be_read_is_a_mistake_of_the_sender(service: Service, body: bytes) -> None:
    async with service.client("writer") as client:
        answer = await client.post("api/admin/catalogue/validate", content=body)
    assert answer.status_code in (200, 400), answer.text
    assert answer.status_code == 200 or answer.headers["Content-Type"] == "application/problem+json"


async def test_a_hub_that_is_away_is_said_to_be(service: Service) -> None:
    service.hub.broken = True
    async with service.client("ann") as client:
        answer = await client.get("api/me")
        assert answer.status_code == 503
        assert "hub" in answer.json()["detail"]
        assert (await client.get("api/health")).status_code == 200
    assert service.hub.url not in answer.text


async def test_reading_trusts_the_hubs_word_for_a_moment_and_changing_never(service: Service) -> None:
    async with service.client("ann") as client:
        service.hub.asked.clear()
        for _ in range(5):
            assert (await client.get("api/prices")).status_code == 200
        assert service.hub.asked.count("user") == 1
        for _ in range(2):
            await client.post("api/token")
        assert service.hub.asked.count("user") == 3


@pytest.mark.parametrize(
    ("who", "verb", "path", "why"),
    [
        ("stranger", "GET", "api/prices", {"missing": ACCESS_SERVICE}),
        ("robot", "POST", "api/token", {"reason": "only for people"}),
        ("reader", "PUT", "api/admin/catalogue", {"missing": PROFILES_WRITE}),
    ],
)
async def test_each_refusal_is_written_down_once_whatever_it_is_for(
    service: Service, who: str, verb: str, path: str, why: dict[str, str]
) -> None:
    async with service.client(who) as client:
        assert (await client.request(verb, path)).status_code == 403
    assert await service.state.audit.settled()
    (entry,) = await service.state.audit.latest()
    named = "service:robot" if who == "robot" else who
    assert (entry.who, entry.action, entry.decision) == (named, f"{verb} {PREFIX}{path}", "refused")
    assert entry.detail == why


async def test_refusals_at_ever_other_addresses_fill_no_disk(service: Service) -> None:
    async with service.client("plain") as client:
        for number in range(20):
            assert (await client.post(f"api/admin/history/{number}/restore")).status_code == 403
    assert await service.state.audit.settled()
    (entry,) = await service.state.audit.latest()
    assert entry.action == f"POST {PREFIX}api/admin/history/N/restore"


async def test_through_a_proxy_each_request_has_a_connection_of_its_own(service: Service) -> None:
    """A proxy's kept connection that we close in the wrong moment would be a 503 for whoever asks next."""
    for path, who in (("api/me", "ann"), ("api/me", None), ("api/nothing", None), ("api/health", None)):
        async with service.client(who) as direct, service.client(who, headers={"X-Forwarded-For": "10.0.0.1"}) as far:
            assert (await far.get(path)).headers.get("Connection") == "close", path
            assert (await direct.get(path)).headers.get("Connection", "keep-alive") == "keep-alive", path


@pytest.mark.parametrize("token", [b"\xff\xfe", b"x" * 60_000, b"%0d%0aX: y", "\u00e9\u4e2d".encode(), b"..", b"a\tb"])
async def test_a_token_of_whatever_form_is_nobodys(service: Service, token: bytes) -> None:
    async with service.client(headers={"Authorization": b"token " + token}) as client:
        answer = await client.get("api/me")
        assert answer.status_code == 401, answer.text
        assert (await client.get("api/health")).status_code == 200


async def test_a_refusal_is_written_down_with_who_and_what(service: Service) -> None:
    async with service.client("plain") as client:
        assert (await client.get("api/admin/audit")).status_code == 403
    assert await service.state.audit.settled()
    (entry,) = await service.state.audit.latest(who="plain")
    assert (entry.action, entry.decision) == (f"GET {PREFIX}api/admin/audit", "refused")


async def test_no_token_gets_into_the_logs(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    service.state.feed_token = "feed-secret-1"
    for who in (*service.tokens, None):
        async with service.client(who) as client:
            for path in ("api/me", "api/token", "api/internal/capacity", "oauth_callback?code=c0de"):
                await client.get(path)
                await client.post(path)
    logged = "\n".join(
        record.getMessage() for record in caplog.records if record.name.startswith(("windlass", "tornado"))
    )
    assert "windlass" in "".join(record.name for record in caplog.records)
    for secret in (*service.tokens.values(), "feed-secret-1", "c0de"):
        assert secret not in logged


def test_without_a_name_for_the_service_nobody_gets_in_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """jupyterhub lets everybody in where it is told no scopes."""
    for name in ("JUPYTERHUB_SERVICE_NAME", "JUPYTERHUB_OAUTH_ACCESS_SCOPES", "JUPYTERHUB_OAUTH_SCOPES"):
        monkeypatch.delenv(name, raising=False)
    auth = make_hub_auth(api_token="x", oauth_client_id="service-windlass")
    assert auth.access_scopes == {ACCESS_SERVICE}
    assert ACCESS_SERVICE not in RIGHTS["stranger"]


def test_cookies_hold_over_a_restart_and_are_no_other_services() -> None:
    assert cookie_secret("a") == cookie_secret("a") != cookie_secret("b")
    assert len(cookie_secret("a")) == 32
