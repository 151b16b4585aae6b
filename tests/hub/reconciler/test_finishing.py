"""What becomes of jobs that end while nobody is there: on an API server, with the rights of the service's account."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from tests.cluster.cluster import eventually
from tests.conftest import Mlflow
from tests.hub.reconciler.conftest import OWNER, Desk, Job
from tests.hub.service.on_a_cluster import make_namespace

from windlass.kube.names import COST_ANNOTATION, RECORD_ANNOTATION, RECORD_FINISHED
from windlass.kube.resources import NAMESPACES, PYTORCH_JOBS
from windlass_hub.reconciler.records import RecordsAway
from windlass_hub.reconciler.seen_jobs import SeenJobs

# The stand-ins of kubelet and operator say when what ends.
pytestmark = [pytest.mark.cluster, pytest.mark.emulator]

SECRET = "hf_" + "aB3dE5gH7j" * 4


def a_run(mlflow: Mlflow, job: Job, *, owner: str = OWNER, **tags: str) -> str:
    """An open run of the job, as the runner makes it."""
    found = {"windlass.job_id": job.job_id, "mlflow.user": owner, "windlass.own": "true", **tags}
    experiment = mlflow.ask("experiments/create", {"name": f"e-{uuid.uuid4().hex[:8]}"})["experiment_id"]
    body = {"experiment_id": experiment, "tags": [{"key": key, "value": value} for key, value in found.items()]}
    return str(mlflow.ask("runs/create", body)["run"]["info"]["run_id"])


def tags_of(mlflow: Mlflow, run_id: str) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in mlflow.run(run_id)["data"]["tags"]}


def status_of(mlflow: Mlflow, run_id: str) -> str:
    return str(mlflow.run(run_id)["info"]["status"])


@pytest.fixture
def with_mlflow(desk: Desk, mlflow: Mlflow, until: Any) -> Mlflow:
    def answers() -> bool:
        try:
            mlflow.ask("experiments/search", {"max_results": 1})
        except OSError:
            return False
        return True

    until(answers, what="MLflow")
    desk.mlflow_url = mlflow.url
    return mlflow


async def test_a_rank_0_that_was_killed_for_memory_leaves_a_whole_record(desk: Desk, with_mlflow: Mlflow) -> None:
    job = await desk.create_job()
    run_id = a_run(with_mlflow, job)
    await job.runs()
    emulator = desk.cluster.emulator
    assert emulator is not None
    said = f"epoch 1\nlogging in with {SECRET}\nepoch 2\n".encode() + b'\x1ewindlass {"k":"status"}\nepoch 3\n'
    emulator.call(lambda: emulator.api.logs.__setitem__((job.namespace, job.master), said))
    await job.becomes("oom-killed")
    await desk.pass_()

    assert status_of(with_mlflow, run_id) == "FAILED"
    tags = tags_of(with_mlflow, run_id)
    assert (tags["windlass.state"], tags["windlass.cause"]) == ("failed", "oom-killed")
    assert (tags["windlass.exit_code"], tags["windlass.finished_by"]) == ("137", "reconciler")
    assert "out of memory" in tags["windlass.reason"]
    lines = tags["windlass.tail"].splitlines()
    assert (lines[0], lines[2:]) == ("epoch 1", ["epoch 2", "epoch 3"])
    assert SECRET not in tags["windlass.tail"]
    assert with_mlflow.artifact(run_id, "windlass/tail.txt").decode() == tags["windlass.tail"]

    [row] = await desk.rows()
    assert (row.owner, row.job_id, row.state, row.cause) == (OWNER, job.job_id, "failed", "oom-killed")
    assert (row.finished_by, row.run, row.annotation, row.notification) == ("reconciler", "done", "done", "skipped")
    assert row.gpu_hours is not None
    assert row.usd is not None
    annotations = await job.annotations()
    assert annotations[RECORD_ANNOTATION] == RECORD_FINISHED
    assert await job.cost() == {"gpu_hours": row.gpu_hours, "usd": row.usd, "note": ""}
    assert await desk.records.unfinished(limit=9) == []
    told = ("job.recorded", "job.run-closed", "job.marked-finished")
    assert [desk.decisions(action) for action in told] == [["allowed"]] * 3


async def test_a_server_that_runs_is_given_time_to_do_it_itself(desk: Desk, with_mlflow: Mlflow) -> None:
    desk.servers.names = {OWNER}
    first, second = await desk.create_job(), await desk.create_job()
    runs = [a_run(with_mlflow, job) for job in (first, second)]
    for job in (first, second):
        await job.runs()
        await job.becomes("succeeded")
    parts = desk.parts()
    await desk.pass_(parts)
    assert {(row.run, row.annotation) for row in await desk.rows()} == {("pending", "pending")}

    patch = {"metadata": {"annotations": {RECORD_ANNOTATION: RECORD_FINISHED}}}
    await desk.cluster.admin.patch(PYTORCH_JOBS, first.name, patch, namespace=first.namespace)
    await first.is_seen(
        lambda seen: RECORD_ANNOTATION in seen.observed.job["metadata"]["annotations"],
    )
    await desk.pass_(parts)
    by_job = {row.job_id: row for row in await desk.rows()}
    assert (by_job[first.job_id].finished_by, by_job[second.job_id].finished_by) == ("server", "")
    assert [status_of(with_mlflow, run) for run in runs] == ["RUNNING", "RUNNING"]
    assert COST_ANNOTATION in await first.annotations()

    desk.clock.now += 601
    await desk.pass_(parts)
    assert [status_of(with_mlflow, run) for run in runs] == ["RUNNING", "FINISHED"]
    assert {row.finished_by for row in await desk.rows()} == {"server", "reconciler"}


async def test_a_hub_that_does_not_answer_is_waited_for_no_longer_than_a_server(
    desk: Desk, with_mlflow: Mlflow
) -> None:
    desk.servers.names = None
    job = await desk.create_job()
    run_id = a_run(with_mlflow, job)
    await job.runs()
    await job.becomes("failed")
    parts = desk.parts()
    await desk.pass_(parts)
    assert status_of(with_mlflow, run_id) == "RUNNING"
    desk.clock.now += 601
    await desk.pass_(parts)
    assert status_of(with_mlflow, run_id) == "FAILED"


async def test_a_job_that_is_removed_while_it_runs_was_stopped(desk: Desk, with_mlflow: Mlflow) -> None:
    job = await desk.create_job()
    run_id = a_run(with_mlflow, job)
    await job.runs()
    await job.is_seen(lambda seen: seen is not None and len(seen.usages) == 1)
    await job.remove()
    parts = desk.parts()
    await desk.pass_(parts)
    desk.clock.now += 61
    await desk.pass_(parts)
    [row] = await desk.rows()
    assert (row.state, row.cause, row.annotation) == ("stopped", "removed", "skipped")
    assert status_of(with_mlflow, run_id) == "KILLED"
    assert row.gpu_hours is not None
    assert desk.jobs.find(job.namespace, job.job_id) is None


async def test_the_jobs_of_a_user_who_is_removed_are_not_forgotten(desk: Desk, with_mlflow: Mlflow) -> None:
    job = await desk.create_job()
    run_id = a_run(with_mlflow, job)
    await job.runs()
    await job.is_seen(lambda seen: seen is not None and len(seen.usages) == 1)
    await desk.cluster.admin.delete(NAMESPACES, desk.namespace)
    await eventually(lambda: desk.namespace not in desk.jobs.namespaces, what="the namespace goes")
    await job.is_seen(lambda seen: seen is not None and seen.observed.job is None)
    parts = desk.parts()
    await desk.pass_(parts)
    desk.clock.now += 61
    await desk.pass_(parts)
    assert [(row.owner, row.state) for row in await desk.rows()] == [(OWNER, "stopped")]
    assert status_of(with_mlflow, run_id) == "KILLED"


async def test_a_restart_of_the_service_looks_at_all_again_and_does_nothing_again(desk: Desk) -> None:
    job = await desk.create_job()
    await job.runs()
    await job.becomes("failed")
    await desk.pass_()
    told = len(desk.audit)
    await desk.jobs.stop()
    desk.jobs = SeenJobs(desk.client, hub_id=desk.settings.hub_id, on_change=lambda: None)
    await desk.jobs.start(seconds=20)
    await desk.pass_()
    assert len(await desk.rows()) == 1
    assert len(desk.audit) == told


async def test_nobody_ends_anothers_run_by_naming_its_job(desk: Desk, with_mlflow: Mlflow) -> None:
    victim = await desk.create_job()
    run_id = a_run(with_mlflow, victim)
    bobs = await make_namespace(desk.cluster, desk.settings, "bob")
    forged = await desk.create_job(job_id=victim.job_id, namespace=bobs, owner=OWNER)
    await forged.runs()
    await forged.becomes("failed")
    await desk.pass_()
    [row] = await desk.rows()
    assert (row.owner, row.run, row.finished_by) == ("bob", "skipped", "nobody")
    assert status_of(with_mlflow, run_id) == "RUNNING"
    assert [detail["foreign"] for action, _, _, detail in desk.audit if action == "job.run-closed"] == [1]


async def test_jobs_in_a_namespace_that_is_not_the_hubs_are_left_alone(desk: Desk) -> None:
    elsewhere = await desk.cluster.namespace()
    job = await desk.create_job(namespace=elsewhere)
    await job.runs()
    assert desk.cluster.kubelet is not None
    await desk.cluster.kubelet.become(elsewhere, job.master, "failed")
    mine = await desk.create_job()
    await mine.runs()
    await mine.becomes("failed")
    await desk.pass_()
    assert [row.job_id for row in await desk.rows()] == [mine.job_id]


async def test_without_mlflow_the_rest_is_done_and_it_is_said(desk: Desk) -> None:
    job = await desk.create_job()
    await job.runs()
    await job.becomes("evicted")
    await desk.pass_()
    [row] = await desk.rows()
    assert (row.run, row.finished_by, row.cause) == ("skipped", "nobody", "evicted")
    assert "mlflow_url" in row.run_note
    assert RECORD_ANNOTATION in await job.annotations()


async def test_an_mlflow_that_is_away_is_asked_again(desk: Desk, with_mlflow: Mlflow) -> None:
    job = await desk.create_job()
    run_id = a_run(with_mlflow, job)
    await job.runs()
    await job.becomes("failed")
    desk.mlflow_url = "http://127.0.0.1:9"
    parts = desk.parts()
    await desk.pass_(parts)
    [row] = await desk.rows()
    assert (row.run, row.annotation) == ("pending", "pending")
    assert desk.decisions("job.run") == ["failed"]
    desk.mlflow_url = with_mlflow.url
    desk.clock.now += 60
    await desk.pass_(parts)
    assert status_of(with_mlflow, run_id) == "FAILED"
    [row] = await desk.rows()
    assert (row.run, row.annotation) == ("done", "done")


async def test_what_never_succeeds_is_given_up_after_a_week(desk: Desk) -> None:
    job = await desk.create_job()
    await job.runs()
    await job.becomes("failed")
    desk.mlflow_url = "http://127.0.0.1:9"
    parts = desk.parts()
    await desk.pass_(parts)
    desk.wall.now += 8 * 86_400
    desk.clock.now += 8 * 86_400
    await desk.pass_(parts)
    [row] = await desk.rows()
    assert (row.run, row.annotation) == ("given-up", "done")
    assert "does not answer" in row.run_note


@pytest.mark.parametrize("status", [409, 403, 500])
async def test_a_mark_that_the_api_refuses_is_tried_again(desk: Desk, status: int) -> None:
    job = await desk.create_job()
    await job.runs()
    await job.becomes("succeeded")
    desk.cluster.faults.fail("PATCH", f"/pytorchjobs/{job.name}", status, "not now", times=1)
    parts = desk.parts()
    await desk.pass_(parts)
    assert RECORD_ANNOTATION not in await job.annotations()
    desk.clock.now += 60
    await desk.pass_(parts)
    assert RECORD_ANNOTATION in await job.annotations()
    assert desk.decisions("job.annotation") == ["failed"]


async def test_an_api_server_that_is_away_holds_up_only_what_needs_it(desk: Desk, with_mlflow: Mlflow) -> None:
    job = await desk.create_job()
    run_id = a_run(with_mlflow, job)
    await job.runs()
    await job.becomes("failed")
    parts = desk.parts()
    with desk.cluster.faults.outage():
        await job.is_seen(lambda _: desk.jobs.problem is not None)
        await desk.pass_(parts)
        assert status_of(with_mlflow, run_id) == "RUNNING"
        desk.clock.now += 601
        await desk.pass_(parts)
        assert status_of(with_mlflow, run_id) == "FAILED"
        assert [row.annotation for row in await desk.rows()] == ["pending"]
    await job.is_seen(lambda _: desk.jobs.problem is None)
    await desk.pass_(parts)
    assert [row.annotation for row in await desk.rows()] == ["done"]


async def test_another_job_of_the_same_name_is_not_marked(desk: Desk) -> None:
    desk.mlflow_url = "http://127.0.0.1:9"
    job = await desk.create_job()
    await job.runs()
    await job.becomes("failed")
    await desk.pass_()
    first = (await desk.rows())[0].uid
    await job.remove()
    again = await desk.create_job(job_id=job.job_id)
    await again.is_seen(lambda seen: seen is not None and seen.uid != first and seen.observed.job is not None)
    desk.mlflow_url = ""
    await desk.pass_()
    assert RECORD_ANNOTATION not in await again.annotations()
    assert [row.annotation for row in await desk.rows()] == ["skipped"]


@pytest.mark.parametrize("killed_at", [0, 1, 2])
async def test_killed_behind_any_step_it_goes_on_and_does_nothing_twice(
    desk: Desk, with_mlflow: Mlflow, killed_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await desk.create_job()
    run_id = a_run(with_mlflow, job)
    await job.runs()
    await job.becomes("failed")
    update, calls = desk.records.update, 0

    async def killed(uid: str, **changes: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == killed_at + 1:
            raise RecordsAway("The process ends here.")
        await update(uid, **changes)

    monkeypatch.setattr(desk.records, "update", killed)
    await desk.pass_()
    assert len(await desk.records.unfinished(limit=9)) == 1
    monkeypatch.undo()
    before = (await job.found())["metadata"]["annotations"]
    await desk.pass_()
    [row] = await desk.rows()
    assert row.is_finished
    assert row.run == "done"
    assert status_of(with_mlflow, run_id) == "FAILED"
    ends = [metric["value"] for metric in with_mlflow.run(run_id)["data"]["tags"] if metric["key"] == "windlass.state"]
    assert ends == ["failed"]
    assert (await job.annotations()).items() >= before.items()


async def test_a_row_is_kept_once_whoever_looks(desk: Desk) -> None:
    job = await desk.create_job()
    await job.runs()
    await job.becomes("failed")
    await asyncio.gather(*(desk.parts()[0].keep_ended() for _ in range(3)))
    assert len(await desk.rows()) == 1
    assert desk.decisions("job.recorded") == ["allowed"]


async def test_however_many_jobs_there_are_the_api_is_not_asked_for_each(desk: Desk) -> None:
    emulator = desk.cluster.emulator
    assert emulator is not None
    for job in [await desk.create_job() for _ in range(5)]:
        await job.runs()
        await job.is_seen(lambda seen: seen is not None and len(seen.usages) == 1)
    asked = len([each for each in emulator.requests if "hub-service" in each[2]])
    parts = desk.parts()
    for _ in range(3):
        await desk.pass_(parts)
    assert len([each for each in emulator.requests if "hub-service" in each[2]]) == asked
