"""What a job used, as its own ranks write it down: with a driver that answers, breaks down, or is not there."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.nvml.driver import DRIVER_NOT_LOADED, GIB, GPU_IS_LOST, FakeDriver, Gpu, build, two_gpus

from .job import Job
from .test_reporting import IN_A_POD, read

UNTIL_TOLD = """
import os, pathlib, time
deadline = time.monotonic() + 60
while not pathlib.Path(os.environ['GO_ON']).exists():
    assert time.monotonic() < deadline
    time.sleep(0.02)
"""


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("nvml"))


class Watched:
    """A job beside a driver."""

    def __init__(self, job: Job, driver: FakeDriver) -> None:
        self.job = job
        self.driver = driver
        self.go_on = driver.state.with_name("go-on")

    def start(self, *cells: str, **variables: str) -> Job:
        self.driver.write()
        given = {**self.driver.variables, "GO_ON": str(self.go_on), **variables}
        return self.job.lay_out(*(cells or (UNTIL_TOLD,))).start(**given)

    def lines(self) -> list[dict[str, Any]]:
        path = self.job.folder / "ranks" / "0" / "gpus.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def first(self) -> dict[str, Any]:
        """The first line, which comes two seconds after the start."""
        return self.job.until(lambda _job: self.lines())[0]

    def end(self) -> list[dict[str, Any]]:
        """Let the notebook end; all lines."""
        self.go_on.touch()
        assert self.job.wait() == 0, self.job.everything()
        return self.lines()


@pytest.fixture
def watched(job: Job, library: Path, tmp_path: Path) -> Watched:
    return Watched(job, FakeDriver(folder=library, state=tmp_path / "gpus", gpus=two_gpus()))


def test_devices_are_written_down_as_the_driver_has_them(watched: Watched) -> None:
    watched.start()
    line = watched.first()
    card, small, large = line["devices"]
    assert (line["rank"], line["problem"]) == (0, None)
    assert card["uuid"].startswith("GPU-aaaa")
    assert (card["engine"], card["memory"], card["memory_total"]) == (0.87, 8 * GIB, 40 * GIB)
    assert (card["power"], card["temp"], card["clock"]) == (312.4, 61, 1410)
    assert card["pcie"] == 3000 * 1024
    assert [part["mig"] for part in (small, large)] == ["1g.5gb", "2g.10gb"]
    assert (large["memory"], large["engine"], large["power"]) == (GIB, None, None)
    assert "MIG slice" in large["problem"]
    assert line["host_memory"] > 1e6


def test_only_devices_that_the_job_was_given_are_looked_at_in_its_order(watched: Watched) -> None:
    slice_uuid = watched.driver.gpus[1].parts[1].uuid
    watched.start(CUDA_VISIBLE_DEVICES=f"{slice_uuid},0")
    assert [device["uuid"][:8] for device in watched.first()["devices"]] == ["MIG-2222", "GPU-aaaa"]


def test_memory_that_grows_until_it_does_not_fit_is_told_by_its_peak(watched: Watched) -> None:
    watched.start()
    watched.first()
    watched.driver.gpus[0].used = 39 * GIB
    watched.driver.write()
    # The last look is at the end, whenever that is: what an out-of-memory error leaves is seen.
    lines = watched.end()
    assert max(device["memory_peak"] for line in lines for device in line["devices"][:1]) == 39 * GIB
    assert lines[0]["devices"][0]["memory_peak"] == 8 * GIB


def test_a_driver_that_vanishes_leaves_gaps_and_a_sentence_but_no_zeros(watched: Watched) -> None:
    watched.driver.gpus = watched.driver.gpus[:1]
    watched.start()
    watched.first()
    watched.driver.errors = [("nvmlDeviceGetMemoryInfo_v2", DRIVER_NOT_LOADED, None)]
    watched.driver.write()
    last = watched.end()[-1]
    (device,) = last["devices"]
    assert "the NVIDIA driver is not loaded" in last["problem"]
    assert "the NVIDIA driver is not loaded" in device["problem"]
    assert (device["engine"], device["memory"], device["seconds"]) == (None, None, 0)


def test_a_card_that_falls_off_the_bus_does_not_take_the_other_along(watched: Watched) -> None:
    watched.driver.gpus = [Gpu(uuid="GPU-0", util=50), Gpu(uuid="GPU-1", util=70)]
    watched.driver.errors = [("nvmlDeviceGetUtilizationRates", GPU_IS_LOST, 0)]
    watched.start()
    lost, well = watched.first()["devices"]
    assert (lost["engine"], lost["memory"]) == (None, None)
    assert "fallen off the bus" in lost["problem"]
    assert well["engine"] == 0.7


@pytest.mark.parametrize("visible", ["", "-1"])
def test_a_job_without_gpus_says_so_once(watched: Watched, visible: str) -> None:
    watched.start(CUDA_VISIBLE_DEVICES=visible)
    watched.first()
    first, *others = watched.end()
    assert "CUDA_VISIBLE_DEVICES gives it none" in first["problem"]
    assert first["devices"] == []
    assert [line["problem"] for line in others] == [None] * len(others)


def test_without_a_driver_use_of_cpu_and_memory_is_still_known(job: Job, tmp_path: Path) -> None:
    watched = Watched(job, FakeDriver(folder=tmp_path, state=tmp_path / "gpus"))
    busy = UNTIL_TOLD.replace("time.sleep(0.02)", "sum(range(10_000))")
    watched.start(busy, PATH=str(tmp_path))
    watched.first()
    time.sleep(0)
    lines = watched.end()
    assert "no NVIDIA driver is installed" in lines[0]["problem"]
    assert all(line["devices"] == [] for line in lines)
    assert all(line["host_memory"] > 1e6 for line in lines)


def test_a_driver_that_hangs_does_not_keep_the_job_from_ending(watched: Watched) -> None:
    watched.driver.slow = [("nvmlDeviceGetUtilizationRates", 120_000)]
    watched.start("import time; time.sleep(2.5); print('done')")
    began = time.monotonic()
    assert watched.job.wait(timeout=60) == 0
    assert time.monotonic() - began < 60
    assert "done" in watched.job.log()


def test_a_job_that_ends_at_once_asks_no_driver(watched: Watched) -> None:
    watched.start("print('done')")
    assert watched.job.wait() == 0
    (line,) = watched.lines()
    assert line["devices"] == []
    assert "ended before" in line["problem"]


def test_processes_may_fork_while_the_driver_is_being_asked(watched: Watched) -> None:
    watched.driver.slow = [("nvmlDeviceGetUtilizationRates", 300)]
    forks = """
