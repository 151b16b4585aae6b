"""The live copy of a cluster's objects, through all that clusters do to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.cluster.cluster import Cluster, eventually

from windlass.kube.client import KubeClient
from windlass.kube.errors import Forbidden, KubeError, Unavailable
from windlass.kube.reflector import LONGEST_DELAY_SECONDS, Reflector
from windlass.kube.resources import CONFIG_MAPS, PODS

pytestmark = pytest.mark.cluster


class Patience:
    """A sleep that is short and remembered."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0.01)


class Watched:
    """A reflector of one namespace's maps that are labelled, and all it told."""

    def __init__(self, cluster: Cluster, namespace: str, client: KubeClient | None = None, **options: Any) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.told: list[tuple[str, str]] = []
        self.patience = Patience()
        given: dict[str, Any] = {"sleep": self.patience, "label_selector": "of=test", "on_change": self.hear}
        self.reflector = Reflector(client or cluster.admin, CONFIG_MAPS, namespace=namespace, **given | options)

    def hear(self, kind: str, old: dict[str, Any] | None, new: dict[str, Any] | None) -> None:
        self.told.append((kind, ((new or old) or {})["metadata"]["name"]))

    async def make(self, name: str, **data: str) -> None:
        body = {"metadata": {"name": name, "labels": {"of": "test"}}, "data": data}
        await self.cluster.admin.create(CONFIG_MAPS, body, namespace=self.namespace)

    async def change(self, name: str, **data: str) -> None:
        await self.cluster.admin.patch(CONFIG_MAPS, name, {"data": data}, namespace=self.namespace)

    async def end(self, name: str) -> None:
        await self.cluster.admin.delete(CONFIG_MAPS, name, namespace=self.namespace)

    async def until(self, condition: Callable[[], Any]) -> None:
        await eventually(condition)

    def names(self) -> set[str]:
        return {name for _, name in self.reflector.objects}

    def requests(self, *, watching: bool) -> int:
        """How often it listed or watched so far."""
        assert self.cluster.emulator is not None
        path = f"/namespaces/{self.namespace}/configmaps?"
        asked = [query for method, query, _ in self.cluster.emulator.requests if method == "GET" and path in query]
        return len([query for query in asked if ("watch=true" in query) is watching])


@pytest.fixture
async def watched(cluster: Cluster) -> AsyncIterator[Watched]:
    made = Watched(cluster, await cluster.namespace())
    yield made
    await made.reflector.stop()


async def live(watched: Watched) -> None:
    watched.reflector.start()
    await watched.reflector.ready(20)
    await watched.until(lambda: watched.reflector.stale_since is None)


async def test_it_holds_what_there_is_and_tells_what_changes(watched: Watched) -> None:
    await watched.make("before", a="1")
    await live(watched)
    assert watched.names() == {"before"}
    await watched.make("one")
    await watched.change("one", a="2")
    await watched.end("one")
    await watched.until(lambda: watched.told[-1:] == [("DELETED", "one")])
    assert watched.told == [("ADDED", "before"), ("ADDED", "one"), ("MODIFIED", "one"), ("DELETED", "one")]
    assert watched.names() == {"before"}
    assert watched.reflector.objects[watched.namespace, "before"]["data"] == {"a": "1"}


async def test_objects_are_kept_as_small_as_wished(cluster: Cluster) -> None:
    small = Watched(
        cluster, await cluster.namespace(), transform=lambda found: {"metadata": {"name": found["metadata"]["name"]}}
    )
    await small.make("one", a="1")
    await live(small)
    assert dict(small.reflector.objects) == {(small.namespace, "one"): {"metadata": {"name": "one"}}}
    await small.change("one", a="2")
    await small.make("two")
    await small.until(lambda: small.told[-1:] == [("ADDED", "two")])
    assert small.told == [("ADDED", "one"), ("ADDED", "two")], "what was left out is no change"
    await small.reflector.stop()


async def test_a_listener_that_fails_ends_nothing(cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_change: Any) -> None:
        raise RuntimeError("a listener's own")

    watched = Watched(cluster, await cluster.namespace(), on_change=fail, transform=lambda found: found["none"])
    await watched.make("one")
    await live(watched)
    await watched.make("two")
    await watched.until(lambda: watched.names() == {"one", "two"})
    assert "A listener to" in caplog.text
    assert "could not be made smaller" in caplog.text
    await watched.reflector.stop()


async def test_stopping_leaves_no_task_and_says_that_it_is_old(watched: Watched) -> None:
    await live(watched)
    await watched.reflector.stop()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("reflector ")]
    assert watched.reflector.stale_since is not None
    watched.reflector.start()
    await watched.make("later")
    await watched.until(lambda: watched.names() == {"later"})


async def test_without_the_right_it_stops_and_names_it(cluster: Cluster) -> None:
    cluster.needs("token-request")
    namespace = await cluster.namespace()
    client = await cluster.account(namespace)
    for where, words in ((None, "list pods in all namespaces"), (namespace, f"list pods in namespace {namespace}")):
        reflector = Reflector(client, PODS, namespace=where)
        reflector.start()
        with pytest.raises(Forbidden):
            await reflector.ready(20)
        assert reflector.stopped_because == words
        assert reflector.stale_since is not None
        await reflector.stop()


