"""What goes wrong with jobs in a cluster, through the whole engine: said in words, survived where it can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.crds import install
from tests.engines.kubernetes.engines import Engine, engine_on, spec

from windlass.engines.base import JobStatus, State
from windlass.engines.kubernetes.cluster import connected as access
from windlass.engines.kubernetes.jobs import live_jobs
from windlass.errors import Forbidden
from windlass.kube import reflector
from windlass.kube.names import RECORD_ANNOTATION, RECORD_FINISHED
from windlass.kube.resources import JOBS, PODS, PYTORCH_JOBS, RESOURCE_QUOTAS

pytestmark = pytest.mark.cluster

JOB = "jtest0000000001"
NAME = f"train-it-{JOB}"


async def says(made: Engine, words: str, *, seconds: float = 30) -> JobStatus:
    """The job's status once its reason has these words."""
    found: list[JobStatus | None] = []

    async def look() -> bool:
        found[:] = [await made.engine.status(JOB)]
        return found[0] is not None and words in found[0].reason

    await eventually(look, seconds=seconds, what=f"{words!r} in the reason")
    assert found[0] is not None
    return found[0]


async def test_a_killed_master_that_could_report_nothing_is_told_of_by_the_cluster(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path))
        await made.reaches(JOB, State.RUNNING)
        await cluster.kubelet.become(namespace, f"{NAME}-master-0", "oom-killed")
        ended = await made.reaches(JOB, State.FAILED, seconds=50)
        assert "OOMKilled" in ended.reason
        assert "more memory" in ended.reason
        assert ended.exit_code == 137
        # What the others printed and where they were is still there.
        assert {pod.role for pod in (await made.engine.placement(JOB)).pods} >= {"master"}


async def test_a_worker_that_fails_is_started_again_as_often_as_retries_say(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path, retries=2))
        await made.reaches(JOB, State.RUNNING)
        worker = f"{NAME}-worker-0"
        await cluster.kubelet.become(namespace, worker, "crash-loop")
        again = await made.reaches(JOB, State.RESTARTING)
        assert again.restarts > 0
        assert "exit code 1" in again.reason
        await cluster.kubelet.become(namespace, worker, "running")
        await made.reaches(JOB, State.RUNNING)
        for name in (worker, f"{NAME}-master-0"):
            await cluster.kubelet.become(namespace, name, "succeeded")
        assert (await made.reaches(JOB, State.SUCCEEDED, seconds=50)).exit_code == 0


async def test_a_job_of_one_process_is_tried_again_in_a_new_pod(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async def pods() -> dict[str, str]:
        items, _ = await cluster.admin.list(PODS, namespace=namespace)
        return {item["metadata"]["name"]: item["status"].get("phase", "") for item in items}

    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path, workers=1, retries=1))
        await made.reaches(JOB, State.RUNNING)
        [first] = await pods()
        await cluster.kubelet.become(namespace, first, "failed")

        async def second() -> str | None:
            return next((name for name, phase in (await pods()).items() if phase == "Running"), None)

        name = await eventually(second, seconds=40, what="a second pod")
        running = await made.reaches(JOB, State.RUNNING)
        assert running.restarts == 1
        await cluster.kubelet.become(namespace, name, "succeeded")
        ended = await made.reaches(JOB, State.SUCCEEDED, seconds=50)
        assert (ended.exit_code, ended.restarts) == (0, 1)


async def test_an_image_that_cannot_be_pulled_is_named_while_the_job_waits(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        cluster.kubelet.behave("image-pull-back-off", namespace=namespace)
        await made.engine.submit(spec(tmp_path))
        waits = await says(made, "image")
        assert waits.state is State.PENDING

        async def named() -> list[str]:
            pods = (await made.engine.placement(JOB)).pods
            found = [pod.name for pod in pods if "image" in pod.reason]
            return found if len(found) == 2 else []

        pods = await eventually(named, what="each pod naming its image")
        cluster.kubelet.behave("running", namespace=namespace)
        for name in pods:
            await cluster.kubelet.become(namespace, name, "running")
        assert (await made.reaches(JOB, State.RUNNING)).reason == ""


async def test_pods_that_a_quota_keeps_out_are_said_to_be(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    quota = {"metadata": {"name": "few-pods"}, "spec": {"hard": {"pods": "1"}}}
    await cluster.create(RESOURCE_QUOTAS, quota, namespace=namespace)

    async def in_force() -> bool:
        found = await cluster.admin.get(RESOURCE_QUOTAS, "few-pods", namespace=namespace)
        return bool(found.get("status", {}).get("hard"))

    await eventually(in_force)
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path))
        waits = await says(made, "few-pods")
        assert waits.state is State.PENDING
        await made.engine.stop(JOB, reason="No room.")
        assert (await made.reaches(JOB, State.STOPPED)).reason == "No room."


@pytest.mark.emulator
async def test_while_the_cluster_is_silent_jobs_say_that_they_are_shown_as_they_stood(
    cluster: Cluster, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "SILENT_SECONDS", 0.3)
    monkeypatch.setattr(live_jobs, "TICK_SECONDS", 0.1)
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path))
        assert (await made.reaches(JOB, State.RUNNING)).reason == ""
        with cluster.faults.outage():
            silent = await says(made, "the cluster does not answer")
            assert silent.state is State.RUNNING
            check = await made.engine.check()
            assert check.available
            assert "does not answer" in (check.message or "")

        async def clear() -> bool:
            status = await made.engine.status(JOB)
            return status is not None and status.reason == ""

        await eventually(clear, seconds=40, what="the reason going")
        assert (await made.engine.check()).message is None