import ctypes, os, time
deadline = time.monotonic() + 4
while time.monotonic() < deadline:
    pid = os.fork()
    if not pid:
        library = ctypes.CDLL('libnvidia-ml.so.1')
        os._exit(library.nvmlInit_v2())
    assert os.waitpid(pid, 0)[1] == 0
"""
    watched.start(forks)
    assert watched.job.wait() == 0, watched.job.everything()


def test_ranks_of_one_machine_have_one_sampler_and_a_device_each(watched: Watched, tmp_path: Path) -> None:
    watched.driver.gpus = [Gpu(uuid="GPU-0", util=50), Gpu(uuid="GPU-1", util=70)]
    other = Job(tmp_path / "other")
    both = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    watched.start(**both, RANK="0", LOCAL_RANK="0")
    other.lay_out(UNTIL_TOLD).start(
        **watched.driver.variables, GO_ON=str(watched.go_on), **both, RANK="1", LOCAL_RANK="1"
    )
    assert [device["rank"] for device in watched.first()["devices"]] == [0, 1]
    watched.end()
    assert other.wait() == 0
    assert not (other.folder / "ranks" / "1" / "gpus.jsonl").exists()


def test_in_a_pod_the_lines_are_in_the_log_and_text_is_not_disturbed(watched: Watched) -> None:
    watched.start("print('before')", UNTIL_TOLD, "print('after')", **IN_A_POD)
    watched.first()
    lines = watched.end()
    logs, reports = read(watched.job.output.encode())
    assert logs[0] == b"before\nafter\n"
    assert [report.value for report in reports if report.kind == "gpus"] == lines


@pytest.fixture(autouse=True)
def _all_end(job: Job) -> Iterator[None]:
    yield
    job.end()
