"""A job in a cluster from `%train` to its record in MLflow: pods that really run, and the truth asked at MLflow."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.processes_kubelet import available
from tests.conftest import Mlflow
from tests.jupyter import Server, running

from windlass.kube.names import RECORD_ANNOTATION, RECORD_FINISHED
from windlass.kube.resources import JOBS

pytestmark = [pytest.mark.cluster, pytest.mark.emulator, pytest.mark.mlflow]

IMAGE = "example.invalid/python:1"
MAGIC = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "windlass")
sent = shell.run_line_magic("train", "work/train.ipynb --engine kubernetes --image {image} --memory 256Mi --no-install")
print("id:", sent.id)
print("state:", sent.wait(90).value)
"""


@pytest_asyncio.fixture
async def connected(cluster: Cluster, mlflow: Mlflow, tmp_path: Path) -> AsyncIterator[Server]:
    """A server with a cluster whose pods are processes, and with an MLflow."""
    if not available():
        pytest.skip("This machine does not let us make namespaces for mounts and processes.")
    namespace = await cluster.namespace()
    operator = cluster.operator().start()
    cluster.kubelet.run_processes(tmp_path / "pods", emulator=cluster.emulator)
    kubeconfig = cluster.kubeconfig(tmp_path / "kubeconfig", namespace=namespace)
    with running(tmp_path, f"--WindlassApp.tracking_uri={mlflow.url}", kubeconfig=kubeconfig) as server:
        yield server
    operator.stop()


async def ran(server: Server, *command: str) -> str:
    """What a command of the user's prints."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, *command],
        cwd=server.root,
        env=server.environment(),
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stdout + done.stderr + server.log.read_text()
    return done.stdout


async def test_a_magic_sends_a_job_whose_log_and_notebook_come_into_mlflow_after_its_end(
    cluster: Cluster, connected: Server, mlflow: Mlflow
) -> None:
    connected.notebook("work/train.ipynb", "# parameters\nscale = 3", "print('scaled by', scale)")
    printed = await ran(connected, "-c", MAGIC.format(image=IMAGE))
    said = dict(line.split(": ", 1) for line in printed.splitlines() if ": " in line)
    assert said["state"] == "succeeded", printed
    job_id = said["id"]

    async def recorded() -> dict[str, Any] | None:
        job = await asyncio.to_thread(connected.job, job_id)
        return job if job["record"] == "uploaded" else None

    job = await eventually(recorded, seconds=60, what="the record")
    run_id = job["run_id"]
    (run,) = await asyncio.to_thread(mlflow.runs_of, job_id)
    assert (run["info"]["run_id"], run["info"]["status"]) == (run_id, "FINISHED")
    assert mlflow.artifacts(run_id, "windlass") == [
        "windlass/bundle.tar.gz",
        "windlass/executed.ipynb",
        "windlass/logs",
    ]
    assert "scaled by 3" in mlflow.artifact(run_id, "windlass/executed.ipynb").decode()
    assert "scaled by 3" in mlflow.artifact(run_id, "windlass/logs/rank-0.log").decode()

    async def marked() -> bool:
        [item], _ = await cluster.admin.list(JOBS)
        return (item["metadata"].get("annotations") or {}).get(RECORD_ANNOTATION) == RECORD_FINISHED

    await eventually(marked, what="the mark in the cluster")
    shown = await ran(connected, "-m", "windlass.cli", "job", job_id)
    assert "this-machine" in shown
    assert "first line" in shown
