"""Ends that this server did not see, through the whole engine: nothing is said of them that nobody can know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cluster.cluster import Cluster, eventually
from tests.engines.kubernetes.engines import engine_on, spec

from windlass.engines.base import State
from windlass.engines.kubernetes.jobs import live_jobs, settling
from windlass.kube import reflector
from windlass.kube.resources import PODS, PYTORCH_JOBS

pytestmark = pytest.mark.cluster

JOB = "jtest0000000001"
NAME = f"train-it-{JOB}"


async def remove(cluster: Cluster, namespace: str) -> None:
    """As a time to live does, to the last pod."""
    await cluster.admin.delete(PYTORCH_JOBS, NAME, namespace=namespace, propagation="Background")

    async def gone() -> bool:
        return (await cluster.admin.list(PODS, namespace=namespace))[0] == []

    await eventually(gone, what="the pods going")


@contextmanager
def blind(cluster: Cluster, namespace: str) -> Iterator[None]:
    """The engine sees nothing of what happens meanwhile, and the API has forgotten it afterwards."""
    ours = f"/namespaces/{namespace}/"
    rules = [
        cluster.faults.fail("GET", f"{ours}.*{query}", 500, "etcd has no leader", times=None)
        for query in ("watch=true", "labelSelector=.*windlass")
    ]
    cluster.faults.cut_connections()
    yield
    cluster.faults.expire_history()
    for rule in rules:
        cluster.faults.lift(rule)


@pytest.mark.emulator
async def test_a_job_that_went_while_nobody_watched_is_lost_and_not_called_stopped(
    cluster: Cluster, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reflector, "LONGEST_DELAY_SECONDS", 1.0)
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path))
        await made.reaches(JOB, State.RUNNING)
        with blind(cluster, namespace):
            for name in (f"{NAME}-worker-0", f"{NAME}-master-0"):
                await cluster.kubelet.become(namespace, name, "succeeded")
            await remove(cluster, namespace)
        ended = await made.reaches(JOB, State.STOPPED, State.LOST, State.SUCCEEDED, seconds=60)
        assert ended.state is State.LOST
        assert "not seen" in ended.reason
        assert ended.ended_at is None, "nobody knows when"


def say(data_dir: Path, rank: int, phase: str) -> None:
    """What a rank has reported by the time the server is away."""
    path = data_dir / "kubernetes" / "jobs" / JOB / "ranks" / str(rank) / "status.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"rank": rank, "phase": phase, "exit_code": 0, "ended_at": 1_800_000_000.0}))


@pytest.mark.parametrize(
    ("phases", "state"), [(("succeeded", "running"), State.SUCCEEDED), (("running", "succeeded"), State.LOST)]
)
async def test_a_job_whose_deciding_ranks_had_succeeded_is_no_lost_one(
    cluster: Cluster, namespace: str, tmp_path: Path, phases: tuple[str, str], state: State
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path))
        await made.reaches(JOB, State.RUNNING)
    for rank, phase in enumerate(phases):
        say(tmp_path, rank, phase)
    await remove(cluster, namespace)
    async with engine_on(cluster, namespace, tmp_path) as again:
        await again.engine.adopt()
        ended = await again.reaches(JOB, State.SUCCEEDED, State.LOST)
        assert ended.state is state
        if state is State.SUCCEEDED:
            assert (ended.exit_code, ended.ended_at) == (0, 1_800_000_000.0)
            assert any("no longer has this job" in notice for notice in ended.notices)


@pytest.mark.emulator
async def test_a_kind_that_the_api_forgets_for_a_moment_loses_no_job(
    cluster: Cluster, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_jobs, "TICK_SECONDS", 0.1)
    monkeypatch.setattr(reflector, "LONGEST_DELAY_SECONDS", 0.5)
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path))
        await made.reaches(JOB, State.RUNNING)
    starting = [
        cluster.faults.fail("GET", path, 404, "404 page not found", times=None, reason="NotFound")
        for path in ("/apis/kubeflow.org", "/pytorchjobs")
    ]
    monkeypatch.setattr(settling, "KIND_GONE_SECONDS", 3600.0)
    async with engine_on(cluster, namespace, tmp_path) as again:
        await again.engine.adopt()
        asked = starting[0].happened
        await eventually(lambda: again.engine._access.opened is not None)
        assert starting[0].happened >= asked > 0
        await again.engine._jobs._live.look(JOB)
        assert (await again.engine.status(JOB)).state is State.RUNNING
        monkeypatch.setattr(settling, "KIND_GONE_SECONDS", 0.0)
        lost = await again.reaches(JOB, State.LOST)
        assert "no longer serves PyTorchJob" in lost.reason


async def test_a_job_in_another_cluster_is_not_lost_because_this_one_does_not_have_it(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    """Somebody changes the context of their kubeconfig, and back."""
    other = await cluster.namespace()
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path))
        await made.reaches(JOB, State.RUNNING)
    async with engine_on(cluster, other, tmp_path) as away:
        await away.engine.adopt()
        status = await away.engine.status(JOB)
        assert status.state is State.RUNNING
        assert f"namespace {namespace}" in status.reason
        assert "looks at another" in status.reason
    async with engine_on(cluster, namespace, tmp_path) as back:
        await back.engine.adopt()
        assert (await back.reaches(JOB, State.RUNNING)).reason == ""


async def test_a_job_that_was_given_up_out_of_reach_is_stopped_once_it_can_be(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    other = await cluster.namespace()
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path))
        await made.reaches(JOB, State.RUNNING)
    async with engine_on(cluster, other, tmp_path) as away:
        await away.engine.adopt()
        await away.engine.stop(JOB, reason="Enough.")
        given_up = await away.reaches(JOB, State.LOST)
        assert namespace in given_up.reason
        assert (await cluster.admin.get(PYTORCH_JOBS, NAME, namespace=namespace))["metadata"]["name"] == NAME
    async with engine_on(cluster, namespace, tmp_path) as back:
        await back.engine.adopt()

        async def gone() -> bool:
            return (await cluster.admin.list(PODS, namespace=namespace))[0] == []

        await eventually(gone, what="its pods going")
    assert (await cluster.admin.list(PYTORCH_JOBS, namespace=namespace))[0] == []
