"""Cursors come back as they were given, and nothing else passes for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.errors import InvalidRequest
from windlass.services.cursors import change_cursor, page_cursor, read_change_cursor, read_page_cursor


@given(created_us=st.integers(0, 2**62), job_id=st.text(max_size=40))
def test_a_page_cursor_comes_back(created_us: int, job_id: str) -> None:
    cursor = page_cursor(created_us, job_id)
    assert read_page_cursor(cursor) == (created_us, job_id)
    assert cursor.isascii()


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_a_cursor(text: str) -> None:
    epoch, since = read_change_cursor(text)
    assert 0 <= since < 2**63
    assert epoch is None or text.startswith(epoch)
    try:
        created_us, _ = read_page_cursor(text)
    except InvalidRequest:
        return
    assert abs(created_us) < 2**63


@given(epoch=st.text(alphabet="0123456789abcdef", min_size=16, max_size=16), sequence=st.integers(0, 2**62))
def test_a_change_cursor_comes_back(epoch: str, sequence: int) -> None:
    assert read_change_cursor(change_cursor(epoch, sequence)) == (epoch, sequence)


@pytest.mark.parametrize("cursor", [None, "", ".", "x", "x.", "x.-1", "x.1e3", "x.٣"])
def test_what_is_no_change_cursor_asks_for_the_whole_list(cursor: str | None) -> None:
    assert read_change_cursor(cursor) == (None, 0)
