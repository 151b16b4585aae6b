"""The file that all servers watch: nothing that was noted while one follows is missed."""

from __future__ import annotations

from pathlib import Path

import pytest

from windlass.engines.job_folder import journal
from windlass.engines.job_folder.journal import Changes, JournalFollower, note
from windlass.engines.job_folder.paths import DataFolder


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path)


def test_a_follower_hears_what_is_noted_after_it_began_and_each_job_once(data: DataFolder) -> None:
    note(data, "before", what="state")
    follower = JournalFollower(data.journal)
    assert not follower.poll()
    for job_id in ("a", "b", "a"):
        note(data, job_id, what="state")
    assert follower.poll() == Changes(job_ids=["a", "b"])
    assert not follower.poll()


def test_a_follower_that_began_before_there_was_a_journal_hears_its_first_lines(data: DataFolder) -> None:
    follower = JournalFollower(data.journal)
    note(data, "first", what="state")
    heard = [follower.poll(), follower.poll()]
    assert [change.job_ids for change in heard if change] == [["first"]]


def test_nothing_is_lost_when_a_large_journal_is_replaced(data: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "ROTATE_BYTES", 100)
    follower = JournalFollower(data.journal)
    note(data, "x" * 100, what="state")
    follower.poll()
    note(data, "late", what="state")
    journal.rotate(data)
    assert not data.journal.exists()
    note(data, "new", what="state")
    heard = [follower.poll(), follower.poll()]
    assert [job_id for change in heard for job_id in change.job_ids] == ["late", "new"]
    assert any(change.everything for change in heard)


def test_half_a_line_waits_for_its_other_half_and_nonsense_means_look_at_everything(data: DataFolder) -> None:
    follower = JournalFollower(data.journal)
    data.journal.write_text('{"job_id": "a", "wh')
    assert [follower.poll().job_ids for _ in range(2)] == [[], []]
    with data.journal.open("a") as file:
        file.write('at": "state"}\nnonsense\n')
    assert follower.poll() == Changes(job_ids=["a"], everything=True)
