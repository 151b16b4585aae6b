"""The merged log: whatever is written, in whatever pieces, comes back byte for byte and from any offset."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.engines.base import LogSlice
from windlass.engines.job_folder import logreader
from windlass.engines.job_folder.characters import complete_prefix
from windlass.engines.job_folder.logindex import PARTIAL_SECONDS, RECORD, LogIndexer
from windlass.engines.job_folder.paths import JobFolder

RANKS = 3


class Clock:
    """Time that only moves when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def make_job(folder: Path) -> JobFolder:
    job = JobFolder(folder / "job")
    job.logs.mkdir(parents=True)
    return job


def write(job: JobFolder, rank: int, content: bytes) -> None:
    with job.log(rank).open("ab") as file:
        file.write(content)


def merged(job: JobFolder, offset: int = 0, limit: int = 1 << 20, *, ended: bool = True) -> LogSlice:
    return logreader.read_merged(job, offset=offset, limit_bytes=limit, ended=ended)


def all_pages(job: JobFolder, *, limit: int) -> list[LogSlice]:
    pages = [merged(job, 0, limit)]
    while not pages[-1].complete:
        assert pages[-1].next_offset > pages[-1].offset
        pages.append(merged(job, pages[-1].next_offset, limit))
    return pages


words = st.text(alphabet="ab é☃\U0001f600\n", max_size=12)
steps = st.lists(
    st.tuples(
        st.integers(min_value=0, max_value=RANKS - 1),
        words.map(str.encode) | st.binary(max_size=5),
        st.booleans(),
        st.sampled_from((0.0, 0.1, PARTIAL_SECONDS)),
        st.booleans(),
    ),
    max_size=25,
)


@settings(deadline=None)
@given(steps=steps, limit=st.integers(min_value=1, max_value=40))
def test_any_interleaving_gives_back_each_ranks_bytes(
    steps: list[tuple[int, bytes, bool, float, bool]], limit: int
) -> None:
    """Also when the indexer is made anew (a server takes over) and when a record was cut off at the end."""
    with tempfile.TemporaryDirectory() as folder:
        job, clock = make_job(Path(folder)), Clock()
        written = dict.fromkeys(range(RANKS), b"")
        indexer = LogIndexer(job, ranks=range(RANKS), clock=clock)
        for rank, content, poll, seconds, renew in steps:
            write(job, rank, content)
            written[rank] += content
            clock.now += seconds
            if poll:
                indexer.poll()
            if renew:
                with job.log_index.open("ab") as index:
                    # A record cut off lies where the next one goes: there is never more than one.
                    index.write(b"torn" if index.tell() % RECORD.size == 0 else b"")
                indexer = LogIndexer(job, ranks=range(RANKS), clock=clock)
        indexer.poll(final=True)

        pages = all_pages(job, limit=limit)
        assert pages[-1].size_bytes == sum(map(len, written.values()))
        if all(_is_utf8(content) for content in written.values()):
            for rank, content in written.items():
                text = "".join(piece.text for page in pages for piece in page.pieces if piece.rank == rank)
                assert text.encode() == content
        for page in pages:
            assert page.next_offset - page.offset <= max(limit, 4)
            whole_text = "".join(piece.text for piece in merged(job, page.offset).pieces)
            assert whole_text.startswith("".join(piece.text for piece in page.pieces)[:1])


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


