"""Ids sort by time and fit everywhere."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from windlass.services.identifiers import new_job_id


@given(st.lists(st.floats(0, 3e10), min_size=2, max_size=2).map(sorted))
def test_a_later_job_has_a_later_id(moments: list[float]) -> None:
    earlier, later = (new_job_id(now=moment) for moment in moments)
    if int(moments[0]) < int(moments[1]):
        assert earlier < later
    for job_id in (earlier, later):
        assert re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", job_id)


def test_a_thousand_of_one_moment_are_different() -> None:
    assert len({new_job_id(now=1.0) for _ in range(1000)}) == 1000
