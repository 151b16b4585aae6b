"""Places in queues: of all jobs that wait, by one question, which nobody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.cluster.cluster import eventually

from windlass.engines.kubernetes.jobs.queue_places import QueuePlaces
from windlass.kube.client import KubeClient
from windlass.kube.credentials import StaticCredentials


class Queue:
    """Kueue's visibility API, and who asked it."""

    def __init__(self) -> None:
        self.order = ["w1", "w2", "w3"]
        self.asked = 0
        self.open = asyncio.Event()
        self.open.set()
        self.opened: Any = None
        self.told: list[str] = []

    async def pending(self, _request: web.Request) -> web.Response:
        self.asked += 1
        await self.open.wait()
        items = [{"metadata": {"name": name}, "positionInLocalQueue": at} for at, name in enumerate(self.order)]
        return web.json_response({"kind": "PendingWorkloadsSummary", "items": items})


@pytest.fixture(name="queue")
async def a_queue() -> AsyncIterator[Queue]:
    made, app = Queue(), web.Application()
    path = "/apis/visibility.kueue.x-k8s.io/v1beta2/namespaces/ns/localqueues/q/pendingworkloads"
    app.router.add_get(path, made.pending)
    async with TestServer(app) as server:
        client = KubeClient(StaticCredentials(str(server.make_url("")), "token", None))
        made.opened = SimpleNamespace(client=client, namespace="ns")
        yield made
        made.open.set()
        await client.close()


def look(places: QueuePlaces, queue: Queue) -> list[int | None]:
    """At three jobs that wait, one after the other, as the engine does."""
    return [places.place(queue.opened, f"j{n}", queue="q", workload=f"w{n}") for n in (1, 2, 3)]


async def test_every_job_that_waits_has_its_place_from_one_answer(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = QueuePlaces(on_change=queue.told.append)
    assert look(places, queue) == [None, None, None]
    await eventually(lambda: sorted(queue.told) == ["j1", "j2", "j3"], what="all being told of")
    assert look(places, queue) == [1, 2, 3]
    assert queue.asked == 1, "it was asked a moment ago"
    queue.told.clear()
    queue.order = ["w2", "w3"]
    monkeypatch.setattr(places, "_ask_at", {})
    look(places, queue)
    await eventually(lambda: sorted(queue.told) == ["j1", "j2", "j3"], what="all having moved")
    assert look(places, queue) == [None, 1, 2]
    await places.close()


async def test_a_queue_that_does_not_answer_holds_nobody_up(queue: Queue) -> None:
    places = QueuePlaces(on_change=queue.told.append)
    queue.open.clear()
    assert look(places, queue) == [None, None, None]
    await eventually(lambda: queue.asked == 1)
    assert look(places, queue) == [None, None, None]
    assert queue.asked == 1
    await places.close()
    assert queue.told == []


async def test_what_was_not_answered_is_not_asked_again_at_once(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    places = QueuePlaces(on_change=queue.told.append)
    monkeypatch.setattr(queue.opened, "namespace", "another")
    assert look(places, queue) == [None, None, None]
    await eventually(lambda: not places._tasks)
    monkeypatch.setattr(queue.opened, "namespace", "ns")
    look(places, queue)
    assert not places._tasks
    assert queue.asked == 0
