"""What a hub without a cluster says of its own machine."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from tests.hub.service.conftest import Service

from windlass_hub.service import machine_capacity
from windlass_hub.service.machine_capacity import GPU_RESOURCE, MachineCapacity, gpu_names


def nvidia_smi(folder: Path, script: str) -> None:
    """A command of that name, first on the PATH: machines with GPUs have the real one."""
    command = folder / "nvidia-smi"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


async def test_the_machines_memory_and_cores_are_there_and_no_gpu_where_none_is(folder: Path) -> None:
    nvidia_smi(folder, "echo 'No devices were found'; exit 6")
    capacity = MachineCapacity()
    await capacity.start()
    snapshot = await capacity.snapshot()
    assert snapshot is not None
    (node,) = snapshot.nodes
    assert (snapshot.source, snapshot.complete, capacity.problem) == ("machine", True, None)
    assert node.allocatable["memory"] == psutil.virtual_memory().total
    assert 1 <= node.allocatable["cpu"] <= (psutil.cpu_count() or 1)
    assert GPU_RESOURCE not in node.allocatable


async def test_gpus_are_counted_by_card(folder: Path) -> None:
    nvidia_smi(folder, "printf 'Tesla T4\\nTesla T4\\n'")
    capacity = MachineCapacity()
    await capacity.start()
    snapshot = await capacity.snapshot()
    assert snapshot is not None
    (node,) = snapshot.nodes
    assert (node.allocatable[GPU_RESOURCE], node.labels) == (2.0, {"nvidia.com/gpu.product": "Tesla-T4"})


async def test_a_machine_with_two_kinds_is_called_neither(folder: Path) -> None:
    nvidia_smi(folder, "printf 'Tesla T4\\nNVIDIA A100\\n'")
    capacity = MachineCapacity()
    await capacity.start()
    snapshot = await capacity.snapshot()
    assert snapshot is not None
    assert snapshot.nodes[0].labels == {}


async def test_a_driver_that_hangs_keeps_nobody_waiting(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nvidia_smi(folder, "exec sleep 60")
    monkeypatch.setattr(machine_capacity, "GPU_SECONDS", 0.2)
    assert await gpu_names() == ()


async def test_where_the_command_is_missing_there_are_no_gpus(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    assert await gpu_names() == ()


async def test_on_a_machine_nobody_says_what_is_free(service: Service) -> None:
    async with service.client("ann") as client:
        found = (await client.get("api/capacity")).json()
    (node,) = found["nodes"]
    assert node["cpu_cores"] >= 1
    assert (node["cpu_cores_free"], node["memory_bytes_free"], node["gpus_free"]) == (None, None, {})
