"""Which rank a line belongs to, and what of a rank's output is missing."""

from __future__ import annotations

import pytest

from windlass.engines.job_folder.paths import LAUNCHER
from windlass.engines.kubernetes.logs.frames import Report
from windlass.engines.kubernetes.logs.log_lines import Line
from windlass.engines.kubernetes.logs.rank_text import PodRanks, RankText

ONE = PodRanks(first=0, count=1, world_size=1)
SECOND_POD = PodRanks(first=2, count=2, world_size=4)
ONE_OF_MANY = PodRanks(first=3, count=1, world_size=4)


@pytest.mark.parametrize(
    ("ranks", "line", "rank", "text"),
    [
        (ONE, b"text", 0, b"text\n"),
        (ONE, b"[rank 5] is what it printed", 0, b"[rank 5] is what it printed\n"),
        (SECOND_POD, b"[rank 2] text", 2, b"text\n"),
        (SECOND_POD, b"[rank 3] [rank 0] text", 3, b"[rank 0] text\n"),
        (SECOND_POD, b"[rank 0] of another pod", LAUNCHER, b"[rank 0] of another pod\n"),
        (SECOND_POD, b"W1123 torchrun's own words", LAUNCHER, b"W1123 torchrun's own words\n"),
        (ONE_OF_MANY, b"NCCL INFO from C", 3, b"NCCL INFO from C\n"),
        (ONE_OF_MANY, b"[rank 3] \xff\x00", 3, b"\xff\x00\n"),
        (ONE_OF_MANY, b"[rank 99999999999999999999] x", 3, b"[rank 99999999999999999999] x\n"),
        (ONE, b"begun\x1e", 0, b"begun"),
        (ONE, b"", 0, b"\n"),
    ],
)
def test_a_line_is_its_ranks(ranks: PodRanks, line: bytes, rank: int, text: bytes) -> None:
    piece, frame = RankText(ranks=ranks).take(Line(2_500_000_000, line, begins=True, ended=True))
    assert frame is None
    assert piece == (rank, 2.5, text)


def test_the_later_pieces_of_a_long_line_are_of_its_rank() -> None:
    text = RankText(ranks=SECOND_POD)
    lines = [
        Line(1, b"[rank 3] begin", True, False),
        Line(1, b"[rank 2] middle", False, False),
        Line(1, b"", False, True),
    ]
    pieces = [text.take(line)[0] for line in lines]
    assert [(piece.rank, piece.content) for piece in pieces if piece] == [
        (3, b"begin"),
        (3, b"[rank 2] middle"),
        (3, b"\n"),
    ]


def said(text_bytes: int) -> Report:
    return Report(kind="at", rank=0, text_bytes=text_bytes)


def test_what_is_missing_is_told_once_and_to_the_byte() -> None:
    text = RankText(ranks=ONE)
    text.take(Line(1, b"abc", begins=True, ended=True))
    assert text.missing(said(4), 1.0) is None
    text.take(Line(1, b"begun\x1e", begins=True, ended=True))
    piece = text.missing(said(1009), 7.0)
    assert piece is not None
    assert piece.content == b"\n[windlass] 1,000 bytes of output before this line were rotated away on the node.\n"
    assert text.missing(said(1009), 8.0) is None


def test_more_than_the_rank_has_sent_is_no_gap_and_hides_no_later_one() -> None:
    text = RankText(ranks=ONE)
    text.take(Line(1, b"written by C, not by the runner", begins=True, ended=True))
    assert text.missing(said(0), 1.0) is None
    assert text.missing(said(5), 2.0) is not None


def test_a_process_that_counts_from_nothing_again_has_lost_nothing() -> None:
    text = RankText(ranks=ONE)
    assert text.missing(said(0), 1.0) is None
    text.take(Line(1, b"abc", begins=True, ended=True))
    assert text.missing(said(4), 1.0) is None
    assert text.missing(said(0), 1.0) is None


def test_a_gap_that_time_has_shown_is_not_told_again_in_bytes() -> None:
    text = RankText(ranks=ONE)
    line = Line(5_000_000_000, b"next", begins=True, ended=True)
    assert text.gap(line, 4.0).content.startswith(b"[windlass] up to 4.0 seconds")
    text.take(line)
    assert text.missing(said(900), 6.0) is None
