"""The feed against a real HTTP server that answers well, badly, late and not at all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone

import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from windlass_hub import capacity_feed
from windlass_hub.capacity_feed import CapacityFeed, feed_for
from windlass_hub.profiles.availability import CapacitySnapshot

SNAPSHOT = CapacitySnapshot(
    taken_at=datetime(2026, 1, 1, tzinfo=timezone.utc), nodes=[], pools=[], source="machine", complete=True
)


@dataclass
class Service:
    """What answers where the hub service would."""

    url: str = ""
    body: str = SNAPSHOT.model_dump_json()
    status: int = 200
    asked: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    again: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def service() -> AsyncIterator[Service]:
    state = Service()
    state.gate.set()

    class Handler(RequestHandler):
        async def get(self) -> None:
            state.asked.append(self.request.headers.get("Authorization", ""))
            state.again.set()
            await state.gate.wait()
            self.set_status(state.status)
            await self.finish(state.body)

    socket, port = bind_unused_port()
    server = HTTPServer(Application([("/capacity", Handler)]))
    server.add_socket(socket)
    state.url = f"http://127.0.0.1:{port}/capacity"
    try:
        yield state
    finally:
        state.gate.set()
        server.stop()
        await server.close_all_connections()


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(capacity_feed, "time", made)
    return made


async def test_it_asks_once_for_many_and_again_when_the_answer_is_old(clock: Clock) -> None:
    async with service() as there:
        feed = CapacityFeed(there.url, token="s3cret")
        assert await asyncio.gather(*(feed.latest() for _ in range(20))) == [SNAPSHOT] * 20
        clock.now += 9
        assert await feed.latest() == SNAPSHOT
        assert there.asked == ["token s3cret"]
        there.again.clear()
        clock.now += 2
        assert await feed.latest() == SNAPSHOT
        await asyncio.wait_for(there.again.wait(), 30)
        assert len(there.asked) == 2


async def test_the_old_answer_stays_while_a_new_one_is_asked_for(clock: Clock) -> None:
    async with service() as there:
        feed = CapacityFeed(there.url, token="t")
        await feed.latest()
        there.gate.clear()
        clock.now += 60
        assert await feed.latest() == SNAPSHOT


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, ""), (403, "{}"), (302, ""), (200, "no JSON"), (200, "[]"), (200, '{"nodes": 7}')],
)
async def test_without_a_good_answer_it_is_unknown(
    clock: Clock, status: int, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with service() as there:
        there.status, there.body = status, body
        feed = CapacityFeed(there.url, token="s3cret")
        assert await feed.latest() is None
        assert await feed.latest() is None
        assert len(there.asked) == 1, "a service that is away is not asked at each page"
        there.status, there.body = 200, SNAPSHOT.model_dump_json()
        clock.now += 11
        assert await feed.latest() == SNAPSHOT
    assert "s3cret" not in caplog.text


async def test_what_is_too_old_is_unknown_rather_than_wrong(clock: Clock) -> None:
    async with service() as there:
        feed = CapacityFeed(there.url, token="t")
        assert await feed.latest() == SNAPSHOT
        there.status = 503
        clock.now += 121
        assert await feed.latest() is None


async def test_nobody_there_is_unknown(clock: Clock) -> None:
    async with service() as there:
        gone = there.url
    assert await CapacityFeed(gone, token="t").latest() is None


async def test_a_service_that_hangs_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity_feed, "ANSWER_SECONDS", 0.05)
    async with service() as there:
        there.gate.clear()
        assert await CapacityFeed(there.url, token="t").latest() is None


async def test_one_process_has_one_feed_for_an_address() -> None:
    assert feed_for("http://a", token="t") is feed_for("http://a", token="t")
    assert feed_for("http://a", token="t") is not feed_for("http://b", token="t")
