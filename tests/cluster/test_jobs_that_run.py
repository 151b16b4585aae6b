"""Jobs that really run: in the image of WINDLASS_TEST_IMAGE where nodes are real, as processes on the emulator."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.crds import TRAINER, install
from tests.engines.kubernetes.engines import Engine, engine_on, spec
from tests.engines.local.jobs import notebook_bundle

from windlass.engines.base import JobSpec, State
from windlass.kube.resources import CONFIG_MAPS, PODS, PYTORCH_JOBS

pytestmark = [pytest.mark.cluster, pytest.mark.torch]

JOB = "jtest0000000001"
PULL_SECONDS = 900.0
"""An image with PyTorch is gigabytes, and the first job waits for it."""
TOGETHER = (
    "import torch, torch.distributed as dist\ndist.init_process_group('gloo')",
    "t = torch.ones(1) * dist.get_rank()\ndist.all_reduce(t)",
    "print('rank', dist.get_rank(), 'of', dist.get_world_size(), 'sum', int(t))",
)
KINDS = {"Job": 1, "PyTorchJob": 2, "TrainJob": 2}
"""How many workers a job of each kind is given here."""


@pytest_asyncio.fixture
async def namespace(cluster: Cluster, running_image: str) -> AsyncIterator[str]:
    """With an operator for every kind that the cluster has none for, and nodes that run pods."""
    assert running_image
    cluster.needs("indexed-jobs")
    await install(cluster, PYTORCH_JOBS, *TRAINER)
    operator = cluster.operator("PyTorchJob", "TrainJob", "JobSet").start()
    yield await cluster.namespace()
    operator.stop()
    assert operator.refused == []


def job(folder: Path, image: str, *cells: str, kind: str) -> JobSpec:
    bundle = notebook_bundle(folder / "bundles", *cells)
    return spec(
        folder,
        JOB,
        kind=kind,
        workers=KINDS[kind],
        notebook="dir/train.ipynb",
        bundle_path=bundle,
        bundle_sha256=bundle.name.partition(".")[0],
        cluster={"image": image, "cpu": 0.25, "memory_bytes": 2**30},
    )


async def shows(made: Engine, words: str) -> None:
    """Wait for words in the job's output, whoever prints them."""

    async def printed() -> bool:
        return words in await made.log(JOB)

    await eventually(printed, seconds=60, what=f"{words!r} in the log")


async def gone(cluster: Cluster, namespace: str) -> None:
    """Wait until nothing of the job is left."""

    async def empty() -> bool:
        pods, _ = await cluster.admin.list(PODS, namespace=namespace)
        maps, _ = await cluster.admin.list(CONFIG_MAPS, namespace=namespace)
        return not pods and not any(JOB in item["metadata"]["name"] for item in maps)

    await eventually(empty, seconds=60, what="the job's objects going")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_notebook_runs_on_every_rank_and_comes_back_with_its_outputs(
    cluster: Cluster, namespace: str, running_image: str, tmp_path: Path, kind: str
) -> None:
    cells = TOGETHER if KINDS[kind] > 1 else ("print('rank 0 of 1 sum', 6 - 6)",)
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(job(tmp_path, running_image, *cells, kind=kind))
        ended = await made.reaches(JOB, State.SUCCEEDED, State.FAILED, State.STOPPED, seconds=PULL_SECONDS)
        assert (ended.state, ended.exit_code) == (State.SUCCEEDED, 0), await made.log(JOB)
        last = KINDS[kind] - 1
        await shows(made, f"rank 0 of {KINDS[kind]} sum {last}")
        await shows(made, f"rank {last} of {KINDS[kind]} sum {last}")

        async def executed() -> bool:
            content = await made.engine.executed_notebook(JOB)
            cell = json.loads(content)["cells"][-1] if content else {}
            return "rank 0 of" in json.dumps(cell.get("outputs", []))

        await eventually(executed, seconds=30, what="the executed notebook")
        await made.engine.remove(JOB)
        await gone(cluster, namespace)


async def test_a_cell_that_raises_fails_the_job_with_its_error(
    cluster: Cluster, namespace: str, running_image: str, tmp_path: Path
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.submit(job(tmp_path, running_image, "raise ValueError('of no use')", kind="Job"))
        ended = await made.reaches(JOB, State.SUCCEEDED, State.FAILED, seconds=PULL_SECONDS)
        assert ended.state is State.FAILED
        await shows(made, "of no use")


async def test_a_job_that_is_stopped_leaves_no_pod(
    cluster: Cluster, namespace: str, running_image: str, tmp_path: Path
) -> None:
    async with engine_on(cluster, namespace, tmp_path) as made:
        cells = ("print('begun', flush=True)", "import time\ntime.sleep(600)")
        await made.engine.submit(job(tmp_path, running_image, *cells, kind="Job"))
        await made.reaches(JOB, State.RUNNING, seconds=PULL_SECONDS)
        await shows(made, "begun")
        await made.engine.stop(JOB, reason="Enough.")
        assert (await made.reaches(JOB, State.STOPPED, seconds=60)).reason == "Enough."
        await gone(cluster, namespace)
