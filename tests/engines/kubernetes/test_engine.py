"""The engine on a cluster with a stand-in operator: from submission to the end, stops, restarts, and trouble."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.cluster.cluster import Cluster, eventually
from tests.engines.kubernetes.engines import engine_on, spec

from windlass.engines.base import State
from windlass.errors import BundleRefused, Conflict, Forbidden, InvalidRequest, NotFound, Unavailable
from windlass.kube.resources import CONFIG_MAPS, JOBS, PODS, PYTORCH_JOBS, RESOURCE_QUOTAS

pytestmark = pytest.mark.cluster

JOB = "jtest0000000001"
NAME = f"train-it-{JOB}"
Object = dict[str, Any]


async def pods_of(cluster: Cluster, namespace: str) -> list[Object]:
    return (await cluster.admin.list(PODS, namespace=namespace))[0]


async def test_a_job_runs_from_its_submission_to_its_end(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        cluster.kubelet.behave("unschedulable", namespace=namespace)
        await made.engine.submit(spec(tmp_path))
        assert (await made.reaches(JOB, State.PENDING)).kind == "PyTorchJob"
        cluster.kubelet.behave("running", namespace=namespace)
        running = await made.reaches(JOB, State.RUNNING)
        assert running.started_at is not None
        for name in (f"{NAME}-worker-0", f"{NAME}-master-0"):
            await cluster.kubelet.become(namespace, name, "succeeded")
        ended = await made.reaches(JOB, State.SUCCEEDED, seconds=50)
    assert ended.exit_code == 0
    assert ended.ended_at is not None
    states = list(dict.fromkeys(status.state for status in made.said))
    assert states == [State.PENDING, State.RUNNING, State.SUCCEEDED]


async def test_submitting_twice_makes_one_job_whose_parts_belong_to_it(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with (
        engine_on(cluster, namespace, tmp_path / "one") as one,
        engine_on(cluster, namespace, tmp_path / "two") as two,
    ):
        await one.engine.submit(spec(tmp_path))
        await one.engine.submit(spec(tmp_path))
        await two.engine.submit(spec(tmp_path))
    jobs, _ = await cluster.admin.list(PYTORCH_JOBS, namespace=namespace)
    assert [job["metadata"]["name"] for job in jobs] == [NAME]
    carrier = await cluster.admin.get(CONFIG_MAPS, NAME, namespace=namespace)
    assert [owner["uid"] for owner in carrier["metadata"]["ownerReferences"]] == [jobs[0]["metadata"]["uid"]]


async def test_a_stopped_job_is_gone_from_the_cluster_with_all_its_pods(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path))
        await made.reaches(JOB, State.RUNNING)
        await made.engine.stop(JOB, reason="Stopped by ada.")
        ended = await made.reaches(JOB, State.STOPPED)
        assert ended.reason == "Stopped by ada."
        assert await pods_of(cluster, namespace) == []
        assert (await cluster.admin.list(PYTORCH_JOBS, namespace=namespace))[0] == []
        assert [
            item for item in (await cluster.admin.list(CONFIG_MAPS, namespace=namespace))[0] if JOB in str(item)
        ] == []
        await made.engine.stop(JOB, reason="Again.")
        assert (await made.engine.status(JOB)).reason == "Stopped by ada."
        await made.engine.remove(JOB)
        assert await made.engine.status(JOB) is None
    assert not (tmp_path / "kubernetes" / "jobs" / JOB).exists()


async def test_a_server_without_ledger_and_disk_finds_jobs_and_what_they_printed(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    async with engine_on(cluster, namespace, first) as made:
        sent = spec(first, imports=("einops==0.8.1",))
        await made.engine.submit(sent)
        await made.reaches(JOB, State.RUNNING)
    if cluster.emulator is not None:
        logs = cluster.emulator.api.logs
        cluster.emulator.call(lambda: logs.of(namespace, f"{NAME}-master-0").write(b"[rank 0] hello\n"))
    async with engine_on(cluster, namespace, second) as other:
        adopted = {status.job_id: status for status in await other.engine.adopt()}
        assert adopted[JOB].state is State.RUNNING
        found = await other.engine.spec(JOB)
        assert (found.name, found.owner, found.imports, found.workers) == ("Train it", "ada", ("einops==0.8.1",), 2)
        # What was sent comes back too, so that it can be sent again.
        assert found.bundle_path.read_bytes() == sent.bundle_path.read_bytes()
        for name in (f"{NAME}-worker-0", f"{NAME}-master-0"):
            await cluster.kubelet.become(namespace, name, "succeeded")
        await other.reaches(JOB, State.SUCCEEDED, seconds=50)
        if cluster.emulator is not None:
            assert "hello" in await other.log(JOB)


async def test_jobs_of_others_in_the_same_namespace_are_left_alone(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with engine_on(cluster, namespace, tmp_path / "one") as made:
        await made.engine.submit(spec(tmp_path))
        await made.reaches(JOB, State.RUNNING)
    async with engine_on(cluster, namespace, tmp_path / "two", owner="bob") as other:
        await other.engine.adopt()
        await eventually(lambda: other.engine._access.opened is not None)
        assert await other.engine.adopt() == []
        assert await other.engine.status(JOB) is None
        with pytest.raises(NotFound):
            await other.engine.stop(JOB, reason="Not mine.")
    assert (await cluster.admin.get(PYTORCH_JOBS, NAME, namespace=namespace))["metadata"]["name"] == NAME


async def test_a_job_that_somebody_removes_is_stopped_and_its_record_stays(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path))
        await made.reaches(JOB, State.RUNNING)
        await cluster.admin.delete(PYTORCH_JOBS, NAME, namespace=namespace, propagation="Background")
        ended = await made.reaches(JOB, State.STOPPED, State.LOST)
        assert "removed" in ended.reason
        assert (await made.engine.placement(JOB)).object_name == NAME


async def test_a_job_that_vanished_while_nobody_looked_is_lost(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path))
        await made.reaches(JOB, State.RUNNING)
    await cluster.admin.delete(PYTORCH_JOBS, NAME, namespace=namespace, propagation="Background")

    async def gone() -> bool:
        return await pods_of(cluster, namespace) == []

    await eventually(gone)
    async with engine_on(cluster, namespace, tmp_path) as again:
        await again.engine.adopt()
        lost = await again.reaches(JOB, State.LOST)
        assert "no longer in the cluster" in lost.reason


async def test_a_quota_refuses_with_its_own_figures_and_leaves_nothing(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    await cluster.create(
        RESOURCE_QUOTAS,
        {"metadata": {"name": "few"}, "spec": {"hard": {"count/pytorchjobs.kubeflow.org": "0"}}},
        namespace=namespace,
    )
    async with engine_on(cluster, namespace, tmp_path) as made:

        async def in_force() -> bool:
            quota = await cluster.admin.get(RESOURCE_QUOTAS, "few", namespace=namespace)
            return bool(quota.get("status", {}).get("hard"))

        await eventually(in_force)
        with pytest.raises(InvalidRequest, match="few"):
            await made.engine.submit(spec(tmp_path))
        assert await made.engine.status(JOB) is None
    maps, _ = await cluster.admin.list(CONFIG_MAPS, namespace=namespace)
    assert [item for item in maps if item["metadata"]["name"] == NAME] == []
    assert not (tmp_path / "kubernetes" / "jobs" / JOB).exists()


@pytest.mark.emulator
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((403, 'pytorchjobs.kubeflow.org is forbidden: User "x" cannot create resource "pytorchjobs"'), Forbidden),
        ((403, 'admission webhook "images.example" denied the request: image not signed'), InvalidRequest),
        ((422, "PyTorchJob is invalid: spec.pytorchReplicaSpecs: Invalid value"), InvalidRequest),
    ],
)
async def test_what_the_cluster_refuses_is_said_and_nothing_is_left(
    cluster: Cluster, namespace: str, tmp_path: Path, answer: tuple[int, str], error: type[Exception]
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.adopt()
        cluster.faults.fail("POST", "/pytorchjobs", *answer)
        with pytest.raises(error, match=answer[1][:20].replace('"', ".")):
            await made.engine.submit(spec(tmp_path))
    maps, _ = await cluster.admin.list(CONFIG_MAPS, namespace=namespace)
    assert [item for item in maps if item["metadata"]["name"] == NAME] == []


@pytest.mark.emulator
async def test_an_answer_that_was_lost_is_no_failure_when_the_job_was_made(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.adopt()
        cluster.faults.drop("POST", "/pytorchjobs", times=1)
        await made.engine.submit(spec(tmp_path))
        await made.reaches(JOB, State.RUNNING)
    assert len((await cluster.admin.list(PYTORCH_JOBS, namespace=namespace))[0]) == 1


@pytest.mark.emulator
async def test_a_stop_while_the_cluster_is_away_is_carried_out_when_it_is_back(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path))
        await made.reaches(JOB, State.RUNNING)
        with cluster.faults.outage():
            await made.engine.stop(JOB, reason="Enough.")
            status = await made.engine.status(JOB)
            assert status.state is State.RUNNING
            assert "as soon as the cluster answers" in status.reason
        assert (await made.reaches(JOB, State.STOPPED, seconds=60)).reason == "Enough."
    assert await pods_of(cluster, namespace) == []


@pytest.mark.emulator
async def test_a_stop_that_a_server_did_not_live_to_carry_out_is_the_next_ones(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path))
        await made.reaches(JOB, State.RUNNING)
        with cluster.faults.outage():
            await made.engine.stop(JOB, reason="Enough.")
            await made.engine.close()
    async with engine_on(cluster, namespace, tmp_path) as again:
        await again.engine.adopt()
        assert (await again.reaches(JOB, State.STOPPED, seconds=40)).reason == "Enough."
    assert (await cluster.admin.list(PYTORCH_JOBS, namespace=namespace))[0] == []


async def test_a_job_that_waits_can_be_stopped(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        cluster.kubelet.behave("unschedulable", namespace=namespace)
        await made.engine.submit(spec(tmp_path))
        await made.reaches(JOB, State.PENDING)
        with pytest.raises(Conflict):
            await made.engine.remove(JOB)
        await made.engine.stop(JOB, reason="Not needed.")
        await made.reaches(JOB, State.STOPPED)

    async def gone() -> bool:
        return await pods_of(cluster, namespace) == []

    # Pods that the operator was about to make when its job went are the garbage collector's.
    await eventually(gone)


async def test_the_plan_shows_all_objects_and_why_the_kind_was_chosen(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        plan = await made.engine.plan(spec(tmp_path, id="preview", bundle_sha256=""))
        assert plan.kind == "PyTorchJob"
        assert "PyTorchJob" in plan.kind_reason
        assert [item["kind"] for item in plan.manifests] == ["ConfigMap", "PyTorchJob"]
        assert plan.manifest == plan.manifests[-1]
        assert "torch.distributed.run" in plan.command
        with pytest.raises(InvalidRequest) as refused:
            await made.engine.plan(spec(tmp_path, cluster={}))
        assert [field.field for field in refused.value.fields] == ["cluster.image"]
        if cluster.emulator is not None:
            # Elsewhere other tests may have had TrainJobs installed.
            with pytest.raises(InvalidRequest) as refused:
                await made.engine.plan(spec(tmp_path, kind="TrainJob"))
            assert [field.field for field in refused.value.fields] == ["kind"]
    assert (await cluster.admin.list(PYTORCH_JOBS, namespace=namespace))[0] == []


async def test_a_bundle_that_no_way_is_wide_enough_for_is_refused(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        with pytest.raises(BundleRefused, match="volume claim"):
            await made.engine.submit(spec(tmp_path, content=bytes(2_000_000)))
    assert (await cluster.admin.list(PYTORCH_JOBS, namespace=namespace))[0] == []


async def test_one_process_needs_no_operator(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path, workers=1))
        assert (await made.reaches(JOB, State.RUNNING)).kind == "Job"
        assert (await cluster.admin.get(JOBS, NAME, namespace=namespace))["metadata"]["name"] == NAME
        [pod] = await pods_of(cluster, namespace)
        await cluster.kubelet.become(namespace, pod["metadata"]["name"], "succeeded")
        await made.reaches(JOB, State.SUCCEEDED, seconds=50)


async def test_without_a_way_to_a_cluster_it_says_so_and_loads_nothing(tmp_path: Path) -> None:
    from windlass.engines.kubernetes.engine import KubernetesEngine

    engine = KubernetesEngine(data_dir=tmp_path, environ={"HOME": str(tmp_path)})
    check = await engine.check()
    assert not check.available
    assert "There is no way to a cluster" in check.message
    assert await engine.adopt() == []
    with pytest.raises(Unavailable, match="no way to a cluster"):
        await engine.submit(spec(tmp_path))
    assert engine._jobs is None
    await engine.close()
    assert not (tmp_path / "kubernetes").exists()
