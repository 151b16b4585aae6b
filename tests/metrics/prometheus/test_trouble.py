"""What Prometheus does wrong is a condition with a sentence, and never a figure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from windlass.metrics.prometheus.queries import Pods
from windlass.metrics.prometheus.source import PrometheusSource


@dataclass
class Elsewhere:
    """Something at Prometheus' address."""

    status: int = 200
    body: bytes = b'{"status":"success","data":{"resultType":"vector","result":[]}}'
    hangs: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""


@pytest.fixture
async def elsewhere() -> AsyncIterator[Elsewhere]:
    found = Elsewhere()
    found.hangs.set()

    class Handler(RequestHandler):
        async def post(self) -> None:
            await found.hangs.wait()
            self.set_status(found.status)
            self.finish(found.body)

    socket, port = bind_unused_port()
    server = HTTPServer(Application([(r"/api/v1/.*", Handler)]))
    server.add_sockets([socket])
    found.url = f"http://admin:s3cret@127.0.0.1:{port}"
    yield found
    found.hangs.set()
    server.stop()
    await server.close_all_connections()


async def said(url: str) -> tuple[str, str]:
    """The one condition of a look, when nothing else is told."""

    async def pods() -> list[Pods]:
        return [Pods(namespace="team-a")]

    source = PrometheusSource(url=url, pods=pods)
    try:
        look = await source.look()
        assert await source.history(start=look.at - 600, end=look.at, step=60) == []
        assert await source.pod_history(start=look.at - 600, end=look.at, step=60) == []
    finally:
        await source.close()
    assert (look.devices, look.pods) == ((), ())
    (condition,) = look.conditions
    assert "s3cret" not in condition.message
    return condition.code, condition.message


RESULT = b'{"status":"success","data":{"result":[%s]}}'
OWN = b'{"metric":{"__name__":"DCGM_FI_DEV_FB_USED","namespace":"team-a","pod":"a","UUID":"G"},"value":%s}'


@pytest.mark.parametrize(
    ("status", "body", "code", "words"),
    [
        (403, b"<html>no</html>", "no-permission", "login"),
        (401, b"", "no-permission", "login"),
        (200, b"<html>Log in</html>", "failed", "address"),
        (200, b"[" * 100_000, "failed", "no result"),
        (200, b'{"status":"success","data":null}', "failed", "no result"),
        (200, b'{"status":"success","data":{"result":"scalar"}}', "failed", "no result"),
        (200, RESULT % (OWN % b'[1,"x"]'), "failed", "no result"),
        (200, RESULT % (OWN % b"[]"), "failed", "no result"),
        (404, b"", "failed", "404"),
        (500, b'{"status":"error","errorType":"internal","error":"s3cret"}', "failed", "500"),
        (503, b"starting", "away", "not ready"),
        (422, b'{"status":"error","errorType":"timeout"}', "away", "too slow"),
    ],
)
async def test_an_answer_that_is_none_is_said_to_be_none(
    elsewhere: Elsewhere, status: int, body: bytes, code: str, words: str
) -> None:
    elsewhere.status, elsewhere.body = status, body
    found, message = await said(elsewhere.url)
    assert found == code
    assert words in message


async def test_a_prometheus_that_is_away_or_slow_is_said_to_be(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket, port = bind_unused_port()
    socket.close()
    assert (await said(f"http://127.0.0.1:{port}"))[0] == "away"
    assert (await said("http://no-such-host.invalid"))[0] == "away"
    assert (await said("nonsense://x"))[0] == "away"
    monkeypatch.setattr("windlass.metrics.prometheus.client.TIMEOUT_SECONDS", 0.2)
    elsewhere.hangs.clear()
    code, message = await said(elsewhere.url)
    assert (code, "in time" in message) == ("away", True)


async def test_an_answer_that_lacks_a_part_says_so(elsewhere: Elsewhere) -> None:
    elsewhere.body = b'{"status":"success","data":{"result":[]},"warnings":["store gateway 3 is away"]}'
    code, message = await said(elsewhere.url)
    assert (code, "store gateway 3" in message) == ("partial", True)