@pytest.mark.emulator
async def test_a_first_list_that_fails_is_tried_again(watched: Watched) -> None:
    watched.patience.slept.append(0)
    with watched.cluster.faults.outage():
        watched.reflector.start()
        with pytest.raises(Unavailable, match="cannot be reached"):
            await watched.reflector.ready(0.1)
        assert watched.reflector.stale_since is not None
    await watched.reflector.ready(20)
    await watched.make("one")
    await watched.until(lambda: watched.names() == {"one"})


@pytest.mark.emulator
async def test_an_outage_is_outlived_and_nothing_missed(watched: Watched) -> None:
    await watched.make("stays")
    await watched.make("goes")
    await live(watched)
    lists = watched.requests(watching=False)
    with watched.cluster.faults.outage():
        await watched.until(lambda: len(watched.patience.slept) > 12)
        assert watched.names() == {"stays", "goes"}, "what is known stays known"
        assert watched.reflector.stale_since is not None
        with pytest.raises(KubeError):
            await watched.end("goes")
    await watched.end("goes")
    await watched.make("comes")
    await watched.until(lambda: watched.names() == {"stays", "comes"})
    assert watched.reflector.stale_since is None
    assert watched.reflector.last_error is None
    assert watched.requests(watching=False) == lists, "the watch was resumed, nothing listed anew"
    assert watched.told.count(("ADDED", "stays")) == 1
    assert max(watched.patience.slept) <= LONGEST_DELAY_SECONDS
    assert max(watched.patience.slept) > LONGEST_DELAY_SECONDS / 2


@pytest.mark.emulator
async def test_lost_history_is_listed_anew_and_only_differences_are_told(watched: Watched) -> None:
    for name in ("stays", "goes", "changes"):
        await watched.make(name)
    await live(watched)
    watched.told.clear()
    refused = watched.cluster.faults.fail("GET", f"{watched.namespace}/configmaps.*watch=true", 503, times=None)
    watched.cluster.faults.cut_connections()
    await watched.until(lambda: refused.happened)
    await watched.end("goes")
    await watched.change("changes", a="2")
    await watched.make("comes")
    watched.cluster.faults.expire_history()
    watched.cluster.faults.lift(refused)
    await watched.until(lambda: len(watched.told) == 3)
    assert sorted(watched.told) == [("ADDED", "comes"), ("MISSING", "goes"), ("MODIFIED", "changes")]
    await watched.make("afterwards")
    await watched.until(lambda: "afterwards" in watched.names())


@pytest.mark.emulator
async def test_history_that_is_always_lost_is_no_hot_loop(watched: Watched) -> None:
    await live(watched)
    watched.cluster.faults.fail("GET", "watch=true", 410, times=None)
    watched.cluster.faults.cut_connections()
    await watched.until(lambda: len(watched.patience.slept) > 6)
    assert watched.requests(watching=False) <= len(watched.patience.slept) + 3
    assert watched.patience.slept[6] > watched.patience.slept[0]


@pytest.mark.emulator
async def test_a_server_that_is_busy_is_given_the_time_it_asks_for(watched: Watched) -> None:
    watched.cluster.faults.fail("GET", f"{watched.namespace}/configmaps", 429, retry_after=11)
    await live(watched)
    assert watched.patience.slept == [11]


@pytest.mark.emulator
async def test_a_quiet_watch_is_resumed_from_its_last_bookmark(watched: Watched) -> None:
    """Else the history since its last own event would have to be there still."""
    emulator = watched.cluster.emulator
    assert emulator is not None
    emulator.call(lambda: setattr(emulator.api.storage, "bookmark_seconds", 0.02))
    await live(watched)
    body = {"metadata": {"name": "not-labelled"}}
    await watched.cluster.admin.create(CONFIG_MAPS, body, namespace=watched.namespace)
    revision = emulator.call(lambda: emulator.api.storage.revision)
    resumed = f"resourceVersion={revision}"

    async def resumes_there() -> bool:
        watched.cluster.faults.cut_connections()
        await asyncio.sleep(0.1)
        return any(resumed in query for _, query, _ in emulator.requests if "watch=true" in query)

    await eventually(resumes_there)


@pytest.mark.emulator
async def test_a_right_that_is_taken_away_stops_it(watched: Watched) -> None:
    await watched.make("one")
    await live(watched)
    watched.cluster.faults.fail("GET", "watch=true", 403, times=1)
    watched.cluster.faults.cut_connections()
    await watched.until(lambda: watched.reflector.stopped_because)
    assert watched.reflector.stopped_because == f"watch configmaps in namespace {watched.namespace}"
    assert watched.names() == {"one"}
    with pytest.raises(Forbidden):
        await watched.reflector.ready(1)
    watched.reflector.start()
    await watched.reflector.ready(20)
    await watched.until(lambda: watched.reflector.stale_since is None)


@pytest.mark.emulator
async def test_trouble_is_said_once_and_so_is_its_end(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    def said() -> list[str]:
        return [record.getMessage() for record in caplog.records if watched.namespace in record.getMessage()]

    with caplog.at_level(logging.INFO, logger="windlass.kube.reflector"):
        with watched.cluster.faults.outage():
            watched.reflector.start()
            await watched.until(lambda: len(watched.patience.slept) > 5)
        await watched.until(lambda: watched.reflector.stale_since is None)
    interrupted, again = said()
    assert "is interrupted" in interrupted
    assert "127.0.0.1" not in interrupted
    assert "stands again" in again
