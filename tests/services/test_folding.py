"""Whatever a job says of itself, the list of jobs can be shown."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from windlass.engines.base import JobStatus, State
from windlass.ledger.tables import JobRow
from windlass.services.folding import MOST_RUNS, fold
from windlass.services.present import present

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet=st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
words = st.text(alphabet=st.characters(), max_size=20)
addresses = st.sampled_from(["http://127.0.0.1:5000", "javascript:alert(1)//", "http://[", "file:///tmp"])
RUN_FIELDS = ["run_id", "experiment_id", "tracking_uri", "name", "own", "spooled", "rank"]
records = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(["fraction", "cell", "cells", "message", "ename", "evalue", "line", "traceback"], anything),
)


def row_with(values: Any) -> JobRow:
    row = JobRow(
        id="j1", owner="ann", name="a", notebook="a.ipynb", experiment="a", engine="local", kind="python",
        request={"notebook": "a.ipynb"}, python="", state="submitted", status={}, sent_notices=[], runs=[],
        created_us=0, version=1,
    )  # fmt: skip
    for name, value in values.items():
        setattr(row, name, value)
    return row


@given(
    progress=st.none() | records,
    error=st.none() | records,
    reason=words,
    notices=st.lists(words, max_size=3),
    started_at=st.none() | st.floats(0, 4e9),
    ended_at=st.none() | st.floats(0, 4e9),
)
def test_no_status_breaks_the_list(progress: Any, error: Any, reason: str, notices: list[str], **moments: Any) -> None:
    status = JobStatus(
        job_id="j1",
        state=State.RUNNING,
        reason=reason,
        progress=progress,
        error=error,
        notices=tuple(notices),
        runs=({"run_id": "r1", "own": False}, {"run_id": "r2", "own": True}),
        **moments,
    )
    job = present(row_with(fold(status).values))
    job.model_dump_json().encode()
    assert job.run_id == "r2"
    assert [run.run_id for run in job.runs] == ["r1", "r2"]
    assert job.duration_seconds is None or job.duration_seconds >= 0


@given(
    runs=st.lists(st.dictionaries(st.sampled_from(RUN_FIELDS), anything | words | addresses, max_size=7), max_size=4)
)
def test_no_run_that_a_notebook_writes_down_breaks_the_list(runs: list[dict[str, Any]]) -> None:
    status = JobStatus(job_id="j1", state=State.RUNNING, runs=tuple(runs))
    job = present(row_with(fold(status).values))
    job.model_dump_json().encode()
    assert all(run.url is None or run.url.startswith(("http://", "https://")) for run in job.runs)


def test_a_job_of_very_many_runs_shows_the_first_and_its_own() -> None:
    runs = [{"run_id": f"r{number}"} for number in range(MOST_RUNS + 5)] + [{"run_id": "own", "own": True}]
    job = present(row_with(fold(JobStatus(job_id="j1", state=State.RUNNING, runs=tuple(runs))).values))
    assert job.run_id == "own"
    assert len(job.runs) == MOST_RUNS


def test_equal_statuses_make_equal_changes() -> None:
    status = JobStatus(job_id="j1", state=State.RUNNING, progress={"fraction": 0.1, "cell": 1}, notices=("a",))
    assert fold(status) == fold(status)
