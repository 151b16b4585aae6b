"""No job, row or pod, however odd or forged, holds up the others, fills the memory, or makes a figure look whole."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.cluster.cluster import eventually
from tests.hub.reconciler.conftest import KEEP_DAYS, Desk

from windlass.kube.names import pod_labels
from windlass.kube.resources import PODS
from windlass_hub.reconciler import keeping, seen_jobs
from windlass_hub.reconciler.leadership import Leadership
from windlass_hub.reconciler.records import JobRecord, RecordRefused
from windlass_hub.reconciler.running import Reconciler
from windlass_hub.reconciler.sweeping import Sweeper

pytestmark = [pytest.mark.cluster, pytest.mark.emulator]

DAY = 86_400.0


async def two_that_failed(desk: Desk) -> tuple[str, str]:
    jobs = [await desk.create_job() for _ in range(2)]
    for job in jobs:
        await job.runs()
        await job.becomes("failed")
    return jobs[0].job_id, jobs[1].job_id


async def test_a_job_that_cannot_be_judged_keeps_no_other_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    odd, plain = await two_that_failed(desk)
    judge = keeping.verdict

    def verdict(seen: Any) -> Any:
        if seen.job["metadata"]["labels"]["windlass.io/job"] == odd:
            raise ValueError("what the user wrote")
        return judge(seen)

    monkeypatch.setattr(keeping, "verdict", verdict)
    await desk.pass_()
    assert [row.job_id for row in await desk.rows()] == [plain]
    assert odd in caplog.text
    assert "what the user wrote" not in caplog.text


async def test_a_row_that_is_refused_keeps_no_other_back_and_is_told_of(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, plain = await two_that_failed(desk)
    add = desk.records.add

    async def refuse(record: JobRecord) -> bool:
        if record.job_id == odd:
            raise RecordRefused("The database does not take an entry.")
        return await add(record)

    monkeypatch.setattr(desk.records, "add", refuse)
    parts = desk.parts()
    for _ in range(2):
        await desk.pass_(parts)
    assert [row.job_id for row in await desk.rows()] == [plain]
    assert sorted(desk.decisions("job.recorded")) == ["allowed", "failed"]


async def test_pods_of_no_job_that_come_and_go_fill_no_memory(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_jobs, "MOST_GONE", 3)
    job = await desk.create_job()
    await job.runs()
    await job.remove()
    for number in range(6):
        name = f"stray-{number}"
        container = {"name": "c", "image": "example.invalid/c:1"}
        labels = pod_labels(job_id=f"jstray{number}", owner="ada")
        body = {"metadata": {"name": name, "labels": labels}, "spec": {"containers": [container]}}
        await desk.cluster.create(PODS, body, namespace=desk.namespace)
        await eventually(lambda at=number: (desk.namespace, f"jstray{at}") in desk.jobs._usages, what="it is seen")
        await desk.cluster.admin.delete(PODS, name, namespace=desk.namespace, grace_seconds=0)

    def kept() -> set[str]:
        return {job_id for _, job_id in desk.jobs._usages if "stray" in job_id}

    await eventually(lambda: kept() == {"jstray3", "jstray4", "jstray5"}, what="the first are dropped")
    assert desk.jobs.find(job.namespace, job.job_id) is not None, "a job that is to be written down stays"


async def test_what_happened_to_pods_while_the_api_was_away_is_not_known(desk: Desk) -> None:
    job = await desk.create_job()
    await job.runs()
    await job.is_seen(lambda seen: seen is not None and len(seen.usages) == 1)
    seen = desk.jobs.find(job.namespace, job.job_id)
    assert seen is not None
    assert seen.watched
    stops = desk.cluster.faults.fail("GET", r"/pods\?.*watch=true", 500, times=None)
    desk.cluster.faults.cut_connections()
    await job.is_seen(lambda _: desk.jobs.problem is not None)
    assert desk.cluster.emulator is not None
    await desk.cluster.admin.delete(PODS, job.master, namespace=job.namespace, grace_seconds=0)
    desk.cluster.faults.expire_history()
    desk.cluster.faults.lift(stops)
    await job.is_seen(lambda seen: desk.jobs.problem is None and not seen.watched)
    await job.runs()
    await job.becomes("failed")
    await desk.pass_()
    [row] = await desk.rows()
    assert (row.gpu_hours, row.usd) == (None, None)
    assert "not known" in row.cost_note


async def test_a_watch_that_is_never_granted_keeps_rows_no_longer_than_a_week(desk: Desk) -> None:
    job = await desk.create_job()
    await job.runs()
    await job.becomes("succeeded")
    with desk.cluster.faults.outage():
        await job.is_seen(lambda _: desk.jobs.problem is not None)
        parts = desk.parts()
        await desk.pass_(parts)
        assert [row.annotation for row in await desk.rows()] == ["pending"]
        desk.wall.now += 8 * DAY
        await desk.pass_(parts)
    assert [row.annotation for row in await desk.rows()] == ["given-up"]
    assert await desk.records.unfinished(limit=9) == []


async def test_rows_are_pruned_but_not_of_jobs_that_would_be_taken_for_new(desk: Desk) -> None:
    job = await desk.create_job()
    await job.runs()
    await job.becomes("succeeded")
    parts = desk.parts()
    await desk.pass_(parts)
    desk.wall.now += (KEEP_DAYS + 1) * DAY
    assert await parts[0].prune() == 0
    await job.remove()
    seen = desk.jobs.find(job.namespace, job.job_id)
    assert seen is not None
    desk.jobs.forget(seen)
    with desk.cluster.faults.outage():
        await eventually(lambda: desk.jobs.problem is not None, what="the watches break")
        assert await parts[0].prune() == 0
    await eventually(lambda: desk.jobs.problem is None, what="the watches stand")
    assert await parts[0].prune() == 1
    assert await desk.rows() == []


def running(desk: Desk, sweeper: Sweeper) -> tuple[Reconciler, Leadership]:
    keeper, finisher = desk.parts()
    leadership = Leadership(desk.client, namespace=desk.settings.hub_namespace, name="lease", identity="first")
    reconciler = Reconciler(
        jobs=desk.jobs,
        keeper=keeper,
        finisher=finisher,
        sweeper=sweeper,
        leadership=leadership,
        notifier=None,
        news=asyncio.Event(),
    )
    return reconciler, leadership


async def test_a_sweep_that_takes_long_keeps_no_job_from_being_finished(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in {"LEASE_SECONDS": 0.05, "SWEEP_SECONDS": 0.05, "TICK_SECONDS": 0.2}.items():
        monkeypatch.setattr(f"windlass_hub.reconciler.running.{name}", seconds)
    sweeping = asyncio.Event()

    class Endless(Sweeper):
        async def sweep(self, *, may_act: Any = None) -> None:
            sweeping.set()
            await asyncio.Event().wait()

    reconciler, _ = running(desk, Endless(desk.client, jobs=desk.jobs, decide=desk._decide))
    await reconciler.start()
    try:
        await asyncio.wait_for(sweeping.wait(), 20)
        job = await desk.create_job()
        await job.runs()
        await job.becomes("failed")

        async def finished() -> bool:
            return [row.is_finished for row in await desk.rows()] == [True]

        await eventually(finished, what="its record is finished")
    finally:
        await reconciler.close()


async def test_an_error_of_its_own_ends_neither_the_lease_nor_the_work(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("windlass_hub.reconciler.running.LEASE_SECONDS", 0.05)
    reconciler, leadership = running(desk, desk.sweeper())
    hold, calls = leadership.hold, 0

    async def once_broken() -> bool:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ValueError("something nobody thought of")
        return await hold()

    monkeypatch.setattr(leadership, "hold", once_broken)
    await reconciler.start()
    try:
        await eventually(lambda: leadership.holds, what="it holds the Lease")
    finally:
        await reconciler.close()
