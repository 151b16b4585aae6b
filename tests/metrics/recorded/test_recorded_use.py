"""What a job wrote down of itself, as readings, as figures of its whole life, and as a source for the panel."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.contract.gpus import UsageSummary
from windlass.metrics.reading import GpuSource
from windlass.metrics.recorded.lines import LineReader, Recorded
from windlass.metrics.recorded.series import problems_of, series_of
from windlass.metrics.recorded.source import RecordedJob, RecordedSource
from windlass.metrics.recorded.usage import summarize
from windlass.metrics.thinning import grid, thin
from windlass.runner import gpu_lines

GIB = 1024**3
BEGIN = 1_000_000.0


def device(uuid: str = "GPU-0", **values: Any) -> dict[str, Any]:
    known = {"engine": 0.5, "memory": 8 * GIB, "power": 200.0}
    return (
        {"uuid": uuid, "seconds": 10.0, "index": 0, "name": "A100", "rank": 0, "memory_total": 40 * GIB}
        | known
        | values
    )


def lost(uuid: str = "GPU-0") -> dict[str, Any]:
    return {"uuid": uuid, "seconds": 0.0, "index": 0, "rank": 0, "problem": "GPU 0 does not answer: it is lost."}


def line(at: float, *devices: dict[str, Any], seconds: float = 10.0, **values: Any) -> dict[str, Any]:
    return {"at": BEGIN + at, "seconds": seconds, "devices": list(devices), **values}


def written(folder: Path, lines: Iterable[dict[str, Any]], *, rank: int = 0) -> Path:
    path = folder / str(rank) / "gpus.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(each) + "\n" for each in lines))
    return folder


def read(folder: Path, lines: Iterable[dict[str, Any]]) -> Recorded:
    return LineReader().read(written(folder, lines))


def summary(recorded: Recorded, *, seconds: float, devices: int = 0) -> UsageSummary | None:
    return summarize(series_of(recorded), recorded, running_seconds=seconds, devices=devices, idle_threshold=0.05)


def engines(recorded: Recorded, *, end: float, points: int) -> list[float | None]:
    (series,) = series_of(recorded)
    times = grid(start=BEGIN, end=BEGIN + end, points=points)
    return thin(series.readings, lambda reading: reading.engine, times=times, start=BEGIN)


def test_a_chart_shows_what_was_seen_when_it_was_seen(tmp_path: Path) -> None:
    recorded = read(
        tmp_path, [line(10, device(engine=0.2)), line(20, device(engine=0.6)), line(30, device(engine=0.7))]
    )
    assert engines(recorded, end=30, points=3) == pytest.approx([0.2, 0.6, 0.7])
    assert engines(recorded, end=30, points=1) == pytest.approx([0.5])


def test_the_time_between_two_attempts_is_a_gap_however_short_it_is(tmp_path: Path) -> None:
    recorded = read(tmp_path, [line(10, device(), attempt=0), line(30, device(), attempt=1)])
    assert engines(recorded, end=30, points=3) == [0.5, None, 0.5]


def test_a_driver_that_vanished_leaves_a_gap_and_what_was_known_before(tmp_path: Path) -> None:
    recorded = read(
        tmp_path, [line(10, device()), line(20, lost(), problem="It is away."), line(30), line(40, device())]
    )
    assert engines(recorded, end=40, points=4) == [0.5, None, None, 0.5]
    assert problems_of(recorded) == ["It is away.", "GPU 0 does not answer: it is lost."]
    found = summary(recorded, seconds=40)
    assert found is not None
    assert (found.seconds, found.covered, found.engine_mean) == (20, 0.5, 0.5)


def test_figures_of_a_whole_life(tmp_path: Path) -> None:
    busy = device(engine=0.8, engine_peak=1.0, memory_peak=10 * GIB)
    idle = device(engine=0.0, memory=2 * GIB)
    recorded = read(
        tmp_path,
        [
            line(10, busy, cpu_cores=4.0, cpu_cores_peak=6.0, host_memory=GIB, host_memory_peak=3 * GIB),
            line(40, idle, seconds=30.0, cpu_cores=0.0, host_memory=GIB),
        ],
    )
    found = summary(recorded, seconds=50, devices=1)
    assert found is not None
    assert found.model_dump() == pytest.approx(
        {
            "seconds": 40,
            "covered": 0.8,
            "engine_mean": 0.2,
            "engine_peak": 1.0,
            "idle_fraction": 0.75,
            "memory_peak_bytes": 10 * GIB,
            "memory_total_bytes": 40 * GIB,
            "cpu_cores_mean": 1.0,
            "cpu_cores_peak": 6.0,
            "host_memory_peak_bytes": 3 * GIB,
            "devices": 1,
        }
    )


def test_of_machines_that_told_nothing_nothing_is_covered(tmp_path: Path) -> None:
    recorded = read(tmp_path, [line(10, device())])
    found = summary(recorded, seconds=10, devices=4)
    assert found is not None
    assert (found.covered, found.devices) == (0.25, 4)


def test_a_slice_whose_use_nobody_knows_has_memory_and_no_idleness(tmp_path: Path) -> None:
    recorded = read(
        tmp_path, [line(10, device("MIG-1", engine=None, mig="2g.10gb")), line(20, device("MIG-1", engine=None))]
    )
    found = summary(recorded, seconds=20)
    assert found is not None
    assert (found.engine_mean, found.idle_fraction, found.engine_peak) == (None, None, None)
    assert (found.memory_peak_bytes, found.covered) == (8 * GIB, 1.0)


def test_a_job_without_gpus_has_cpu_and_memory(tmp_path: Path) -> None:
    found = summary(read(tmp_path, [line(10, cpu_cores=2.0, cpu_cores_peak=3.0, host_memory=GIB)]), seconds=20)
    assert found is not None
    assert (found.devices, found.cpu_cores_mean, found.cpu_cores_peak, found.covered) == (0, 2.0, 3.0, 0.5)
    assert found.engine_mean is None


def test_a_job_that_ended_before_the_first_look_is_not_summed_up(tmp_path: Path) -> None:
    assert summary(read(tmp_path, [line(0, seconds=0.0, problem="too short")]), seconds=1) is None
    assert summary({}, seconds=10) is None


@given(
    st.lists(
        st.tuples(st.sampled_from([10.0, 10.0, 35.0, 900.0]), st.none() | st.floats(0, 1), st.integers(0, 2**36)),
        min_size=1,
        max_size=30,
    )
)
def test_figures_are_within_what_was_seen_and_cover_no_more_than_it(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[float, float | None, int]]
) -> None:
    at, lines = 0.0, []
    for apart, engine, memory in steps:
        at += apart
        lines.append(line(at, device(engine=engine, memory=memory)))
    recorded = read(tmp_path_factory.getbasetemp() / "property", lines)
    found = summary(recorded, seconds=at)
    assert found is not None
    assert found.seconds <= 10 * len(steps) + 1e-6
    assert 0 <= found.covered <= 1
    assert found.memory_peak_bytes == max(memory for _, _, memory in steps)
    known = [engine for _, engine, _ in steps if engine is not None]
    assert (found.engine_mean is None) == (not known)
    if known and found.engine_mean is not None and found.idle_fraction is not None:
        assert min(known) - 1e-9 <= found.engine_mean <= max(known) + 1e-9
        assert math.isclose(found.idle_fraction, sum(engine < 0.05 for engine in known) / len(known), abs_tol=1e-6)


def test_a_file_is_read_again_only_when_it_has_changed(tmp_path: Path) -> None:
    reader = LineReader()
    folder = written(tmp_path, [line(10, device())])
    first = reader.read(folder)
    assert reader.read(folder)[0] is first[0]
    with (folder / "0" / "gpus.jsonl").open("a") as file:
        file.write(json.dumps(line(20, device())) + '\n{"at": ')
    assert len(reader.read(folder)[0]) == 2
    (folder / "0" / "gpus.jsonl").unlink()
    assert reader.read(folder) == {}
    assert reader.read(tmp_path / "nowhere") == {}


def test_other_things_in_the_folder_are_no_ranks(tmp_path: Path) -> None:
    folder = written(tmp_path, [line(10, device())], rank=2)
    (folder / "x").mkdir()
    (folder / "1").write_text("no folder")
    (folder / "3" / "gpus.jsonl").mkdir(parents=True)
    assert list(LineReader().read(folder)) == [2]


async def test_the_panel_sees_a_live_jobs_devices_until_its_lines_stop(tmp_path: Path) -> None:
    now = BEGIN + 25
    jobs = [
        RecordedJob(ranks=written(tmp_path, [line(10, device()), line(20, device(engine=0.9))]), pods={0: "resnet-0"})
    ]

    async def live() -> list[RecordedJob]:
        return jobs

    source = RecordedSource(live, clock=lambda: now)
    assert isinstance(source, GpuSource)
    (found,) = (await source.look()).devices
    assert found.reading is not None
    assert (found.uuid, found.pod, found.source, found.reading.engine) == ("GPU-0", "resnet-0", "job", 0.9)
    (series,) = await source.history(start=BEGIN + 15, end=BEGIN + 30, step=1)
    assert [reading.engine for reading in series.readings] == [0.9]
    now = BEGIN + 300
    assert (await source.look()).devices == ()
    await source.close()


async def test_a_device_of_a_pod_that_is_not_known_is_not_taken_for_one_of_this_machine(tmp_path: Path) -> None:
    written(tmp_path, [line(10, device("GPU-0"))])
    written(tmp_path, [line(10, device("GPU-1"))], rank=1)
    job = RecordedJob(ranks=tmp_path, pods={1: "resnet-1"}, in_pods=True)

    async def live() -> list[RecordedJob]:
        return [job]

    source = RecordedSource(live, clock=lambda: BEGIN + 10)
    assert [(found.uuid, found.pod) for found in (await source.look()).devices] == [("GPU-1", "resnet-1")]
    assert [series.uuid for series in await source.history(start=BEGIN, end=BEGIN + 20, step=1)] == ["GPU-1"]


async def test_a_job_with_gpus_whose_ranks_cannot_read_them_says_why(tmp_path: Path) -> None:
    sentence = "GPU use is not known: no NVIDIA driver is installed."
    written(tmp_path, [line(10, problem=sentence), line(20)])
    now = BEGIN + 21

    async def live() -> list[RecordedJob]:
        return [RecordedJob(ranks=tmp_path, name="resnet", has_gpus=has_gpus)]

    source = RecordedSource(live, clock=lambda: now)
    has_gpus = True
    (condition,) = (await source.look()).conditions
    assert (condition.source, condition.code, condition.message) == ("job", "partial", f"resnet: {sentence}")
    has_gpus = False
    assert (await source.look()).conditions == (), "it asked for none"
    has_gpus, now = True, BEGIN + 300
    assert (await source.look()).conditions == (), "it writes no more"


def test_lines_of_a_job_of_days_are_read_whole(tmp_path: Path) -> None:
    lines = [gpu_lines.clean(line(10.0 * number, device())) for number in range(1, gpu_lines.MOST_LINES)]
    path = tmp_path / "0" / "gpus.jsonl"
    path.parent.mkdir()
    path.write_bytes(gpu_lines.encode(each for each in lines if each is not None))
    os.utime(path, (0, 0))
    assert len(LineReader().read(tmp_path)[0]) == len(lines)
