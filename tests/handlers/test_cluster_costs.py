"""Money of a job in a cluster, by REST: priced by its pod's node, right-sized by what it used, and on its run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.processes_kubelet import available
from tests.conftest import Mlflow
from tests.jupyter import Server, running
from tests.nvml.driver import GIB, LIBRARY, STATE_VARIABLE, FakeDriver, Gpu, build

from windlass.kube.resources import NODES, PODS

pytestmark = [pytest.mark.cluster, pytest.mark.emulator, pytest.mark.mlflow]

A100 = "NVIDIA-A100-SXM4-40GB"
BOOK = f"""\
version: 1
prices:
- {{gpu: {A100}, usd_per_hour: 30}}
- {{mig: 2g.10gb, of: {A100}, usd_per_hour: 7.71}}
- {{gpu: NVIDIA-H100-80GB-HBM3, usd_per_hour: 60}}
- {{cpu: core, usd_per_hour: 0}}
- {{memory: GiB, usd_per_hour: 0}}
"""
OUT_OF_MEMORY = """
class OutOfMemoryError(RuntimeError): ...
raise OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
"""
CELL = """
import ctypes, os, pathlib, time
os.environ[{variable!r}] = {state!r}
ctypes.CDLL({library!r})
while not pathlib.Path({go_on!r}).exists(): time.sleep(0.02)
"""


@pytest_asyncio.fixture
async def connected(cluster: Cluster, mlflow: Mlflow, tmp_path: Path) -> AsyncIterator[Server]:
    """A server with a price book, an MLflow, and a cluster with a node that has an A100."""
    if not available():
        pytest.skip("This machine does not let us make namespaces for mounts and processes.")
    namespace = await cluster.namespace()
    operator = cluster.operator().start()
    cluster.kubelet.run_processes(tmp_path / "pods", emulator=cluster.emulator, **{"nvidia.com/gpu": "1"})
    labels = {"nvidia.com/gpu.product": A100, "node.kubernetes.io/instance-type": "a2-highgpu-1g"}
    await cluster.admin.patch(NODES, "this-machine", {"metadata": {"labels": labels}})
    kubeconfig = cluster.kubeconfig(tmp_path / "kubeconfig", namespace=namespace)
    book = tmp_path / "prices.yaml"
    book.write_text(BOOK)
    options = (
        f"--WindlassApp.tracking_uri={mlflow.url}",
        f"--WindlassApp.price_book={book}",
        "--WindlassApp.advice_minutes=0",
    )
    with running(tmp_path, *options, kubeconfig=kubeconfig) as server:
        yield server
    operator.stop()


async def test_a_whole_a100_of_which_8_gb_were_used_is_priced_by_its_node_and_advised_a_slice(
    connected: Server, mlflow: Mlflow, tmp_path: Path
) -> None:
    folder = build(tmp_path)
    driver = FakeDriver(folder=folder, state=tmp_path / "state", gpus=[Gpu(uuid="GPU-0", util=20, used=8 * GIB)])
    driver.write()
    go_on = tmp_path / "go-on"
    cell = CELL.format(
        variable=STATE_VARIABLE, state=str(driver.state), library=str(folder / LIBRARY), go_on=str(go_on)
    )
    name = connected.notebook("train.ipynb", cell)
    options: dict[str, Any] = {
        "image": "example.invalid/python:1",
        "cpu": 1,
        "memory_bytes": 2**28,
        "install_packages": False,
    }
    request = {"engine": "kubernetes", "gpus_per_worker": 1, "cluster": options}

    def ask(path: str, **body: Any) -> dict[str, Any]:
        with connected.client() as http:
            answer = http.post(path, json=body) if body else http.get(path)
        return answer.raise_for_status().json()

    # The cluster has one kind of GPU: what any will cost is known before the job is sent.
    estimate = await asyncio.to_thread(
        ask, "/costs/estimate", notebook="train.ipynb", time_limit_seconds=3600, **request
    )
    assert (estimate["usd_per_hour"], estimate["most_usd"], estimate["spot_usd_per_hour"]) == (30.0, 30.0, None)
    assert any("the only one that the cluster has" in note for note in estimate["notes"])

    job_id = (await asyncio.to_thread(connected.send, name, **request))["id"]

    async def measured() -> bool:
        found = await asyncio.to_thread(ask, f"/jobs/{job_id}/gpus")
        usage = found["usage"]
        return usage is not None and usage["seconds"] > 20 and usage["covered"] > 0.92

    await eventually(measured, seconds=90, what="readings of most of its time")
    live = await asyncio.to_thread(ask, f"/jobs/{job_id}/cost")
    assert (live["live"], live["usd_per_hour"]) == (True, 30.0)
    go_on.touch()
    assert (await asyncio.to_thread(connected.reaches, job_id))["state"] == "succeeded"

    async def recorded() -> dict[str, Any] | None:
        job = await asyncio.to_thread(connected.job, job_id)
        return job if job["record"] == "uploaded" else None

    job = await eventually(recorded, seconds=60, what="the record")
    cost = await asyncio.to_thread(ask, f"/jobs/{job_id}/cost")
    (pod,) = cost["pods"]
    assert (pod["instance_type"], pod["capacity"], pod["gpu_product"]) == ("a2-highgpu-1g", "on-demand", A100)
    assert pod["held_until"] is not None
    assert cost["usd"] == pytest.approx(30 * cost["gpu_hours"])
    assert job["cost_usd"] == pytest.approx(cost["usd"])

    (run,) = await asyncio.to_thread(mlflow.runs_of, job_id)
    metrics = {metric["key"]: metric["value"] for metric in run["data"]["metrics"]}
    assert metrics["windlass.cost_usd"] == pytest.approx(cost["usd"])
    assert metrics["windlass.gpu_hours"] == pytest.approx(cost["gpu_hours"])
    # It was measured all along, and never idle: that is a figure, and not a missing one.
    assert metrics["windlass.gpu_idle_fraction"] == 0.0

    advice = await asyncio.to_thread(ask, f"/jobs/{job_id}/advice")
    assert advice["verdict"] == "smaller", advice
    assert advice["saves_usd_per_hour"] == pytest.approx(22.29)
    assert advice["sentence"] == (
        f"It used 8 of 40 GB and 20 % of the GPU: a 2g.10gb slice of {A100} would do, and saves $22.29 an hour."
    )
    gpu = {"product": None, "share": "mig", "mig_profile": "2g.10gb", "resource": None}
    assert advice["options"] == {"cluster": {"gpu": gpu}}
    # What is advised is what the next request takes.
    smaller = {**request, "cluster": {**options, "gpu": {**gpu, "product": A100}}}
    priced = await asyncio.to_thread(ask, "/costs/estimate", notebook="train.ipynb", **smaller)
    assert priced["usd_per_hour"] == 7.71

    # A job that ran out of it is told the opposite, however short it was.
    connected.notebook("oom.ipynb", OUT_OF_MEMORY)
    failed = (await asyncio.to_thread(connected.send, "oom.ipynb", **request))["id"]
    assert (await asyncio.to_thread(connected.reaches, failed))["state"] == "failed"
    advice = await asyncio.to_thread(ask, f"/jobs/{failed}/advice")
    assert (advice["verdict"], advice["would_do"]) == ("larger", "1 × NVIDIA-H100-80GB-HBM3")
    assert advice["options"]["cluster"]["gpu"]["product"] == "NVIDIA-H100-80GB-HBM3"


async def test_a_pod_that_was_killed_for_its_memory_is_told_how_much_to_ask_for(
    cluster: Cluster, tmp_path: Path
) -> None:
    namespace = await cluster.namespace()
    operator = cluster.operator().start()
    with running(tmp_path, kubeconfig=cluster.kubeconfig(tmp_path / "kubeconfig", namespace=namespace)) as server:
        options = {"image": "example.invalid/python:1", "memory_bytes": 2 * GIB, "cpu": 1, "install_packages": False}
        name = server.notebook("big.ipynb", "print(1)")
        job_id = (await asyncio.to_thread(server.send, name, engine="kubernetes", cluster=options))["id"]
        await asyncio.to_thread(server.reaches, job_id, "running")
        pods, _ = await cluster.admin.list(PODS, namespace=namespace)
        await cluster.kubelet.become(namespace, pods[0]["metadata"]["name"], "oom-killed")
        job = await asyncio.to_thread(server.reaches, job_id)
        assert "OOMKilled" in job["reason"]
        with server.client() as http:
            advice = http.get(f"/jobs/{job_id}/advice").raise_for_status().json()
    operator.stop()
    assert advice["sentence"] == "It ran out of its 2 GiB of memory: ask for 3 GiB."
    assert (advice["verdict"], advice["options"]) == ("larger", {"cluster": {"memory_bytes": 3 * GIB}})
