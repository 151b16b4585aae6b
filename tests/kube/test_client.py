"""The client against an API server over HTTP: the verbs on any, what goes wrong on the emulated one."""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import aclosing
from typing import Any

import pytest
from aiohttp import web
from tests.cluster.cluster import Cluster, eventually

from windlass.kube.client import KubeClient
from windlass.kube.credentials import StaticCredentials
from windlass.kube.errors import Conflict, Forbidden, Gone, KubeError, NotFound, Unauthorized, Unavailable
from windlass.kube.resources import CONFIG_MAPS, NAMESPACES, Resource

pytestmark = pytest.mark.cluster


def _map(name: str, **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": data}


async def test_an_object_is_made_read_changed_and_removed(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    made = await cluster.admin.create(CONFIG_MAPS, _map("one", a="1"), namespace=namespace)
    assert made["metadata"]["uid"]
    await cluster.admin.patch(CONFIG_MAPS, "one", {"data": {"b": "2", "a": None}}, namespace=namespace)
    assert (await cluster.admin.get(CONFIG_MAPS, "one", namespace=namespace))["data"] == {"b": "2"}
    with pytest.raises(Conflict) as refusal:
        await cluster.admin.replace(CONFIG_MAPS, made, namespace=namespace)
    assert not refusal.value.already_exists
    items, version = await cluster.admin.list(CONFIG_MAPS, namespace=namespace, field_selector="metadata.name=one")
    assert [(item["kind"], item["apiVersion"]) for item in items] == [("ConfigMap", "v1")]
    await cluster.admin.delete(CONFIG_MAPS, "one", namespace=namespace)
    with pytest.raises(NotFound):
        await cluster.admin.get(CONFIG_MAPS, "one", namespace=namespace)
    watch = cluster.admin.watch(CONFIG_MAPS, namespace=namespace, resource_version=version, timeout_seconds=1)
    async with aclosing(watch) as changes:
        kind, _ = await anext(changes)
    assert kind == "DELETED"


async def test_the_server_says_its_version(cluster: Cluster) -> None:
    assert (await cluster.admin.version())["gitVersion"].startswith("v1.")


async def test_a_kind_that_is_not_served_is_not_found(cluster: Cluster) -> None:
    unknown = Resource("none.example.com", "v1", "nothings", "Nothing", namespaced=False)
    with pytest.raises(NotFound, match="The Kubernetes API answered 404 Not Found"):
        await cluster.admin.list(unknown)


@pytest.mark.emulator
@pytest.mark.parametrize(
    ("status", "kind"),
    [(403, Forbidden), (409, Conflict), (410, Gone), (418, KubeError), (429, Unavailable), (500, Unavailable)],
)
async def test_an_answer_becomes_the_error_it_means(cluster: Cluster, status: int, kind: type[KubeError]) -> None:
    cluster.faults.fail("GET", "/namespaces/x", status, "the server's own sentence", retry_after=7)
    with pytest.raises(kind, match=r"^the server's own sentence$") as failure:
        await cluster.admin.get(NAMESPACES, "x")
    assert failure.value.status == status
    assert type(failure.value) is kind
    if isinstance(failure.value, Unavailable):
        assert failure.value.retry_after == 7


@pytest.mark.emulator
async def test_pages_that_are_dropped_on_the_way_are_read_anew(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    for number in range(5):
        await cluster.admin.create(CONFIG_MAPS, _map(f"m{number}"), namespace=namespace)
    cluster.faults.fail("GET", "configmaps.*continue=", 410, times=1)
    items, _ = await cluster.admin.list(CONFIG_MAPS, namespace=namespace, limit=2)
    names = [item["metadata"]["name"] for item in items if item["metadata"]["name"].startswith("m")]
    assert names == ["m0", "m1", "m2", "m3", "m4"]


@pytest.mark.emulator
async def test_nobody_there_is_unavailable(cluster: Cluster) -> None:
    with cluster.faults.outage(), pytest.raises(Unavailable, match="The Kubernetes API cannot be reached"):
        await cluster.admin.list(NAMESPACES)
    assert await cluster.admin.list(NAMESPACES)


@pytest.mark.emulator
async def test_a_connection_that_breaks_is_unavailable(cluster: Cluster) -> None:
    cluster.faults.drop("POST", "/namespaces")
    with pytest.raises(Unavailable, match="The connection to the Kubernetes API broke during POST /api/v1/namespaces"):
        await cluster.admin.create(NAMESPACES, {"metadata": {"name": "made-all-the-same"}})
    assert await cluster.admin.get(NAMESPACES, "made-all-the-same")


@pytest.mark.emulator
async def test_an_answer_that_takes_too_long_is_unavailable(cluster: Cluster) -> None:
    client = cluster.client_for(cluster.token, timeout_seconds=0.2)
    cluster.faults.delay("GET", "/namespaces", 5, times=2)
    with pytest.raises(Unavailable, match="did not answer GET /api/v1/namespaces in time"):
        await client.list(NAMESPACES)
    with pytest.raises(Unavailable):
        await anext(client.watch(NAMESPACES))


@pytest.mark.emulator
async def test_a_watch_from_before_the_history_is_gone(cluster: Cluster) -> None:
    _, version = await cluster.admin.list(NAMESPACES)
    cluster.faults.expire_history()
    with pytest.raises(Gone, match="too old resource version"):
        await anext(cluster.admin.watch(NAMESPACES, resource_version=version))


class Renewed(StaticCredentials):
    """Credentials whose first token is no longer good."""

    def __init__(self, server: str, *tokens: str) -> None:
        super().__init__(server)
        self._tokens = list(tokens)
        self.renewals = 0

    async def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens[0]}"}

    async def refresh(self) -> None:
        self.renewals += 1
        if len(self._tokens) > 1:
            self._tokens.pop(0)


@pytest.mark.emulator
async def test_a_refused_token_is_renewed_once(cluster: Cluster) -> None:
    good = Renewed(cluster.url, "old", cluster.token)
    client = KubeClient(good)
    body = {"metadata": {"name": "made-once"}}
    assert (await client.create(NAMESPACES, body))["metadata"]["name"] == "made-once"
    assert good.renewals == 1
    await client.close()
    bad = Renewed(cluster.url, "old", "older", cluster.token)
    client = KubeClient(bad)
    with pytest.raises(Unauthorized):
        await client.list(NAMESPACES)
    assert bad.renewals == 1
    await client.close()


@pytest.mark.emulator
async def test_no_token_is_logged_or_shown(cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    client = cluster.client_for("a-secret-token")
    with caplog.at_level(logging.DEBUG), pytest.raises(Unauthorized) as failure:
        await client.create(NAMESPACES, {"metadata": {"name": "x", "annotations": {"a": "a-secret-body"}}})
    assert "POST /api/v1/namespaces -> 401" in caplog.text
    shown = caplog.text + str(failure.value) + repr(failure.value) + repr(cluster.credentials("a-secret-token"))
    assert "a-secret" not in shown


@pytest.mark.parametrize(
    ("status", "headers", "body", "says"),
    [
        (307, {"Location": "http://127.0.0.1:1/"}, "", "The Kubernetes API answered 307 Temporary Redirect."),
        (502, {}, "<html>a proxy's page</html>", "The Kubernetes API answered 502 Bad Gateway."),
        (200, {}, "<html>a login page</html>", "answered GET /version with something that is no JSON"),
        (200, {}, "[]", "answered with something that is no object"),
    ],
)
async def test_what_is_no_api_is_said(status: int, headers: dict[str, str], body: str, says: str) -> None:
    """A redirect, above all, is not followed: it could carry the token elsewhere."""

    async def answer(_request: web.BaseRequest) -> web.Response:
        return web.Response(status=status, headers=headers, text=body)

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    client = KubeClient(StaticCredentials(f"http://127.0.0.1:{runner.addresses[0][1]}", "token"))
    with pytest.raises(KubeError, match=re.escape(says)):
        await client.version()
    await client.close()
    await runner.cleanup()


async def test_a_watch_that_is_cancelled_in_the_turn_of_its_answer_leaves_no_connection() -> None:
    """The answer is there and nobody has it yet: without care it would stay open until garbage is collected."""
    answers, gone = asyncio.Event(), asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        await answers.wait()
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()
        return response

    runner = web.ServerRunner(web.Server(answer, handler_cancellation=True))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    client = KubeClient(StaticCredentials(f"http://127.0.0.1:{runner.addresses[0][1]}", "token"))
    before = asyncio.all_tasks()
    watching = asyncio.ensure_future(anext(client.watch(NAMESPACES)))

    def requests() -> list[asyncio.Task[Any]]:
        new = asyncio.all_tasks() - before
        return [task for task in new if "Request" in type(task.get_coro()).__name__]

    (asked,) = await eventually(requests)
    asked.add_done_callback(lambda _: watching.cancel())
    answers.set()
    with pytest.raises(asyncio.CancelledError):
        await watching
    try:
        await asyncio.wait_for(gone.wait(), 20)
    finally:
        await client.close()
        await runner.cleanup()
