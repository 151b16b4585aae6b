"""What a job used, as its own ranks write it down while it runs, whatever becomes of the driver and the job."""

from __future__ import annotations

import json
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.nvml.driver import DRIVER_NOT_LOADED, GIB, FakeDriver, Gpu, build, two_gpus

from windlass.runner import gpu_lines, gpu_sampler
from windlass.runner.context import JobContext
from windlass.runner.gpu_sampler import GpuSampler, LineFile

from .job import Job
from .test_gpu_reading import driver, library
from .test_reporting import IN_A_POD, read

__all__ = ["driver", "library"]

UNTIL_TOLD = """
import os, pathlib, time
deadline = time.monotonic() + 60
while not pathlib.Path(os.environ['GO_ON']).exists():
    assert time.monotonic() < deadline
    time.sleep(0.02)
"""


class Watched:
    """A job in a process beside a driver."""

    def __init__(self, job: Job, fake: FakeDriver) -> None:
        self.job = job
        self.driver = fake
        self.go_on = fake.state.with_name("go-on")

    @property
    def variables(self) -> dict[str, str]:
        return {**self.driver.variables, "GO_ON": str(self.go_on)}

    def start(self, *cells: str, **variables: str) -> Job:
        self.driver.write()
        return self.job.lay_out(*(cells or (UNTIL_TOLD,))).start(**{**self.variables, **variables})

    def lines(self, rank: int = 0) -> list[dict[str, Any]]:
        path = self.job.folder / "ranks" / str(rank) / "gpus.jsonl"
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
def watched(job: Job, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    folder = build(tmp_path_factory.getbasetemp())
    return Watched(job, FakeDriver(folder=folder, state=tmp_path / "gpus", gpus=two_gpus()))


def test_memory_that_grows_until_it_does_not_fit_is_seen_at_the_end(watched: Watched) -> None:
    watched.start("print('before')", UNTIL_TOLD, "raise MemoryError('CUDA out of memory')")
    first = watched.first()
    card = first["devices"][0]
    assert (card["engine"], card["memory"], card["memory_total"]) == (0.87, 8 * GIB, 40 * GIB)
    assert first["host_memory"] > 1e6
    watched.driver.gpus[0].used = 39 * GIB
    watched.driver.write()
    watched.go_on.touch()
    assert watched.job.wait() == 1
    assert watched.lines()[-1]["devices"][0]["memory_peak"] == 39 * GIB
    assert watched.job.status()["error"]["ename"] == "MemoryError"


def test_a_job_that_ends_at_once_asks_no_driver(watched: Watched) -> None:
    watched.start("print('done')")
    assert watched.job.wait() == 0
    (line,) = watched.lines()
    assert line["devices"] == []
    assert line["problem"] == "This job ended before its GPUs were looked at."


def test_ranks_of_one_machine_have_one_sampler_and_a_device_each(watched: Watched) -> None:
    watched.driver.gpus = [Gpu(uuid="GPU-0", util=50), Gpu(uuid="GPU-1", util=70)]
    both = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", gpu_sampler.LINE_VARIABLE: "0.3"}
    watched.start(**both, RANK="0", LOCAL_RANK="0")
    other = Job(watched.job.folder)
    other.start(**watched.variables, **both, RANK="1", LOCAL_RANK="1")
    assert [(device["rank"], device["uuid"]) for device in watched.first()["devices"]] == [(0, "GPU-0"), (1, "GPU-1")]
    watched.end()
    assert other.wait() == 0
    assert watched.lines(rank=1) == []


def test_in_a_pod_the_lines_are_in_the_log_and_text_is_not_disturbed(watched: Watched) -> None:
    often = {gpu_sampler.LINE_VARIABLE: "0.3"}
    watched.start("print('before')", UNTIL_TOLD, "print('after')", **IN_A_POD, **often)
    watched.first()
    lines = watched.end()
    logs, reports = read(watched.job.output.encode())
    assert logs[0] == b"before\nafter\n"
    assert [report.value for report in reports if report.kind == "gpus"] == lines


def test_what_was_seen_last_is_written_when_a_job_is_ended_from_outside(watched: Watched) -> None:
    watched.start()
    watched.first()
    assert watched.job.process is not None
    watched.job.process.send_signal(signal.SIGTERM)
    watched.job.wait()
    assert watched.job.status()["phase"] == "killed"
    assert sum(line["seconds"] for line in watched.lines()) >= 2


@pytest.mark.parametrize("wanted", ["0", "-1", "nan", "1e9", "soon"])
def test_a_time_for_a_line_that_makes_no_sense_is_the_usual_one(watched: Watched, wanted: str) -> None:
    watched.start("print('done')", **{gpu_sampler.LINE_VARIABLE: wanted})
    assert watched.job.wait() == 0, watched.job.everything()
    assert "ended before" in watched.lines()[0]["problem"]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks often."""
    monkeypatch.setattr(gpu_sampler, "FIRST_SECONDS", 0.01)
    monkeypatch.setattr(gpu_sampler, "SAMPLE_SECONDS", 0.01)
    monkeypatch.setattr(gpu_sampler, "LINE_SECONDS", 0.05)


class Sampled:
    """A sampler in this process."""

    def __init__(self, folder: Path) -> None:
        environ = {"WINDLASS_JOB_ID": "j", "WINDLASS_JOB_DIR": str(folder)}
        self.context = JobContext.from_environment(folder / "bundle", environ)
        self.context.rank_dir.mkdir(parents=True)
        self.taken: list[dict[str, Any]] = []
        self.finished = threading.Event()
        self.made: list[GpuSampler] = []

    def start(self, *, named: str | None = "0", **changes: Any) -> GpuSampler:
        context = replace(self.context, **changes)
        made = GpuSampler(context=context, named=named, takers=(self.taken.append,), finish=self.finished.set)
        made.start()
        self.made.append(made)
        return made

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, self.taken
            time.sleep(0.005)

    def lines(self) -> list[dict[str, Any]]:
        return gpu_lines.parse(self.context.use_path.read_bytes())


@pytest.fixture
def sampled(tmp_path: Path) -> Iterator[Sampled]:
    made = Sampled(tmp_path / "job")
    yield made
    for sampler in made.made:
        sampler.stop()


@pytest.mark.usefixtures("quick")
def test_a_driver_that_vanishes_leaves_a_gap_and_a_sentence_but_no_zeros(sampled: Sampled, driver: FakeDriver) -> None:
    sampler = sampled.start()
    sampled.until(lambda: len(sampled.taken) >= 2)
    driver.errors = [("nvmlDeviceGetMemoryInfo_v2", DRIVER_NOT_LOADED, None)]
    driver.write()
    sampled.until(lambda: any(line["problem"] for line in sampled.taken))
    told = len(sampled.taken)
    sampled.until(lambda: len(sampled.taken) > told + 1)
    sampler.stop()
    (device,) = sampled.taken[-1]["devices"]
    assert (device["engine"], device["memory"], device["power"], device["seconds"]) == (None, None, None, 0)
    sentences = [line["problem"] for line in sampled.taken if line["problem"]]
    assert sentences == ["The GPUs cannot be read any more: the NVIDIA driver is not loaded."]
    assert sampled.finished.is_set()


@pytest.mark.usefixtures("quick", "driver")
def test_a_job_without_gpus_says_so_once_and_still_tells_cpu_and_memory(sampled: Sampled) -> None:
    sampler = sampled.start(named="")
    sampled.until(lambda: len(sampled.taken) >= 4 and sum(range(1000)) > 0)
    sampler.stop()
    first, *others = sampled.lines()
    assert "CUDA_VISIBLE_DEVICES gives it none" in first["problem"]
    assert [line["problem"] for line in others] == [None] * len(others)
    assert all(line["devices"] == [] and line["host_memory"] > 1e6 for line in others)
    assert max(line["cpu_cores_peak"] for line in others) > 0


@pytest.mark.usefixtures("quick")
def test_a_driver_that_hangs_is_left_behind(sampled: Sampled, driver: FakeDriver) -> None:
    driver.slow = [("nvmlDeviceGetUtilizationRates", 2_500)]
    driver.write()
    sampler = sampled.start()
    sampled.until(lambda: sampler._gpus.is_open)
    sampler.stop()
    sampler.flush()
    assert sampled.finished.is_set()
    assert any(thread.name == "windlass-gpus" for thread in threading.enumerate()), "it was waited for"


@pytest.mark.usefixtures("quick", "driver")
def test_a_full_disk_costs_lines_and_no_more(sampled: Sampled) -> None:
    sampled.context.use_path.mkdir()
    sampled.start()
    sampled.until(lambda: len(sampled.taken) >= 3)


@pytest.mark.usefixtures("quick", "driver")
@pytest.mark.parametrize(("ranks", "rank", "expected"), [(1, 0, [0, 0, 0]), (3, 3, [3, 4, 5]), (2, 2, [None] * 3)])
def test_devices_are_the_ranks_by_the_launchers_custom(
    sampled: Sampled, ranks: int, rank: int, expected: list[int | None]
) -> None:
    sampled.context = replace(sampled.context, rank=rank)
    sampled.context.rank_dir.mkdir(exist_ok=True)
    sampled.start(named=None, local_world_size=ranks)
    sampled.until(lambda: bool(sampled.taken))
    assert [device["rank"] for device in sampled.taken[0]["devices"]] == expected


def line(number: int, **values: Any) -> dict[str, Any]:
    found = gpu_lines.clean({"at": 1000.0 + 10 * number, "seconds": 10.0, **values})
    assert found is not None
    return found


@settings(max_examples=20)
@given(most=st.integers(4, 40), gaps=st.lists(st.sampled_from([10.0, 10.0, 10.0, 5000.0]), max_size=300))
def test_however_long_a_job_takes_few_lines_stand_for_all_its_time(most: int, gaps: list[float]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "gpus.jsonl")
        file, at = LineFile(path, most=most, line_seconds=10.0), 0.0
        for number, gap in enumerate(gaps):
            at += gap
            whole = gpu_lines.clean({"at": at, "seconds": 10.0, "cpu_cores": float(number)})
            assert whole is not None
            file.add(whole)
            assert file.lines < most
        lines = gpu_lines.parse(path.read_bytes()) if gaps else []
    assert len(lines) == file.lines
    assert sum(each["seconds"] for each in lines) == 10 * len(gaps)
    assert max((each["cpu_cores_peak"] or each["cpu_cores"] for each in lines), default=None) == (
        len(gaps) - 1 if gaps else None
    )
    assert (file.line_seconds > 10) == (len(gaps) >= most)


def test_an_attempt_after_another_goes_on_at_its_pace(tmp_path: Path) -> None:
    path = tmp_path / "gpus.jsonl"
    path.write_bytes(gpu_lines.encode(line(number, seconds=79.0) for number in range(7)) + b'{"half')
    file = LineFile(path, line_seconds=10.0)
    file.resume()
    assert (file.lines, file.line_seconds) == (7, 80.0)
    file.add(line(8))
    assert [each["at"] for each in gpu_lines.parse(path.read_bytes())][-2:] == [1060.0, 1080.0]
