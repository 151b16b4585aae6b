"""Devices of a job, by a driver's library that answers, breaks down, comes back, or is not there at all."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.nvml.driver import (
    DRIVER_NOT_LOADED,
    GIB,
    GPU_IS_LOST,
    LIBRARY,
    NO_PERMISSION,
    NOT_SUPPORTED,
    STATE_VARIABLE,
    VERSION_MISMATCH,
    FakeDriver,
    Gpu,
    build,
    two_gpus,
)

from windlass.runner.gpu_reading import AGAIN_SECONDS, JobGpus
from windlass.runner.visible_gpus import visible

SMI = """#!/bin/sh
[ -e "$0.broken" ] && exit 9
cat <<END
0, GPU-0, NVIDIA A10G, 1024, 23028, 37, 151.20, 55, 1710, [N/A]
1, GPU-1, NVIDIA A100-SXM4-40GB, 0, 40960, [N/A], 60.00, 30, 210, Enabled
2, GPU-2, NVIDIA A10G, [N/A], 23028, 0, [Not Supported], 40, 210, [N/A]
END
"""


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Once it is loaded by its path, whoever loads it by its name finds it."""
    folder = build(tmp_path_factory.mktemp("nvml"))
    ctypes.CDLL(str(folder / LIBRARY))
    return folder