@settings(deadline=None)
@given(texts=st.lists(words, max_size=10), limit=st.integers(min_value=1, max_value=20))
def test_one_ranks_log_is_its_file_page_by_page(texts: list[str], limit: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        job = make_job(Path(folder))
        content = "".join(texts).encode()
        write(job, 0, content)
        LogIndexer(job, ranks=[0]).poll(final=True)
        offset, read = 0, ""
        while True:
            page = logreader.read_rank(job, rank=0, offset=offset, limit_bytes=limit, ended=True)
            assert page.next_offset - page.offset <= max(limit, 4)
            read += "".join(piece.text for piece in page.pieces)
            if page.complete:
                break
            assert page.next_offset > offset
            offset = page.next_offset
        assert read == "".join(texts)


@given(content=st.binary(max_size=12))
def test_at_most_three_bytes_are_held_back_and_only_a_characters_beginning(content: bytes) -> None:
    kept = complete_prefix(content)
    assert len(content) - 3 <= kept <= len(content)
    held = content[kept:]
    if held:
        with pytest.raises(UnicodeDecodeError, match=r"unexpected end of data|invalid continuation"):
            held.decode()


@given(text=st.text(max_size=6), cut=st.integers(min_value=0, max_value=30))
def test_a_cut_never_falls_into_a_character(text: str, cut: int) -> None:
    content = text.encode("utf-8", "ignore")[:cut]
    content[: complete_prefix(content)].decode()


def test_lines_of_ranks_do_not_mix_and_unfinished_ones_wait_half_a_second(tmp_path: Path) -> None:
    job, clock = make_job(tmp_path), Clock()
    indexer = LogIndexer(job, ranks=[0, 1], clock=clock)
    write(job, 0, b"begun, ")
    write(job, 1, b"whole\n")
    indexer.poll()
    assert [piece.text for piece in merged(job).pieces] == ["whole\n"]
    write(job, 0, b"done\nnext")
    clock.now += 0.1
    indexer.poll()
    assert [piece.text for piece in merged(job).pieces] == ["whole\n", "begun, done\n"]
    clock.now += PARTIAL_SECONDS
    indexer.poll()
    assert [(piece.rank, piece.time, piece.text) for piece in merged(job).pieces] == [
        (1, 1000.0, "whole\n"),
        (0, 1000.1, "begun, done\nnext"),
    ]


def test_a_page_that_is_full_ends_at_a_line_end(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    write(job, 0, b"one\ntwo\nthree\n")
    LogIndexer(job, ranks=[0]).poll(final=True)
    page = merged(job, 0, 10)
    assert (page.pieces[0].text, page.next_offset, page.complete) == ("one\ntwo\n", 8, False)


def test_a_thousand_lines_between_two_looks_are_one_record(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    write(job, 0, b"".join(b"line %d\n" % number for number in range(1000)))
    LogIndexer(job, ranks=[0]).poll()
    assert job.log_index.stat().st_size == RECORD.size


def test_a_line_without_an_end_of_many_megabytes_is_not_held_back(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    content = "é".encode() * (2 << 20) + b"\xc3"
    write(job, 0, content)
    LogIndexer(job, ranks=[0]).poll()
    page = merged(job, 0, 1 << 30, ended=False)
    assert page.size_bytes == len(content) - 1
    assert "\ufffd" not in "".join(piece.text for piece in page.pieces)


def test_the_time_of_a_ranks_line_is_when_it_was_seen(tmp_path: Path) -> None:
    job, clock = make_job(tmp_path), Clock()
    indexer = LogIndexer(job, ranks=[0, 1], clock=clock)
    for number in range(50):
        write(job, number % 2, b"line %02d\n" % number)
        clock.now += 10
        indexer.poll()
    for number in (0, 7, 20, 24):
        page = logreader.read_rank(job, rank=1, offset=8 * number, limit_bytes=8, ended=True)
        assert [(piece.text, piece.time) for piece in page.pieces] == [
            (f"line {2 * number + 1:02}\n", 1000.0 + 10 * (2 * number + 2))
        ]


def test_a_log_that_was_cut_short_behind_our_back_is_still_passed_over(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    write(job, 0, b"abc\ndef\n")
    write(job, 1, b"after\n")
    LogIndexer(job, ranks=[0, 1]).poll(final=True)
    job.log(0).write_bytes(b"abc\n")
    page = merged(job)
    assert [piece.text for piece in page.pieces] == ["abc\n", "after\n"]
    assert page.complete
