"""A log that comes from elsewhere reads like one that was written here, with the lines' own times."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.engines.job_folder import logreader
from windlass.engines.job_folder.logindex import RECORD
from windlass.engines.job_folder.logwriter import Joined, LogWriter, Piece
from windlass.engines.job_folder.paths import LAUNCHER, JobFolder

pieces = st.builds(
    Piece,
    st.sampled_from([LAUNCHER, 0, 1]),
    st.sampled_from([10.0, 10.01, 11.5, 9.0]),
    st.text(alphabet="aé\n", min_size=1, max_size=5).map(str.encode),
)


def merged(job: JobFolder) -> list[tuple[int | None, float, str]]:
    page = logreader.read_merged(job, offset=0, limit_bytes=1 << 20, ended=True)
    assert page.complete
    return [(piece.rank, piece.time, piece.text) for piece in page.pieces]


@settings(deadline=None)
@given(batches=st.lists(st.lists(pieces, max_size=6), max_size=6), renew=st.lists(st.booleans(), max_size=6))
def test_any_pieces_come_back_in_their_order(batches: list[list[Piece]], renew: list[bool]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        job = JobFolder(Path(folder) / "job")
        writer = LogWriter(job)
        for number, batch in enumerate(batches):
            writer.write(batch)
            if number < len(renew) and renew[number]:
                writer = LogWriter(job)
        everything = [piece for batch in batches for piece in batch]
        for rank in (LAUNCHER, 0, 1):
            content = b"".join(piece.content for piece in everything if piece.rank == rank)
            assert (job.log(rank).read_bytes() if content else b"") == content
            assert writer.size_bytes(rank) == len(content)
        assert "".join(text for _, _, text in merged(job)) == b"".join(piece.content for piece in everything).decode()


def test_lines_keep_their_own_times(tmp_path: Path) -> None:
    job = JobFolder(tmp_path / "job")
    LogWriter(job).write(
        [Piece(0, 100.0, b"a\n"), Piece(1, 100.5, b"b\n"), Piece(0, 101.5, b"c\n"), Piece(0, 101.6, b"d\n")]
    )
    assert merged(job) == [(0, 100.0, "a\n"), (1, 100.5, "b\n"), (0, 101.5, "c\nd\n")]
    page = logreader.read_rank(job, rank=0, offset=2, limit_bytes=100, ended=True)
    assert [(piece.time, piece.text) for piece in page.pieces] == [(101.5, "c\nd\n")]


def test_what_a_dead_process_did_not_index_is_indexed_with_the_next(tmp_path: Path) -> None:
    job = JobFolder(tmp_path / "job")
    LogWriter(job).write([Piece(0, 100.0, b"a\n")])
    with job.log(0).open("ab") as file:
        file.write(b"orphan\n")
    writer = LogWriter(job)
    assert writer.size_bytes(0) == 9
    writer.write([Piece(0, 105.0, b"b\n")])
    assert "".join(text for _, _, text in merged(job)) == "a\norphan\nb\n"


@pytest.mark.parametrize("blocked", ["log", "index"])
def test_with_an_error_nothing_is_written_and_the_same_may_be_written_again(tmp_path: Path, blocked: str) -> None:
    job = JobFolder(tmp_path / "job")
    writer = LogWriter(job)
    writer.write([Piece(0, 1.0, b"a\n")])
    in_the_way = job.log(1) if blocked == "log" else job.log_index
    aside = tmp_path / "aside"
    if in_the_way.exists():
        in_the_way.rename(aside)
    in_the_way.mkdir()
    new = [Piece(0, 2.0, b"b\n"), Piece(1, 2.0, b"c\n")]
    with pytest.raises(OSError, match="directory"):
        writer.write(new)
    assert job.log(0).read_bytes() == b"a\n"
    in_the_way.rmdir()
    if aside.exists():
        aside.rename(in_the_way)
    writer.write(new)
    assert merged(job) == [(0, 1.0, "a\n"), (0, 2.0, "b\n"), (1, 2.0, "c\n")]


def test_a_million_lines_of_one_moment_are_few_records(tmp_path: Path) -> None:
    job = JobFolder(tmp_path / "job")
    joined = Joined()
    for number in range(10_000):
        joined.append(Piece(0, 100.0 + number / 100_000, b"line\n"))
    LogWriter(job).write(joined.all())
    assert job.log_index.stat().st_size == RECORD.size
