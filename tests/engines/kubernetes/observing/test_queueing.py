"""Kueue: why a job still waits, at which place, and whether its queue is in force."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.cluster.cluster import Cluster
from tests.engines.kubernetes.objects import BEGUN, QUEUE, condition, job, observed

from windlass.engines.kubernetes.observing import queueing
from windlass.kube.client import KubeClient
from windlass.kube.credentials import StaticCredentials
from windlass.kube.errors import Unavailable


def workload(*conditions: Any, **status: Any) -> Any:
    return {"metadata": {"name": "w"}, "status": {"conditions": list(conditions), **status}}


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ([condition("QuotaReserved", true=False, reason="WaitingForQuota")], "the quota is in use"),
        ([condition("QuotaReserved", true=False, reason="ExceedsMaxQuota")], "it can never start"),
        (
            [condition("QuotaReserved", true=False, reason="Pending", message="insufficient quota for cpu")],
            "turn: insufficient quota for cpu",
        ),
        ([condition("QuotaReserved", true=False, reason="NewInKueue", message="new words")], "new words"),
        (
            [condition("Evicted", reason="Preempted"), condition("QuotaReserved", true=False)],
            "displaced by another job",
        ),
        (
            [condition("Evicted", reason="Preempted"), condition("Preempted", reason="InCohortReclamation")],
            "displaced by a queue that took back what it had lent",
        ),
        ([condition("Evicted", reason="PodsReadyTimeout")], "did not all start in time"),
        ([condition("Admitted"), condition("Evicted", reason="Preempted")], "about to start"),
        ([], "in queue team-a"),
    ],
)
def test_what_kueue_says_is_put_in_words(conditions: list[Any], words: str) -> None:
    seen = observed(job(suspend=True, labels=QUEUE), workload=workload(*conditions))
    assert words in queueing.explain(seen)
    assert queueing.explain(seen, position=12).startswith("12th in queue team-a")


def test_a_check_that_is_open_is_named() -> None:
    checks = [{"name": "budget", "state": "Pending"}, {"name": "done", "state": "Ready"}]
    seen = observed(
        job(suspend=True, labels=QUEUE), workload=workload(condition("QuotaReserved"), admissionChecks=checks)
    )
    assert queueing.explain(seen) == "in queue team-a: it has its quota, and waits for the check budget"


def test_a_queue_that_nothing_looks_after_is_not_in_force_after_some_seconds() -> None:
    def after(seconds: float, item: Any = None, **more: Any) -> str | None:
        return queueing.notice(observed(item or job(labels=QUEUE), seconds_since_created=seconds, **more))

    assert after(4.9) is None
    assert "team-a is not in force" in str(after(5.0))
    assert after(60, workload=workload()) is None
    assert after(60, job(labels=QUEUE, suspend=True)) is None
    assert after(60, job()) is None
    held = observed(job(labels=QUEUE, suspend=True), seconds_since_created=60.0)
    assert "Kueue has not taken it up" in queueing.explain(held)


def test_times_of_queue_and_admission_are_the_last_ones() -> None:
    again = workload(
        condition("Evicted", reason="Preempted", seconds=50), condition("Admitted", true=False, seconds=50)
    )
    assert (queueing.queued_at(again), queueing.admitted_at(again)) == (BEGUN + 50, None)
    assert queueing.queued_at(None) is None


@pytest.mark.emulator
async def test_the_place_in_the_queue_comes_from_the_visibility_api_where_there_is_one(cluster: Cluster) -> None:
    async def places() -> dict[str, int] | None:
        return await queueing.positions(cluster.admin, namespace=namespace, queue="team-a")

    namespace = await cluster.namespace()
    assert await places() is None
    path = f"/apis/visibility.kueue.x-k8s.io/v1beta2/namespaces/{namespace}/localqueues/team-a/pendingworkloads"
    cluster.faults.fail("GET", path, 503, "no endpoints", times=1)
    assert await places() is None
    cluster.faults.fail("GET", path, 403, "forbidden", times=1)
    assert await places() is None
    cluster.faults.fail("GET", path, 500, "broken", times=1)
    with pytest.raises(Unavailable):
        await places()


async def test_the_place_is_counted_from_one_and_older_versions_are_asked_too() -> None:
    async def pending(request: web.Request) -> web.Response:
        if "/v1beta2/" in request.path:
            raise web.HTTPNotFound
        items = [{"metadata": {"name": "first"}}, {"metadata": {"name": "w"}, "positionInLocalQueue": 2}]
        return web.json_response({"kind": "PendingWorkloadsSummary", "items": items})

    app = web.Application()
    app.router.add_get(
        "/apis/visibility.kueue.x-k8s.io/{version}/namespaces/ns/localqueues/q/pendingworkloads", pending
    )
    async with TestServer(app) as server:
        client = KubeClient(StaticCredentials(str(server.make_url("")), "token", None))
        found = await queueing.positions(client, namespace="ns", queue="q")
        await client.close()
    assert found == {"first": 1, "w": 3}
