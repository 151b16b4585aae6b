"""GPUs of a job in a cluster by REST: what its pods say through their logs, and what a Prometheus knows of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.crds import install
from tests.cluster.processes_kubelet import available
from tests.jupyter import Server, running
from tests.metrics.prometheus.replay import Replay, needs_prometheus, replayed
from tests.nvml.driver import GIB, LIBRARY, STATE_VARIABLE, FakeDriver, Gpu, build

from windlass.kube.resources import PYTORCH_JOBS

pytestmark = [pytest.mark.cluster, pytest.mark.emulator]

# An image has its driver's library on its path; here the first cell brings it, before the runner asks for it by name.
CELL = """
import ctypes, os, pathlib, time
os.environ[{variable!r}] = {state!r} + os.environ["RANK"]
ctypes.CDLL({library!r})
while not pathlib.Path({go_on!r}).exists(): time.sleep(0.02)
"""
OPTIONS: dict[str, Any] = {
    "image": "example.invalid/python:1",
    "cpu": 0.2,
    "memory_bytes": 2**28,
    "install_packages": False,
}


@pytest_asyncio.fixture
async def kubeconfig(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Path]:
    """A cluster whose pods are processes, with two GPUs."""
    if not available():
        pytest.skip("This machine does not let us make namespaces for mounts and processes.")
    await install(cluster, PYTORCH_JOBS)
    namespace = await cluster.namespace()
    operator = cluster.operator("PyTorchJob").start()
    cluster.kubelet.run_processes(tmp_path / "pods", emulator=cluster.emulator, **{"nvidia.com/gpu": "2"})
    yield cluster.kubeconfig(tmp_path / "kubeconfig", namespace=namespace)
    operator.stop()


@pytest.fixture
def connected(kubeconfig: Path, tmp_path: Path) -> Iterator[Server]:
    """A server with that cluster."""
    with running(tmp_path, kubeconfig=kubeconfig) as server:
        yield server


def with_driver(server: Server, folder: Path, go_on: Path) -> str:
    """A notebook that has a driver of its own on each rank, and waits."""
    library = str(build(folder) / LIBRARY)
    cell = CELL.format(variable=STATE_VARIABLE, state=str(folder / "state"), library=library, go_on=str(go_on))
    return server.notebook("train.ipynb", cell)


def drivers(folder: Path, *gpus: Gpu) -> list[FakeDriver]:
    """What the ranks' drivers answer."""
    found = [FakeDriver(folder=folder, state=folder / f"state{rank}", gpus=[gpu]) for rank, gpu in enumerate(gpus)]
    for driver in found:
        driver.write()
    return found


def snapshot(server: Server) -> dict[str, Any]:
    with server.client() as http:
        return http.get("/gpus").raise_for_status().json()


async def test_what_a_pod_used_is_seen_while_it_runs_and_kept_when_it_is_gone(
    connected: Server, tmp_path: Path
) -> None:
    (driver,) = drivers(tmp_path, Gpu(uuid="GPU-0", util=40, used=8 * GIB))
    go_on = tmp_path / "go-on"
    name = with_driver(connected, tmp_path, go_on)
    job_id = connected.send(name, engine="kubernetes", cluster=OPTIONS)["id"]

    def gpus() -> dict[str, Any]:
        with connected.client() as http:
            return http.get(f"/jobs/{job_id}/gpus").raise_for_status().json()

    async def seen() -> dict[str, Any] | None:
        found = await asyncio.to_thread(gpus)
        return found if found["history"]["lines"] else None

    live = await eventually(seen, seconds=60, what="a reading through the log")
    (line,) = live["history"]["lines"]
    assert (live["live"], line["device_id"], line["rank"], line["source"]) == (True, "GPU-0", 0, "job")
    assert {value for value in line["engine"] if value is not None} == {0.4}
    driver.gpus[0].used = 39 * GIB
    driver.write()
    go_on.touch()
    assert (await asyncio.to_thread(connected.reaches, job_id))["state"] == "succeeded"

    async def whole() -> dict[str, Any] | None:
        found = await asyncio.to_thread(gpus)
        return found if found["usage"]["memory_peak_bytes"] == 39 * GIB else None

    ended = await eventually(whole, seconds=30, what="the last reading")
    assert not ended["live"]
    assert ended["usage"]["engine_mean"] == pytest.approx(0.4)


