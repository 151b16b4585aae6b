"""Stops that come at a bad moment, and what is still known of a job whose pods have been taken away."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from tests.cluster.cluster import Cluster, eventually
from tests.engines.kubernetes.engines import engine_on, spec

from windlass.engines.base import State
from windlass.errors import NotFound, WindlassError
from windlass.kube.resources import CONFIG_MAPS, PODS, PYTORCH_JOBS

pytestmark = pytest.mark.cluster

JOB = "jtest0000000001"
NAME = f"train-it-{JOB}"


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


@pytest.mark.emulator
async def test_a_stop_that_is_refused_when_it_is_tried_again_says_so_and_the_job_goes_on(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(spec(tmp_path))
        await made.reaches(JOB, State.RUNNING)
        refused = cluster.faults.fail("DELETE", f"/pytorchjobs/{NAME}", 403, "pytorchjobs is forbidden", times=None)
        with cluster.faults.outage():
            await made.engine.stop(JOB, reason="Enough.")

        async def refusal_is_said() -> bool:
            return "could not be stopped" in (await made.engine.status(JOB)).reason

        await eventually(refusal_is_said, what="the refusal")
        assert (await made.engine.status(JOB)).state is State.RUNNING
        cluster.faults.lift(refused)
        await made.engine.stop(JOB, reason="Now.")
        assert (await made.reaches(JOB, State.STOPPED, seconds=30)).reason == "Now."


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