@pytest.fixture
def driver(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDriver:
    fake = FakeDriver(folder=library, state=tmp_path / "gpus", gpus=two_gpus())
    fake.write()
    monkeypatch.setenv(STATE_VARIABLE, str(fake.state))
    return fake


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def looked(named: str | None = None) -> tuple[list[dict[str, Any]], str | None]:
    return JobGpus(named=named).look(with_pcie=True)


def test_cards_and_slices_say_what_they_can_and_nothing_else(driver: FakeDriver) -> None:
    (card, small, large), problem = looked()
    assert problem is None
    assert card["uuid"] == driver.gpus[0].uuid
    assert (card["engine"], card["memory"], card["memory_total"]) == (0.87, 8 * GIB, 40 * GIB)
    assert (card["power"], card["temp"], card["clock"], card["pcie"]) == (312.4, 61, 1410, 3000 * 1024)
    assert [part["mig"] for part in (small, large)] == ["1g.5gb", "2g.10gb"]
    assert (large["parent"], large["gi"], large["memory"]) == (driver.gpus[1].uuid, 3, GIB)
    # Of the card, which others use too.
    assert not {"engine", "power", "temp", "pcie"} & set(large)
    assert "MIG slice" in large["problem"]


def test_devices_are_the_jobs_own_in_its_order(driver: FakeDriver) -> None:
    devices, _ = looked(f"{driver.gpus[1].parts[1].uuid},0")
    assert [device["uuid"][:8] for device in devices] == ["MIG-2222", "GPU-aaaa"]


@pytest.mark.parametrize("named", ["", "-1", "7", "GPU-unknown"])
def test_a_job_that_was_given_no_gpu_is_told_so(driver: FakeDriver, named: str) -> None:
    assert driver.gpus
    devices, problem = looked(named)
    assert devices == []
    assert problem == "This job has no GPU: CUDA_VISIBLE_DEVICES gives it none."


@pytest.mark.parametrize(
    ("call", "code", "missing"),
    [
        ("nvmlDeviceGetPowerUsage", NOT_SUPPORTED, "power"),
        ("nvmlDeviceGetUtilizationRates", NO_PERMISSION, "engine"),
        ("nvmlDeviceGetPcieThroughput", NOT_SUPPORTED, "pcie"),
        ("nvmlDeviceGetTemperature", NOT_SUPPORTED, "temp"),
        ("nvmlDeviceGetClockInfo", NOT_SUPPORTED, "clock"),
    ],
)
def test_a_call_that_fails_takes_its_own_number_alone(driver: FakeDriver, call: str, code: int, missing: str) -> None:
    driver.errors = [(call, code, None)]
    driver.write()
    card = looked()[0][0]
    assert card.get(missing) is None
    assert {name for name in ("engine", "memory", "power", "temp", "clock", "pcie") if card.get(name) is None} == {
        missing
    }


def test_an_older_driver_without_the_newer_memory_call_is_asked_the_older_one(driver: FakeDriver) -> None:
    driver.errors = [("nvmlDeviceGetMemoryInfo_v2", NOT_SUPPORTED, None)]
    driver.write()
    assert looked()[0][0]["memory"] == 8 * GIB


def test_a_card_that_falls_off_the_bus_does_not_take_the_others_along(driver: FakeDriver) -> None:
    driver.gpus = [Gpu(uuid="GPU-0", util=50), Gpu(uuid="GPU-1", util=70)]
    driver.write()
    gpus = JobGpus(named=None)
    gpus.look(with_pcie=False)
    driver.errors = [("nvmlDeviceGetMemoryInfo_v2", GPU_IS_LOST, 0)]
    driver.write()
    (lost, well), problem = gpus.look(with_pcie=False)
    assert problem is None
    assert (lost.get("engine"), lost.get("memory")) == (None, None)
    assert lost["problem"] == "GPU 0 does not answer: a GPU has fallen off the bus."
    assert well["engine"] == 0.7


def test_a_card_that_is_lost_from_the_beginning_keeps_its_number(driver: FakeDriver) -> None:
    driver.gpus = [Gpu(uuid="GPU-0"), Gpu(uuid="GPU-1", util=70)]
    driver.errors = [("nvmlDeviceGetHandleByIndex_v2", GPU_IS_LOST, 0)]
    driver.write()
    (device,), _ = looked("1")
    assert (device["uuid"], device["index"]) == ("GPU-1", 1)


def test_a_driver_that_vanishes_is_told_and_found_again_when_it_is_back(driver: FakeDriver) -> None:
    clock = Clock()
    gpus = JobGpus(named="0", clock=clock)
    assert gpus.look(with_pcie=False)[1] is None
    driver.errors = [(call, DRIVER_NOT_LOADED, None) for call in ("nvmlDeviceGetMemoryInfo_v2", "nvmlInitWithFlags")]
    driver.write()
    (device,), problem = gpus.look(with_pcie=False)
    assert problem == "The GPUs cannot be read any more: the NVIDIA driver is not loaded."
    assert device.get("memory") is None
    clock.now += AGAIN_SECONDS
    (device,), problem = gpus.look(with_pcie=False)
    assert problem is not None
    assert "not loaded" in problem
    assert device["uuid"] == driver.gpus[0].uuid
    driver.errors = []
    driver.write()
    clock.now += AGAIN_SECONDS
    (device,), problem = gpus.look(with_pcie=False)
    assert (device["memory"], problem) == (8 * GIB, None)


def test_a_driver_that_was_updated_under_way_says_what_to_do(driver: FakeDriver, monkeypatch: Any) -> None:
    monkeypatch.setenv("PATH", "")
    driver.errors = [("nvmlInitWithFlags", VERSION_MISMATCH, None)]
    driver.write()
    devices, problem = looked()
    assert devices == []
    assert "has to be restarted" in (problem or "")


def test_a_missing_driver_is_looked_for_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = _without_library(monkeypatch)
    monkeypatch.setenv("PATH", str(tmp_path))
    clock = Clock()
    gpus = JobGpus(named=None, clock=clock)
    for _ in range(3):
        assert gpus.look(with_pcie=True) == ([], "GPU use is not known: no NVIDIA driver is installed.")
        clock.now += 10 * AGAIN_SECONDS
    assert len(asked) == 1
    assert not gpus.is_open


def test_without_the_library_the_program_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _without_library(monkeypatch)
    program = _smi(monkeypatch, tmp_path)
    gpus = JobGpus(named="0,2")
    (first, second), problem = gpus.look(with_pcie=True)
    assert problem is None
    assert (first["name"], first["engine"], first["memory"]) == ("NVIDIA A10G", 0.37, GIB)
    assert (first["power"], first["temp"], first["clock"]) == (151.2, 55, 1710)
    assert (second["engine"], second["memory"], second["power"]) == (0.0, None, None)
    program.with_name("nvidia-smi.broken").touch()
    devices, problem = gpus.look(with_pcie=True)
    assert "status 9" in (problem or "")
    assert all(device.get("memory") is None for device in devices)


def test_slices_are_beyond_the_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _without_library(monkeypatch)
    program = _smi(monkeypatch, tmp_path)
    program.write_text("#!/bin/sh\necho '0, GPU-1, NVIDIA A100, 0, 40960, [N/A], 60.00, 30, 210, Enabled'\n")
    devices, problem = looked()
    assert devices == []
    assert "MIG" in (problem or "")


def test_a_child_that_was_forked_during_a_call_can_ask_for_itself(driver: FakeDriver) -> None:
    driver.slow = [("nvmlDeviceGetUtilizationRates", 50)]
    driver.write()
    assert looked("0")[0]
    pid = os.fork()
    if not pid:
        os._exit(0 if looked("0")[0] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@given(
    named=st.none() | st.lists(st.sampled_from(["0", "1", "2", "a", "b", "x", "MIG-c", "", "-1"])).map(",".join),
)
def test_no_device_is_shown_twice_and_none_that_is_not_there(named: str | None) -> None:
    cards = [["a"], ["MIG-c", "MIG-d"], []]
    uuids = [("a", ["a"]), ("b", ["MIG-c", "MIG-d"]), ("", [])]
    found = visible(cards, uuids, named)
    assert len(set(found)) == len(found)
    assert set(found) <= {"a", "MIG-c", "MIG-d"}
    assert named is not None or found == ["a", "MIG-c", "MIG-d"]


def _without_library(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []
    load: Callable[..., Any] = ctypes.CDLL

    def refuse(name: str, *arguments: Any, **options: Any) -> Any:
        if name != LIBRARY:
            return load(name, *arguments, **options)
        asked.append(name)
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    return asked


def _smi(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    program = folder / "nvidia-smi"
    program.write_text(SMI)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return program
