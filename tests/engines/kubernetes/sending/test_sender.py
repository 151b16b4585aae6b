"""What a plan shows is what would be made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.cluster.cluster import Cluster
from tests.cluster.crds import TRAINER, install
from tests.engines.kubernetes.engines import engine_on, spec

from windlass.kube.resources import CONFIG_MAPS, EVENTS, JOBS, PODS, PYTORCH_JOBS

pytestmark = pytest.mark.emulator

TORCHRUN = ["python", "-m", "torch.distributed.run"]
ENTRY_POINT = "/windlass/bundle/windlass_run.py"


@pytest.mark.parametrize(
    ("kind", "processes", "command"),
    [
        ("Job", 1, ["python", ENTRY_POINT]),
        (
            "Job",
            2,
            [
                *TORCHRUN,
                "--nnodes=1",
                "--nproc-per-node=2",
                "--rdzv-backend=static",
                "--master-addr=127.0.0.1",
                "--master-port=29500",
                ENTRY_POINT,
            ],
        ),
        ("PyTorchJob", 2, [*TORCHRUN, ENTRY_POINT]),
        ("TrainJob", 2, [*TORCHRUN, ENTRY_POINT]),
    ],
)
async def test_the_command_of_a_plan_is_that_of_its_manifest(
    cluster: Cluster, tmp_path: Path, kind: str, processes: int, command: list[str]
) -> None:
    await install(cluster, PYTORCH_JOBS, *TRAINER)
    asked: dict[str, Any] = {"kind": kind, "workers": 1, "processes_per_worker": processes}
    async with engine_on(cluster, await cluster.namespace(), tmp_path) as made:
        plan = await made.engine.plan(spec(tmp_path, **asked))
    assert list(plan.command) == command
    assert str(command) in str(plan.manifests)


async def test_no_manifest_of_a_plan_holds_a_secret_of_the_environment(cluster: Cluster, tmp_path: Path) -> None:
    secrets = {
        "API_TOKEN": "hunter2-a",
        "INDEX": "https://hunter2-b@index.example/simple",
        "DATABASE": "postgres://ada:hunter2-c@db/x",
        "MLFLOW_TRACKING_URI": "https://ada:hunter2-d@mlflow.example",
        "BUCKET": "https://x.blob.example/c?sig=hunter2-e",
    }
    namespace = await cluster.namespace()
    async with engine_on(cluster, namespace, tmp_path) as made:
        plan = await made.engine.plan(spec(tmp_path, workers=1, environment=secrets))
        assert "hunter2" not in str(plan)
        await made.engine.submit(spec(tmp_path, workers=1, environment=secrets))
    there = [await cluster.admin.list(each, namespace=namespace) for each in (CONFIG_MAPS, JOBS, PODS, EVENTS)]
    assert "Train it" in str(there)
    assert "hunter2" not in str(there)
