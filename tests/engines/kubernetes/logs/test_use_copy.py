"""What ranks in pods used, copied: each line once, whatever is read again, and never more than there may be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.engines.job_folder.ranks import forget_ranks
from windlass.engines.kubernetes.logs.frames import Report
from windlass.engines.kubernetes.logs.mirror import USE, JobMirror, Mirror
from windlass.engines.kubernetes.logs.use_copy import UseCopy
from windlass.runner import gpu_lines


def line(at: float, **values: Any) -> dict[str, Any]:
    return {"at": at, "seconds": 10.0, "devices": [{"uuid": "GPU-0", "seconds": 10.0, "engine": 0.5}], **values}


def report(value: object, *, rank: int = 0) -> Report:
    return Report(kind="gpus", rank=rank, text_bytes=0, value=value, source=json.dumps(value).encode())


@pytest.fixture
def job(tmp_path: Path) -> JobMirror:
    made = Mirror(tmp_path).job("job-1")
    made.create()
    return made


def moments(job: JobMirror, rank: int = 0) -> list[float]:
    return [each["at"] for each in gpu_lines.parse(job.folder.use(rank).read_bytes())]


def test_lines_stand_where_a_local_rank_would_have_written_them(job: JobMirror) -> None:
    for at in (10.0, 20.0):
        job.apply(report(line(at)))
    job.apply(report(line(15.0), rank=4))
    assert job.settle() == {USE}
    assert (moments(job), moments(job, 4)) == ([10.0, 20.0], [15.0])
    assert job.settle() == set()


def test_a_log_that_is_read_again_brings_nothing_twice_also_after_a_restart(job: JobMirror, tmp_path: Path) -> None:
    for at in (10.0, 20.0, 10.0, 20.0):
        job.apply(report(line(at)))
    job.settle()
    again = Mirror(tmp_path).job("job-1")
    for at in (10.0, 20.0, 30.0):
        again.apply(report(line(at)))
    again.settle()
    assert moments(job) == [10.0, 20.0, 30.0]


@pytest.mark.parametrize("value", [None, 5, [], {}, {"at": "now"}, {"at": float("nan")}, {"at": 10**400}, "x"])
def test_what_is_no_line_is_passed_over(job: JobMirror, value: object) -> None:
    job.apply(Report(kind="gpus", rank=0, text_bytes=0, value=value, source=b""))
    assert job.settle() == set()


def test_a_rank_speaks_for_itself_alone(job: JobMirror) -> None:
    job.apply(report(line(10.0, rank=7, extra="x" * 100_000, problem="y" * 100_000), rank=2))
    job.settle()
    content = job.folder.use(2).read_bytes()
    assert json.loads(content)["rank"] == 2
    assert len(content) < 1000


@settings(max_examples=25)
@given(st.integers(4, 30), st.integers(0, 120))
def test_however_many_lines_come_few_are_kept_and_their_time_is_all_there(
    tmp_path_factory: pytest.TempPathFactory, most: int, count: int
) -> None:
    folder = Mirror(tmp_path_factory.mktemp("copy")).job("job-1")
    folder.create()
    copy = UseCopy(folder.folder, most_lines=most)
    for number in range(count):
        copy.add(0, line(10.0 * (number + 1)))
        copy.write()
    path = folder.folder.use(0)
    lines = gpu_lines.parse(path.read_bytes()) if path.exists() else []
    assert len(lines) < most
    assert sum(each["seconds"] for each in lines) == 10 * count


def test_the_next_attempt_of_a_local_job_forgets_all_but_what_was_used(job: JobMirror) -> None:
    job.apply(report(line(10.0)))
    job.settle()
    status = job.folder.rank_status(0)
    status.write_text("{}")
    (status.parent / "more").mkdir()
    forget_ranks(job.folder)
    assert [path.name for path in status.parent.iterdir()] == ["gpus.jsonl"]
