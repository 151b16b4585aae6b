"""A log that is read in any pieces, from any place on, gives each line once."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.engines.kubernetes.logs.log_lines import LONGEST_LINE, LogReader, Place

SECOND = 10**9
BASE = 1_795_000_000 * SECOND


def stamp(time_ns: int) -> bytes:
    moment = dt.datetime.fromtimestamp(time_ns // SECOND, dt.timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ns % SECOND:09}Z".encode()


def served(lines: list[tuple[int, bytes]], since: str | None) -> bytes:
    """What the API gives of these lines."""
    begin = 0 if since is None else int(dt.datetime.fromisoformat(since.replace("Z", "+00:00")).timestamp()) * SECOND
    return b"".join(stamp(time_ns) + b" " + content + b"\n" for time_ns, content in lines if time_ns >= begin)


def read(reader: LogReader, answer: bytes, *, chunk: int = 1 << 20) -> list[bytes]:
    pieces = [answer[start : start + chunk] for start in range(0, len(answer), chunk)]
    return [line.content for piece in pieces for line in reader.feed(piece)]


steps = st.lists(
    st.tuples(st.sampled_from([0, 0, 1, 5, SECOND // 3, SECOND, 3 * SECOND]), st.binary(max_size=6)), max_size=30
)


@settings(deadline=None)
@given(steps=steps, cuts=st.lists(st.integers(0, 400), max_size=8), chunk=st.integers(1, 50))
def test_no_line_is_lost_or_repeated_wherever_the_connection_breaks(
    steps: list[tuple[int, bytes]], cuts: list[int], chunk: int
) -> None:
    now, lines = BASE, []
    for step, content in steps:
        now += step
        lines.append((now, content.replace(b"\n", b"")))
    place, seen = Place(), []
    for cut in [*cuts, None]:
        reader = LogReader(place)
        seen += read(reader, served(lines, place.since)[:cut], chunk=chunk)
        place = reader.place
        assert reader.gap_seconds is None
    assert seen == [content for _, content in lines]


def test_a_line_that_is_too_long_to_hold_comes_in_pieces_and_goes_on_after_a_break() -> None:
    content = bytes(range(32, 126)) * 40_000
    answer = stamp(BASE) + b" before\n" + stamp(BASE + 1) + b" " + content + b"\n" + stamp(BASE + 2) + b" after\n"
    first = LogReader(Place())
    pieces = [line for start in range(0, 2_500_000, 64_000) for line in first.feed(answer[start : start + 64_000])]
    assert max(len(piece.content) for piece in pieces) < LONGEST_LINE + 64_000
    second = LogReader(first.place)
    pieces += [line for start in range(0, len(answer), 50_000) for line in second.feed(answer[start : start + 50_000])]
    assert b"".join(piece.content + b"\n" * piece.ended for piece in pieces) == b"before\n" + content + b"\nafter\n"
    assert second.gap_seconds is None


def test_a_last_line_without_an_end_is_given_when_there_is_no_more() -> None:
    reader = LogReader(Place())
    assert read(reader, stamp(BASE) + b" whole\n" + stamp(BASE + 1) + b" unfin") == [b"whole"]
    line = reader.end()
    assert line is not None
    assert (line.content, line.ended) == (b"unfin", False)
    again = LogReader(reader.place)
    lines = list(again.feed(stamp(BASE) + b" whole\n" + stamp(BASE + 1) + b" unfinished\n"))
    assert [(line.content, line.begins, line.ended) for line in lines] == [(b"ished", False, True)]


def test_lines_that_were_rotated_away_are_noticed() -> None:
    reader = LogReader(Place(BASE, 1))
    assert read(reader, stamp(BASE + 5 * SECOND) + b" later\n") == [b"later"]
    assert reader.gap_seconds == 5.0


def test_the_end_of_a_line_begun_before_the_time_asked_for_is_left_out() -> None:
    reader = LogReader(Place(BASE + 5, 1))
    answer = b"the end of a long line\n" + stamp(BASE + 5) + b" known\n" + stamp(BASE + 9) + b" new\n"
    assert read(reader, answer) == [b"new"]
    assert reader.gap_seconds is None


@pytest.mark.parametrize(
    "words",
    [
        "unable to retrieve container logs for containerd://abc",
        'failed to try resolving symlinks in path "/var/log/pods/x/0.log": lstat: no such file or directory',
        "failed to create fsnotify watcher: too many open files",
    ],
)
def test_what_the_kubelet_says_instead_is_no_output(words: str) -> None:
    reader = LogReader(Place())
    assert read(reader, words.encode() + b"\n") == []
    assert reader.complaint == words
    assert reader.place == Place()


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        (b"2026-11-23T12:31:37.123456789Z", 123_456_789),
        (b"2026-11-23T14:31:37.123456789+02:00", 123_456_789),
        (b"2026-11-23T12:31:37.1Z", 100_000_000),
        (b"2026-11-23T12:31:37Z", 0),
    ],
)
def test_stamps_of_any_form_are_read(text: bytes, time_ns: int) -> None:
    (line,) = LogReader(Place()).feed(text + b" \xff\xfe text\n")
    begin = int(dt.datetime(2026, 11, 23, 12, 31, 37, tzinfo=dt.timezone.utc).timestamp()) * SECOND
    assert (line.time_ns, line.content) == (begin + time_ns, b"\xff\xfe text")


@given(
    answer=st.binary(max_size=200),
    place=st.builds(Place, st.integers(0, 2 * BASE), st.integers(0, 3), st.integers(0, 5)),
)
def test_any_answer_is_survived(answer: bytes, place: Place) -> None:
    reader = LogReader(place)
    list(reader.feed(answer))
    reader.end()
