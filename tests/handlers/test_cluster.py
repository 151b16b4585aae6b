"""Jobs in a cluster through the server's REST interface, and what is said of them without one."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.cluster.cluster import Cluster
from tests.cluster.crds import install
from tests.cluster.processes_kubelet import available
from tests.conftest import until
from tests.jupyter import Server, running

from windlass.kube.resources import CONFIG_MAPS, PODS, PYTORCH_JOBS

IMAGE = "example.invalid/torch:1"


@pytest_asyncio.fixture
async def namespace(cluster: Cluster) -> AsyncIterator[str]:
    """With an operator that looks after PyTorchJobs in it."""
    cluster.needs_stand_ins()
    await install(cluster, PYTORCH_JOBS)
    operator = cluster.operator("PyTorchJob").start()
    yield await cluster.namespace()
    operator.stop()


@pytest.fixture
def connected(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[Server]:
    """A server whose kubeconfig leads to the cluster."""
    with running(tmp_path, kubeconfig=cluster.kubeconfig(tmp_path / "kubeconfig", namespace=namespace)) as server:
        yield server


async def reaches(server: Server, job_id: str, *states: str, seconds: float = 30) -> dict[str, Any]:
    return await asyncio.to_thread(server.reaches, job_id, *states, seconds=seconds)


def ask(server: Server, path: str) -> Any:
    with server.client() as http:
        return http.get(path).raise_for_status().json()


@pytest.mark.cluster
async def test_a_job_in_a_cluster_is_sent_placed_stopped_and_sent_again(
    cluster: Cluster, namespace: str, connected: Server
) -> None:
    server = connected
    server.notebook("train.ipynb", "print('hello')")
    request = {"engine": "kubernetes", "workers": 2, "cluster": {"image": IMAGE, "memory_bytes": 2**30}}
    job = await asyncio.to_thread(server.send, "train.ipynb", **request)
    assert (job["engine"], job["kind"]) == ("kubernetes", "PyTorchJob")
    await reaches(server, job["id"], "running")
    placement = await asyncio.to_thread(ask, server, f"/jobs/{job['id']}/placement")
    assert (placement["namespace"], placement["object_kind"]) == (namespace, "PyTorchJob")
    assert sorted(pod["ranks"] for pod in placement["pods"]) == [[0], [1]]
    assert "created" in [step["name"] for step in placement["timeline"]]
    with server.client() as http:
        stopped = await asyncio.to_thread(http.post, f"/jobs/{job['id']}/stop", json={"reason": "Enough."})
        assert stopped.status_code == 200
        ended = await reaches(server, job["id"], "stopped")
        assert ended["reason"] == "Enough."
        again = await asyncio.to_thread(http.post, f"/jobs/{job['id']}/rerun")
        assert again.status_code == 201, again.text
        await reaches(server, again.json()["id"], "running")
        await asyncio.to_thread(http.post, f"/jobs/{again.json()['id']}/stop")
        await reaches(server, again.json()["id"], "stopped")
        deleted = await asyncio.to_thread(http.delete, f"/jobs/{job['id']}")
        assert deleted.status_code == 204
    assert (await cluster.admin.list(PODS, namespace=namespace))[0] == []


@pytest.mark.cluster
async def test_a_new_server_with_an_empty_ledger_lists_the_clusters_jobs(
    cluster: Cluster, namespace: str, connected: Server, tmp_path: Path
) -> None:
    connected.notebook("train.ipynb", "print('hello')")
    sent = await asyncio.to_thread(
        connected.send, "train.ipynb", engine="kubernetes", workers=2, cluster={"image": IMAGE}, name="First"
    )
    await reaches(connected, sent["id"], "running")
    await asyncio.to_thread(connected.end)
    with running(tmp_path / "another", kubeconfig=connected.kubeconfig) as other:

        def listed() -> dict[str, Any] | None:
            return next((job for job in ask(other, "/jobs")["items"] if job["id"] == sent["id"]), None)

        found = await asyncio.to_thread(until, listed, what="the job in the other server's list")
        assert (found["name"], found["kind"], found["workers"]) == ("First", "PyTorchJob", 2)
        assert (await reaches(other, sent["id"], "running"))["bundle_sha256"] == sent["bundle_sha256"]


@pytest.mark.cluster
async def test_a_cluster_says_what_it_offers_and_a_preview_what_would_be_made(
    cluster: Cluster, namespace: str, connected: Server
) -> None:
    connected.notebook("train.ipynb", "import json")
    offers = await asyncio.to_thread(ask, connected, "/cluster")
    assert offers["namespace"] == namespace
    assert {kind["name"] for kind in offers["kinds"] if kind["served"]} >= {"PyTorchJob", "Job"}
    with connected.client() as http:
        request = {"notebook": "train.ipynb", "engine": "kubernetes", "workers": 2, "cluster": {"image": IMAGE}}
        preview = (await asyncio.to_thread(http.post, "/jobs/preview", json=request)).raise_for_status().json()
        assert preview["manifest"]["kind"] == "PyTorchJob"
        assert [made["kind"] for made in preview["manifests"]] == ["ConfigMap", "PyTorchJob"]
        refused = await asyncio.to_thread(http.post, "/jobs", json={**request, "cluster": {}})
        assert refused.status_code == 400
        assert [field["field"] for field in refused.json()["fields"]] == ["cluster.image"]
        info = (await asyncio.to_thread(http.get, "/info")).json()
    assert [engine["available"] for engine in info["engines"] if engine["name"] == "kubernetes"] == [True]
    assert (await cluster.admin.list(PYTORCH_JOBS, namespace=namespace))[0] == []
    carriers = [item["metadata"]["name"] for item in (await cluster.admin.list(CONFIG_MAPS, namespace=namespace))[0]]
    assert [name for name in carriers if name.startswith("train")] == []


@pytest.mark.cluster
@pytest.mark.emulator
@pytest.mark.torch
async def test_a_notebook_runs_in_pods_and_comes_back_executed(
    cluster: Cluster, namespace: str, connected: Server, tmp_path: Path
) -> None:
    if not available():
        pytest.skip("This machine does not let us make namespaces for mounts and processes.")
    cluster.kubelet.run_processes(tmp_path / "pods", emulator=cluster.emulator)
    connected.notebook(
        "work/train.ipynb",
        "# parameters\nscale = 1",
        "import os\nimport torch.distributed as dist\ndist.init_process_group('gloo')",
        "import torch\nones = torch.ones(1) * scale\ndist.all_reduce(ones)\n"
        "print('rank', dist.get_rank(), 'of', dist.get_world_size(), 'sums', ones.item())",
        "dist.destroy_process_group()",
    )
    asked = ["--engine", "kubernetes", "--workers", "2", "--image", IMAGE, "--no-install", "-p", "scale=3"]
    command = [sys.executable, "-m", "windlass.cli", "train", "work/train.ipynb", *asked, "--wait", "--json"]
    done = await asyncio.to_thread(
        subprocess.run,
        command,
        cwd=connected.root,
        env=connected.environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr + await asyncio.to_thread(connected.log.read_text)
    job = json.loads(done.stdout)
    assert (job["state"], job["kind"], job["world_size"], job["exit_code"]) == ("succeeded", "PyTorchJob", 2, 0)
    assert job["progress"]["fraction"] == 1
    for rank in (0, 1):
        printed = await asyncio.to_thread(connected.log_text, job["id"], rank=rank)
        assert f"rank {rank} of 2 sums 6.0" in printed
    notebook = await asyncio.to_thread(ask, connected, f"/jobs/{job['id']}/notebook")
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    assert any("rank 0 of 2 sums 6.0" in "".join(output.get("text", "")) for output in outputs)


def test_without_a_cluster_the_engine_is_there_and_says_what_is_missing(server: Server) -> None:
    with server.client() as http:
        info = http.get("/info").json()
        [engine] = [engine for engine in info["engines"] if engine["name"] == "kubernetes"]
        assert not engine["available"]
        assert "no way to a cluster" in engine["message"]
        offers = http.get("/cluster")
        assert offers.status_code == 503
        assert "no way to a cluster" in offers.json()["detail"]
        server.notebook("nowhere.ipynb", "1")
        refused = http.post("/jobs", json={"notebook": "nowhere.ipynb", "engine": "kubernetes"})
        assert refused.status_code == 503
        misplaced = http.post("/jobs", json={"notebook": "nowhere.ipynb", "cluster": {"image": IMAGE}})
        assert misplaced.status_code == 400
        assert misplaced.json()["fields"][0]["field"] == "cluster"
        job = server.send("nowhere.ipynb")
        assert http.get(f"/jobs/{job['id']}/placement").status_code == 404
        server.reaches(job["id"])
