"""A rank's status file is written by the user's process: whatever it holds, the supervisor goes on."""

from __future__ import annotations

import json
import math
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from windlass.engines.job_folder.paths import JobFolder
from windlass.engines.job_folder.ranks import RankWatch, read_rank

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**30)])
    | st.floats()
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
fields = ("rank", "pid", "phase", "cell", "cells", "fraction", "message", "exit_code", "error", "notices")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.fixed_dictionaries({}, optional=dict.fromkeys(fields, anything)) | anything)
def test_no_content_is_believed_blindly(tmp_path: Path, content: object) -> None:
    job = JobFolder(tmp_path)
    job.rank_status(0).parent.mkdir(parents=True, exist_ok=True)
    job.rank_status(0).write_text(json.dumps(content))
    status = read_rank(job, 0)
    if not isinstance(content, dict):
        assert status is None
        return
    assert status is not None
    fraction = status.progress["fraction"]
    assert fraction is None or 0 <= fraction <= 1
    assert status.error is None or status.error["rank"] == 0
    assert not math.isnan(status.error_at)
    numbers = (status.pid, status.cell, status.cells, status.exit_code)
    assert all(number is None or abs(number) < 2**53 for number in numbers), "no database takes more"
    assert all(isinstance(notice, str) for notice in status.notices)


def test_a_status_is_read_again_when_its_file_is_another(tmp_path: Path) -> None:
    job = JobFolder(tmp_path)
    watch = RankWatch(job, [0, 1])
    assert watch.statuses() == []
    job.rank_status(1).parent.mkdir(parents=True)
    for phase in ("starting", "running"):
        new = job.rank_status(1).with_suffix(".tmp")
        new.write_text(json.dumps({"phase": phase}))
        new.replace(job.rank_status(1))
        assert [(status.rank, status.phase) for status in watch.statuses()] == [(1, phase)]
