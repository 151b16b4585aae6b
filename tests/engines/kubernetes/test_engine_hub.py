"""The engine on a hub: the hub's tokens as they come and go, its catalogue's images, and the nodes it sees start."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.crds import install
from tests.engines.kubernetes.engines import IMAGE, OWNER, Engine, spec
from tests.engines.kubernetes.hub import Hub, a_hub

from windlass.engines.base import State
from windlass.engines.kubernetes.engine import KubernetesEngine
from windlass.engines.kubernetes.jobs import cluster_jobs, live_jobs
from windlass.hub.broker import TOKEN_ENVIRONMENT, URL_ENVIRONMENT
from windlass.kube.resources import PODS, PYTORCH_JOBS

pytestmark = [pytest.mark.cluster, pytest.mark.emulator]

JOB = "jtest0000000001"
NAME = f"train-it-{JOB}"


@dataclass
class Desk:
    """A server's engine on a hub, and what is behind it."""

    made: Engine
    hub: Hub
    token: str
    namespace: str


@asynccontextmanager
async def on_a_hub(cluster: Cluster, folder: Path) -> AsyncIterator[Desk]:
    assert cluster.emulator is not None
    await install(cluster, PYTORCH_JOBS)
    namespace = await cluster.namespace()
    token = cluster.emulator.api.tokens.add("ada", groups=("system:masters",))
    operator = cluster.operator("PyTorchJob", jobs=False).start()
    try:
        async with a_hub() as hub:
            hub.gives_token(token, namespace=namespace, server=cluster.url)
            hub.answers["images"] = {"items": [{"slug": "torch", "display_name": "PyTorch", "image": IMAGE}]}
            hub.answers["capacity"] = {"source": "kubernetes", "complete": True}
            environ = {URL_ENVIRONMENT: hub.url, TOKEN_ENVIRONMENT: "mine", "HOME": str(folder)}
            made = Engine(KubernetesEngine(data_dir=folder, environ=environ, owner=OWNER))
            async with made.watched():
                yield Desk(made, hub, token, namespace)
    finally:
        operator.stop()


async def test_a_job_that_names_no_image_runs_in_the_catalogues_first(cluster: Cluster, tmp_path: Path) -> None:
    async with on_a_hub(cluster, tmp_path) as desk:
        await desk.made.engine.submit(spec(tmp_path, cluster={}))
        await desk.made.reaches(JOB, State.RUNNING)
        pods, _ = await cluster.admin.list(PODS, namespace=desk.namespace)
        images = {container["image"] for pod in pods for container in pod["spec"]["containers"]}
    assert images == {IMAGE}


async def test_a_token_that_is_no_longer_good_is_replaced_in_the_middle_of_a_job(
    cluster: Cluster, tmp_path: Path
) -> None:
    async with on_a_hub(cluster, tmp_path) as desk:
        await desk.made.engine.submit(spec(tmp_path))
        await desk.made.reaches(JOB, State.RUNNING)
        fresh = cluster.emulator.api.tokens.add("ada", groups=("system:masters",))
        desk.hub.gives_token(fresh, namespace=desk.namespace, server=cluster.url)
        cluster.emulator.call(lambda: cluster.emulator.api.tokens.revoke(desk.token))
        cluster.faults.cut_connections()
        for name in (f"{NAME}-worker-0", f"{NAME}-master-0"):
            await cluster.kubelet.become(desk.namespace, name, "succeeded")
        assert (await desk.made.reaches(JOB, State.SUCCEEDED, seconds=60)).exit_code == 0
        assert desk.hub.asked.count("token") >= 2


async def test_a_job_that_waits_says_which_node_is_being_started_for_it(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_jobs, "STARTING_SECONDS", 0.1)
    monkeypatch.setattr(live_jobs, "TICK_SECONDS", 0.2)
    async with on_a_hub(cluster, tmp_path) as desk:
        node = {"name": "gpu-x7", "pool": "gpu", "instance_type": "g5.xlarge", "spot": True, "state": "launched"}
        desk.hub.answers["capacity"] |= {"starting": [node]}
        cluster.kubelet.behave("unschedulable", namespace=desk.namespace)
        await desk.made.engine.submit(spec(tmp_path))

        async def named() -> bool:
            status = await desk.made.engine.status(JOB)
            return status is not None and "starting g5.xlarge" in status.reason

        await eventually(named, seconds=30, what="the node in the reason")
