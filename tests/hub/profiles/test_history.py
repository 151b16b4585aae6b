from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass_hub.profiles.history import History, HistoryError, read_history
from windlass_hub.profiles.store import Version

_times = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(timezone.utc))
_texts = st.text(max_size=30)
histories = st.builds(
    History,
    versions=st.lists(
        st.builds(Version, number=st.integers(1, 10**6), saved_at=_times, saved_by=_texts, note=_texts, text=_texts),
        max_size=5,
    ).map(tuple),
    saving=st.none() | st.integers(1, 10**6),
)


@given(history=histories)
def test_what_was_written_is_read_back(history: History) -> None:
    assert read_history(history.dump()) == history


@given(history=histories, text=_texts, at=_times)
def test_the_text_in_force_is_always_the_newest_and_looking_twice_adds_nothing(
    history: History, text: str, at: datetime
) -> None:
    seen = history.with_current(text, at=at)
    assert seen.versions[0].text == text
    assert seen.with_current(text, at=at + timedelta(days=1)) == seen
    dropped = len(history.versions) + 1 - len(seen.versions)
    assert dropped in {0, 1, 2}
    assert seen.versions[0].number > 0


@given(history=histories, texts=st.lists(_texts, min_size=1, max_size=6), keep=st.integers(1, 4), at=_times)
def test_saves_get_growing_numbers_and_only_the_last_are_kept(
    history: History, texts: list[str], keep: int, at: datetime
) -> None:
    highest = max((version.number for version in history.versions), default=0)
    for text in texts:
        history = history.with_save(text, by="ada", note="", at=at, keep=keep)
        assert history.versions[0].number == highest + 1
        highest += 1
        assert len(history.versions) <= keep
        assert history.while_saving().saving == highest


@given(junk=st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(repr))
def test_what_is_no_history_is_an_error_in_words(junk: str) -> None:
    if junk:
        with pytest.raises(HistoryError):
            read_history(junk)


@pytest.mark.parametrize(
    "text", ['{"format": 2, "versions": []}', '{"format": 1}', "[" * 100_000, '{"format": 1, "versions": [{}]}']
)
def test_a_history_of_another_kind_is_refused(text: Any) -> None:
    with pytest.raises(HistoryError):
        read_history(text)
