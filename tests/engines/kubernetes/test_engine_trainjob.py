"""TrainJobs through the whole engine, with stand-ins for Trainer and JobSet: run, tried again, kept, removed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.crds import TRAINER, install
from tests.engines.kubernetes.engines import OWNER, Engine, engine_on, spec

from windlass.engines.base import State
from windlass.engines.kubernetes.jobs.sweeping import sweep
from windlass.kube.resources import CONFIG_MAPS, JOB_SETS, PODS, TRAIN_JOBS, TRAINING_RUNTIMES, Resource

pytestmark = pytest.mark.cluster

JOB = "jtest0000000001"
NAME = f"train-it-{JOB}"
KEPT_SECONDS = 3600


@pytest_asyncio.fixture
async def namespace(cluster: Cluster) -> AsyncIterator[str]:
    """With operators that look after TrainJobs in it."""
    cluster.needs_stand_ins()
    cluster.needs("indexed-jobs")
    await install(cluster, *TRAINER)
    operator = cluster.operator("TrainJob", "JobSet").start()
    yield await cluster.namespace()
    operator.stop()


async def there(cluster: Cluster, namespace: str, resource: Resource) -> list[str]:
    items, _ = await cluster.admin.list(resource, namespace=namespace)
    return [item["metadata"]["name"] for item in items if item["metadata"]["name"].startswith(NAME)]


async def ranks(cluster: Cluster, namespace: str) -> list[str]:
    """Names of the pods that run."""
    items, _ = await cluster.admin.list(PODS, namespace=namespace)
    return [
        item["metadata"]["name"]
        for item in items
        if item["status"].get("phase") == "Running" and not item["metadata"].get("deletionTimestamp")
    ]


async def end(cluster: Cluster, namespace: str, outcome: str, names: list[str]) -> None:
    for name in names:
        await cluster.kubelet.become(namespace, name, outcome)


async def runs(made: Engine, tmp_path: Path, **changes: Any) -> None:
    changes.setdefault("cluster", {"image": "example.invalid/torch:1", "keep_seconds": KEPT_SECONDS})
    await made.engine.submit(spec(tmp_path, kind="TrainJob", **changes))
    assert (await made.reaches(JOB, State.RUNNING, seconds=30)).kind == "TrainJob"


async def test_a_trainjob_runs_to_its_end_and_is_removed_when_its_time_is_over(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await runs(made, tmp_path)
        placement = await made.engine.placement(JOB)
        assert (placement.object_kind, sorted(pod.ranks for pod in placement.pods)) == ("TrainJob", [[0], [1]])
        await end(cluster, namespace, "succeeded", await ranks(cluster, namespace))
        ended = await made.reaches(JOB, State.SUCCEEDED, seconds=50)
        assert ended.exit_code == 0
        opened, jobs = await made.engine._access.get(), list(made.engine._jobs._live)
        await sweep(opened, jobs, owner=OWNER, now=time.time() + KEPT_SECONDS / 2)
        assert await there(cluster, namespace, TRAIN_JOBS) == [NAME]
        await sweep(opened, jobs, owner=OWNER, now=time.time() + KEPT_SECONDS + 60)

        async def gone() -> bool:
            left = [
                await there(cluster, namespace, each)
                for each in (TRAIN_JOBS, TRAINING_RUNTIMES, JOB_SETS, CONFIG_MAPS, PODS)
            ]
            return not any(left)

        await eventually(gone, what="everything of the TrainJob going")
        # The record outlives what the cluster kept.
        assert (await made.engine.status(JOB)).state is State.SUCCEEDED
        assert len((await made.engine.placement(JOB)).pods) == 2


async def test_all_ranks_of_a_trainjob_begin_again_together_and_it_ends_well(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await runs(made, tmp_path, retries=1)
        first = await ranks(cluster, namespace)
        await end(cluster, namespace, "failed", first[:1])

        async def again() -> list[str]:
            found = await ranks(cluster, namespace)
            return found if len(found) == 2 and not set(found) & set(first) else []

        second = await eventually(again, seconds=40, what="two new pods")
        await eventually(lambda: _restarts(made, 1), what="one restart being counted")
        await made.reaches(JOB, State.RUNNING, seconds=30)
        await end(cluster, namespace, "succeeded", second)
        ended = await made.reaches(JOB, State.SUCCEEDED, seconds=50)
        assert (ended.exit_code, ended.restarts) == (0, 1)


async def test_a_failed_trainjob_stays_failed_and_its_jobset_stays_with_it(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await runs(made, tmp_path)
        await end(cluster, namespace, "failed", (await ranks(cluster, namespace))[:1])
        ended = await made.reaches(JOB, State.FAILED, seconds=50)
        assert "exit code 1" in ended.reason
        assert ended.exit_code == 1
        # Were it given a time to live, Trainer would make the JobSet again and run the job once more.
        jobset = await cluster.admin.get(JOB_SETS, NAME, namespace=namespace)
        assert "ttlSecondsAfterFinished" not in jobset["spec"]
        for child in jobset["spec"]["replicatedJobs"]:
            assert "ttlSecondsAfterFinished" not in child["template"]["spec"]
        await made.engine.remove(JOB)
        await eventually(lambda: _gone(cluster, namespace), what="the TrainJob going")


async def test_a_stopped_trainjob_leaves_nothing_behind(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await runs(made, tmp_path)
        await made.engine.stop(JOB, reason="Enough.")
        assert (await made.reaches(JOB, State.STOPPED, seconds=30)).reason == "Enough."
        await eventually(lambda: _gone(cluster, namespace), what="the TrainJob going")


async def _restarts(made: Engine, count: int) -> bool:
    return (await made.engine.status(JOB)).restarts == count


async def _gone(cluster: Cluster, namespace: str) -> bool:
    kinds = (TRAIN_JOBS, TRAINING_RUNTIMES, JOB_SETS, CONFIG_MAPS, PODS)
    return not any([await there(cluster, namespace, each) for each in kinds])
