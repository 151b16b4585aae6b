"""Stops that come at a bad moment, and what is still known of a job whose pods have been taken away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.crds import install
from tests.cluster.operator import Operator
from tests.engines.kubernetes.engines import engine_on, spec

from windlass.engines.base import State
from windlass.errors import NotFound, WindlassError
from windlass.kube.resources import CONFIG_MAPS, PODS, PYTORCH_JOBS

pytestmark = pytest.mark.cluster

JOB = "jtest0000000001"
NAME = f"train-it-{JOB}"


@pytest_asyncio.fixture
async def namespace(cluster: Cluster) -> AsyncIterator[str]:
    """With an operator that looks after PyTorchJobs in it."""
    if cluster.kubelet is None:
        pytest.skip("This cluster has real nodes, and these jobs have no image.")
    await install(cluster, PYTORCH_JOBS)
    operator = Operator(cluster.credentials(), kinds=("PyTorchJob",), jobs=False).start()
    yield await cluster.namespace()
    operator.stop()


async def names(cluster: Cluster, namespace: str) -> set[str]:
    """Of what there is of jobs."""
    found = [
        item["metadata"]["name"]
        for resource in (PYTORCH_JOBS, PODS, CONFIG_MAPS)
        for item in (await cluster.admin.list(resource, namespace=namespace, label_selector="windlass.io/job"))[0]
    ]
    return set(found)


@pytest.mark.emulator
@pytest.mark.parametrize("step", ["/configmaps", "/pytorchjobs"])
async def test_a_stop_while_the_job_is_being_sent_is_final(
    cluster: Cluster, namespace: str, tmp_path: Path, step: str
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.adopt()
        slow = cluster.faults.delay("POST", f"{namespace}{step}|{namespace}.*{step}", seconds=1.5)
        sending = asyncio.create_task(made.engine.submit(spec(tmp_path)))
        await eventually(lambda: slow.happened == 1, what="the request")
        with suppress(NotFound):
            await made.engine.stop(JOB, reason="Not that one.")
        with suppress(WindlassError):
            await sending
        ended = await made.reaches(JOB, State.STOPPED)
        assert ended.reason == "Not that one."

        async def nothing() -> bool:
            return await names(cluster, namespace) == set()

        await eventually(nothing, what="all of it going")


async def test_a_stopped_job_still_shows_where_it_ran(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path))
        await made.reaches(JOB, State.RUNNING)
        await made.engine.stop(JOB, reason="Enough.")
        await made.reaches(JOB, State.STOPPED, seconds=30)
        placement = await made.engine.placement(JOB)
        assert [(pod.name, pod.state) for pod in placement.pods] == [
            (f"{NAME}-master-0", "gone"),
            (f"{NAME}-worker-0", "gone"),
        ]
        steps = {step.name: step for step in placement.timeline}
        assert steps["node_ready"].at is not None
        assert steps["image_pulled"].at is not None


async def test_pods_that_are_cleaned_up_after_the_end_stay_on_the_time_line(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path))
        await made.reaches(JOB, State.RUNNING)
        await cluster.kubelet.become(namespace, f"{NAME}-master-0", "succeeded")
        await made.reaches(JOB, State.SUCCEEDED, seconds=50)
        worker = f"{NAME}-worker-0"
        with suppress(Exception):
            await cluster.admin.delete(PODS, worker, namespace=namespace)

        async def gone() -> bool:
            seen = made.engine._access.opened.watch.seen(JOB)
            return [pod["metadata"]["name"] for pod in seen.pods] == [f"{NAME}-master-0"]

        await eventually(gone, what="the watch seeing the worker go")
        placement = await made.engine.placement(JOB)
        steps = {step.name: step for step in placement.timeline}
        assert steps["node_ready"].at is not None, steps["node_ready"].note
        assert {pod.name for pod in placement.pods} == {f"{NAME}-master-0", worker}