async def test_all_machines_of_a_job_are_seen_together_with_no_prometheus(connected: Server, tmp_path: Path) -> None:
    drivers(tmp_path, Gpu(uuid="GPU-a", util=90, used=8 * GIB), Gpu(uuid="GPU-b", util=30, used=8 * GIB))
    go_on = tmp_path / "go-on"
    name = with_driver(connected, tmp_path, go_on)
    job = connected.send(name, engine="kubernetes", workers=2, gpus_per_worker=1, cluster=OPTIONS, name="resnet")

    async def both() -> dict[str, Any] | None:
        found = await asyncio.to_thread(snapshot, connected)
        return found if [group["devices"] for group in found["groups"]] == [2] else None

    seen = await eventually(both, seconds=60, what="both machines' readings")
    (group,) = seen["groups"]
    engine = {name: round(group["engine"][name], 2) for name in ("least", "mean", "most", "known")}
    assert (group["job_id"], engine) == (job["id"], {"least": 0.3, "mean": 0.6, "most": 0.9, "known": 2})
    held = {device["uuid"]: (device["rank"], device["sources"], bool(device["pod"])) for device in seen["devices"]}
    assert held == {"GPU-a": (0, ["job"], True), "GPU-b": (1, ["job"], True)}
    go_on.touch()
    assert (await asyncio.to_thread(connected.reaches, job["id"]))["state"] == "succeeded"


@needs_prometheus
async def test_a_prometheus_that_is_asked_directly_tells_of_the_own_jobs_pods_alone(
    kubeconfig: Path, tmp_path: Path, replay: Replay
) -> None:
    go_on = tmp_path / "go-on"
    with running(tmp_path, f"--WindlassApp.prometheus_url={replay.url}", kubeconfig=kubeconfig) as server:
        source = f"import pathlib, time\nwhile not pathlib.Path({str(go_on)!r}).exists(): time.sleep(0.02)"
        name = server.notebook("train.ipynb", source)
        job = server.send(name, engine="kubernetes", workers=2, gpus_per_worker=1, cluster=OPTIONS, name="resnet")
        await asyncio.to_thread(server.reaches, job["id"], "running")

        def placed() -> dict[str, Any]:
            with server.client() as http:
                return http.get(f"/jobs/{job['id']}/placement").raise_for_status().json()

        async def all_run() -> dict[str, Any] | None:
            found = await asyncio.to_thread(placed)
            return found if [pod["state"] for pod in found["pods"]] == ["running"] * 2 else None

        where = await eventually(all_run, seconds=60, what="both pods")
        first, second = (pod["name"] for pod in where["pods"])
        whole = replayed(where["namespace"], pods=(first, second), card="live")
        # The second card is somebody else's, in the same namespace.
        replay.live = whole + "".join(
            line.replace(first, "somebody-else").replace("GPU-live", "GPU-else") + "\n"
            for line in whole.splitlines()
            if first in line
        )
        query = f'count(DCGM_FI_DEV_FB_USED{{namespace="{where["namespace"]}"}}) == 3'
        await eventually(lambda: bool(replay.ask(query)), seconds=30, what="Prometheus's reading of them")

        async def both() -> dict[str, Any] | None:
            found = await asyncio.to_thread(snapshot, server)
            return found if found["devices"] else None

        seen = await eventually(both, seconds=60, what="the devices")
        held = {device["pod"]: (device["job_id"], device["rank"], device["sources"]) for device in seen["devices"]}
        assert held == {first: (job["id"], 0, ["dcgm"]), second: (job["id"], 1, ["dcgm"])}
        assert {device["node"] for device in seen["devices"]} == {"node-7"}
        (group,) = seen["groups"]
        assert (group["name"], group["engine"]["least"], group["engine"]["most"]) == ("resnet", 0.902, 0.93)
        assert "somebody-else" not in str(seen)
        assert [condition["source"] for condition in seen["conditions"]] == ["nvml"], seen["conditions"]
        go_on.touch()
        assert (await asyncio.to_thread(server.reaches, job["id"]))["state"] == "succeeded"
        replay.live = ""
