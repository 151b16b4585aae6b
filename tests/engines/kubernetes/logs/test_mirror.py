"""The copy of a job's folder: what is reported stands where readers look, and nothing that does not belong there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.engines.job_folder.ranks import read_rank
from windlass.engines.kubernetes.logs.frames import Report
from windlass.engines.kubernetes.logs.mirror import NOTEBOOK, RUNS, STATUS, JobMirror, Mirror
from windlass.errors import NotFound


def cell(name: str, text: str = "") -> dict[str, Any]:
    outputs = [{"output_type": "stream", "name": "stdout", "text": text}] if text else []
    kind = {"cell_type": "code", "execution_count": None, "outputs": outputs}
    return {**kind, "id": name, "metadata": {}, "source": ["x"]}


def notebook(*cells: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def report(kind: str, value: object, *, rank: int = 0, place: int | None = None) -> Report:
    return Report(kind=kind, rank=rank, text_bytes=0, cell=place, value=value, source=json.dumps(value).encode())


@pytest.fixture
def job(tmp_path: Path) -> JobMirror:
    made = Mirror(tmp_path).job("job-1")
    made.create()
    return made


def executed(job: JobMirror) -> dict[str, Any]:
    value = json.loads(job.folder.executed.read_bytes())
    nbformat.validate(value)
    return value


def test_the_notebook_is_taken_over_byte_for_byte_and_filled_cell_by_cell(job: JobMirror) -> None:
    whole = report("notebook", notebook(cell("a"), cell("b"), windlass={"state": "running"}))
    job.apply(whole)
    assert job.settle() == {NOTEBOOK}
    assert job.folder.executed.read_bytes() == whole.source
    job.apply(report("cell", cell("b", "printed"), place=1))
    job.apply(report("metadata", {"windlass": {"state": "succeeded"}}))
    assert job.settle() == {NOTEBOOK}
    assert executed(job) == notebook(cell("a"), cell("b", "printed"), windlass={"state": "succeeded"})
    assert job.settle() == set()


def test_a_server_that_starts_again_goes_on_with_the_notebook_on_disk(job: JobMirror, tmp_path: Path) -> None:
    job.apply(report("notebook", notebook(cell("a"), cell("b"))))
    job.settle()
    again = Mirror(tmp_path).job("job-1")
    again.apply(report("cell", cell("a", "new"), place=0))
    again.settle()
    assert executed(again) == notebook(cell("a", "new"), cell("b"))


@pytest.mark.parametrize(
    "bad",
    [
        report("notebook", notebook({**cell("a"), "outputs": [{"output_type": "evil"}]})),
        report("notebook", notebook(cell("a"), cell("a"))),
        report("notebook", notebook({**cell("a"), "id": 7})),
        report("notebook", {**notebook(), "nbformat": 3}),
        report("notebook", {"cells": "x", "metadata": {}, "nbformat": 4, "nbformat_minor": 5}),
        report("notebook", []),
        report("notebook", notebook(), rank=1),
        report("cell", cell("b"), place=0),
        report("cell", cell("a"), place=7),
        report("cell", cell("a")),
        report("cell", {**cell("a"), "cell_type": "evil"}, place=0),
        report("cell", {**cell("a"), "cell_type": None}, place=0),
        report("cell", None, place=0),
        report("metadata", {"kernelspec": "wrong"}),
        report("metadata", "x"),
        report("unknown", {}),
    ],
    ids=range(16),
)
def test_what_is_no_notebook_leaves_the_copy_as_it_was(job: JobMirror, bad: Report) -> None:
    good = notebook(cell("a", "kept"), cell("b"))
    job.apply(report("notebook", good))
    job.settle()
    job.apply(bad)
    assert job.settle() == set()
    assert executed(job) == good


def test_a_cell_before_any_notebook_is_left_out(job: JobMirror) -> None:
    job.apply(report("cell", cell("a"), place=0))
    assert job.settle() == set()
    assert not job.folder.executed.exists()


def test_a_status_stands_where_readers_look_under_the_rank_that_the_pod_has(job: JobMirror) -> None:
    job.apply(report("status", {"rank": 5, "phase": "running", "cell": 2, "evil": "x" * 100}, rank=3))
    assert job.settle() == {STATUS}
    status = read_rank(job.folder, 3)
    assert status is not None
    assert (status.phase, status.cell) == ("running", 2)
    assert json.loads(job.folder.rank_status(3).read_text()) == {"rank": 3, "phase": "running", "cell": 2}
    for wrong in ([], "x", None, {"message": "x" * 2_000_000}):
        job.apply(report("status", wrong, rank=3))
    assert job.settle() == set()


def test_runs_are_kept_once_each_also_over_a_restart(job: JobMirror, tmp_path: Path) -> None:
    run = {"run_id": "r1", "experiment_id": "1", "tracking_uri": "http://mlflow", "name": None, "own": True, "at": 1.5}
    for _ in range(3):
        job.apply(report("run", run, rank=2))
    assert job.settle() == {RUNS}
    again = Mirror(tmp_path).job("job-1")
    for wrong in (run, {"run_id": 7}, {"run_id": "r2", "name": "x" * 5000, "own": "yes", "more": 1}, [], None):
        again.apply(report("run", wrong, rank=2))
    again.apply(report("own_run", {"run_id": "r1", "experiment_id": "1", "path": "../.."}))
    again.settle()
    lines = [json.loads(line) for line in job.folder.runs.read_text().splitlines()]
    assert lines == [{**run, "rank": 2}, {"run_id": "r2", "rank": 2}]
    own = json.loads((job.folder.path / "own_run.json").read_text())
    assert own == {"run_id": "r1", "experiment_id": "1"}


def test_endless_runs_do_not_fill_the_disk(job: JobMirror) -> None:
    for number in range(1500):
        job.apply(report("run", {"run_id": f"r{number}", "name": "x" * 1900}))
    job.settle()
    assert job.folder.runs.stat().st_size < 1_100_000


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
odd_cells = st.builds(lambda changes: {**cell("a"), **changes}, st.dictionaries(st.sampled_from([*cell("a")]), values))


@settings(deadline=None, max_examples=60)
@given(
    kinds=st.lists(st.tuples(st.sampled_from(["cell", "notebook", "metadata", "status", "run"]), values | odd_cells))
)
def test_whatever_comes_the_notebook_on_disk_is_valid(kinds: list[tuple[str, Any]], tmp_path_factory: Any) -> None:
    job = Mirror(tmp_path_factory.mktemp("copy")).job("job-1")
    job.create()
    job.apply(report("notebook", notebook(cell("a"), cell("b"))))
    for kind, value in kinds:
        job.apply(report(kind, notebook(value) if kind == "notebook" else value, place=0))
        job.settle()
        executed(job)


def test_nothing_is_made_again_of_a_job_that_was_removed(job: JobMirror) -> None:
    job.remove()
    job.apply(report("status", {"phase": "running"}))
    with pytest.raises(FileNotFoundError):
        job.settle()
    assert not job.exists
    job.remove()


def test_a_disk_that_was_full_gets_everything_later(job: JobMirror) -> None:
    job.apply(report("notebook", notebook(cell("a"))))
    job.apply(report("status", {"phase": "running"}))
    blocking = job.folder.path / ".executed.ipynb.tmp"
    blocking.mkdir()
    with pytest.raises(OSError, match="directory"):
        job.settle()
    blocking.rmdir()
    assert job.settle() == {NOTEBOOK, STATUS}


def test_copies_are_the_users_alone_and_found_again(tmp_path: Path, job: JobMirror) -> None:
    assert job.folder.path.stat().st_mode & 0o777 == 0o700
    assert Mirror(tmp_path).job_ids() == ["job-1"]
    assert Mirror(tmp_path / "other").job_ids() == []
    with pytest.raises(NotFound):
        Mirror(tmp_path).job("../../etc")


def test_a_report_with_numbers_beyond_all_bounds_ends_nothing(job: JobMirror) -> None:
    """The log of the pod is read by the same task: it must not stop at what the user's code makes up."""
    huge = 10**400
    job.apply(report("run", {"run_id": "r1", "at": huge}))
    job.apply(report("own_run", {"run_id": "r1", "at": -huge}))
    job.apply(report("status", {"phase": "running", "fraction": huge, "exit_code": huge, "error": {"at": huge}}))
    assert job.settle() == {RUNS, STATUS}
    assert json.loads(job.folder.runs.read_text()) == {"run_id": "r1", "rank": 0}
    status = read_rank(job.folder, 0)
    assert status is not None
    assert (status.fraction, status.exit_code) == (None, None)