async def test_an_operator_that_is_installed_later_needs_no_new_server(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.needs_stand_ins()
    cluster.needs("default-service-accounts")
    if cluster.emulator is None:
        pytest.skip("Kinds stay installed on this server.")
    monkeypatch.setattr(access, "FACTS_SECONDS", 0.0)
    namespace = await cluster.namespace()
    async with engine_on(cluster, namespace, tmp_path) as made:
        before = {kind.name for kind in (await made.engine.offers()).kinds if kind.served}
        assert "PyTorchJob" not in before
        await install(cluster, PYTORCH_JOBS)
        operator = cluster.operator("PyTorchJob", jobs=False).start()
        try:
            await made.engine.submit(spec(tmp_path))
            assert (await made.reaches(JOB, State.RUNNING)).kind == "PyTorchJob"
        finally:
            operator.stop()


async def annotations(cluster: Cluster, namespace: str) -> dict[str, Any]:
    job = await cluster.admin.get(JOBS, NAME, namespace=namespace)
    return job["metadata"].get("annotations") or {}


async def test_a_job_whose_record_is_in_mlflow_says_so_in_the_cluster(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path, workers=1))
        await made.reaches(JOB, State.RUNNING)
        [pod] = (await made.engine.placement(JOB)).pods
        await cluster.kubelet.become(namespace, pod.name, "succeeded")
        await made.reaches(JOB, State.SUCCEEDED, seconds=50)
        assert RECORD_ANNOTATION not in await annotations(cluster, namespace)
        await made.engine.mark_recorded(JOB)
        assert (await annotations(cluster, namespace))[RECORD_ANNOTATION] == RECORD_FINISHED
        await made.engine.mark_recorded("jnobody00000000")


@pytest.mark.emulator
async def test_a_record_that_cannot_be_marked_now_is_marked_later(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path, workers=1))
        await made.reaches(JOB, State.RUNNING)
        [pod] = (await made.engine.placement(JOB)).pods
        await cluster.kubelet.become(namespace, pod.name, "succeeded")
        await made.reaches(JOB, State.SUCCEEDED, seconds=50)
        cluster.faults.fail("PATCH", f"/jobs/{NAME}", 500, "etcd has no leader")
        await made.engine.mark_recorded(JOB)
        assert RECORD_ANNOTATION not in await annotations(cluster, namespace)
        jobs, opened = made.engine._jobs, made.engine._access.opened
        await jobs._marks.try_again(opened)
        assert (await annotations(cluster, namespace))[RECORD_ANNOTATION] == RECORD_FINISHED


@pytest.mark.emulator
async def test_what_happens_while_watches_fail_in_every_way_is_seen_afterwards(
    cluster: Cluster, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reflector, "LONGEST_DELAY_SECONDS", 1.0)
    ours = f"/namespaces/{namespace}/"
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path))
        await made.reaches(JOB, State.RUNNING)
        blind = cluster.faults.fail("GET", f"{ours}.*watch=true", 500, "etcd has no leader", times=None)
        cluster.faults.fail("GET", f"{ours}.*labelSelector=.*windlass", 429, "too many", times=4, retry_after=1)
        cluster.faults.cut_connections()
        cluster.faults.expire_history()
        for name in (f"{NAME}-worker-0", f"{NAME}-master-0"):
            await cluster.kubelet.become(namespace, name, "succeeded")

        async def over() -> bool:
            job = await cluster.admin.get(PYTORCH_JOBS, NAME, namespace=namespace)
            return any(each["type"] == "Succeeded" for each in job["status"].get("conditions", []))

        await eventually(over, seconds=40, what="the job's end")
        cluster.faults.lift(blind)
        assert (await made.reaches(JOB, State.SUCCEEDED, seconds=60)).exit_code == 0
    states = list(dict.fromkeys(status.state for status in made.said))
    assert states == [State.PENDING, State.RUNNING, State.SUCCEEDED]


async def test_a_job_that_is_held_back_can_be_stopped_for_good(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path))
        await made.reaches(JOB, State.RUNNING)
        hold = {"spec": {"runPolicy": {"suspend": True}}}
        await cluster.admin.patch(PYTORCH_JOBS, NAME, hold, namespace=namespace)
        held = await made.reaches(JOB, State.SUSPENDED, seconds=30)
        assert held.started_at is None
        await made.engine.stop(JOB, reason="Not any more.")
        assert (await made.reaches(JOB, State.STOPPED, seconds=30)).reason == "Not any more."
    assert (await cluster.admin.list(PYTORCH_JOBS, namespace=namespace))[0] == []


@pytest.mark.emulator
async def test_who_may_not_remove_a_bundle_can_stop_the_job_all_the_same(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path))
        await made.reaches(JOB, State.RUNNING)
        cluster.faults.fail("DELETE", f"/configmaps/{NAME}", 403, "configmaps is forbidden", times=None)
        await made.engine.stop(JOB, reason="Enough.")
        assert (await made.reaches(JOB, State.STOPPED, seconds=30)).reason == "Enough."


@pytest.mark.emulator
async def test_who_may_not_stop_a_job_is_told_and_it_goes_on(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path))
        await made.reaches(JOB, State.RUNNING)
        refused = cluster.faults.fail("DELETE", f"/pytorchjobs/{NAME}", 403, "pytorchjobs is forbidden", times=None)
        with pytest.raises(Forbidden):
            await made.engine.stop(JOB, reason="Enough.")
        assert (await made.engine.status(JOB)).state is State.RUNNING
        cluster.faults.lift(refused)
        await made.engine.stop(JOB, reason="Now.")
        assert (await made.reaches(JOB, State.STOPPED, seconds=30)).reason == "Now."
