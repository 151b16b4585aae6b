"""GPUs of a job in a cluster by REST: what its pod says through its log, with no Prometheus anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.processes_kubelet import available
from tests.jupyter import Server, running
from tests.nvml.driver import GIB, LIBRARY, STATE_VARIABLE, FakeDriver, Gpu, build

pytestmark = [pytest.mark.cluster, pytest.mark.emulator]

# An image has its driver's library on its path; here the first cell brings it, before the runner asks for it by name.
CELL = """
import ctypes, os, pathlib, time
os.environ[{variable!r}] = {state!r}
ctypes.CDLL({library!r})
while not pathlib.Path({go_on!r}).exists(): time.sleep(0.02)
"""


@pytest_asyncio.fixture
async def connected(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Server]:
    """A server with a cluster whose pods are processes."""
    if not available():
        pytest.skip("This machine does not let us make namespaces for mounts and processes.")
    namespace = await cluster.namespace()
    operator = cluster.operator().start()
    cluster.kubelet.run_processes(tmp_path / "pods", emulator=cluster.emulator)
    kubeconfig = cluster.kubeconfig(tmp_path / "kubeconfig", namespace=namespace)
    with running(tmp_path, kubeconfig=kubeconfig) as server:
        yield server
    operator.stop()


async def test_what_a_pod_used_is_seen_while_it_runs_and_kept_when_it_is_gone(
    connected: Server, tmp_path: Path
) -> None:
    folder = build(tmp_path)
    driver = FakeDriver(folder=folder, state=tmp_path / "state", gpus=[Gpu(uuid="GPU-0", util=40, used=8 * GIB)])
    driver.write()
    go_on = tmp_path / "go-on"
    cell = CELL.format(
        variable=STATE_VARIABLE, state=str(driver.state), library=str(folder / LIBRARY), go_on=str(go_on)
    )
    name = connected.notebook("train.ipynb", cell)
    options = {"image": "example.invalid/python:1", "memory_bytes": 2**28, "install_packages": False}
    job_id = connected.send(name, engine="kubernetes", cluster=options)["id"]

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
