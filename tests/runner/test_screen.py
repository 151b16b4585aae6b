"""Rewritten lines end as a terminal would show them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.runner.screen import Screen, rewrites


def shown(*pieces):
    screen = Screen()
    rows = [row for piece in pieces for row in screen.feed(piece)]
    return [row.text for row in [*rows, *screen.settle()]]


@given(lines=st.lists(st.text(alphabet="abcü█ ", min_size=1).map(lambda t: t + "x")), cut=st.integers(0, 40))
def test_plain_lines_stay_as_they_are_wherever_a_write_ends(lines, cut):
    text = "".join(line + "\n" for line in lines)
    assert shown(text[:cut], text[cut:]) == lines


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["\r 0%", "\r 50%", "\r100%\n"], ["100%"]),
        (["abc\rde\n"], ["dec"]),
        (["long line\r\x1b[Kshort\n"], ["short"]),
        (["12%\b\b\b34%\n"], ["34%"]),
        (["bar 5%\r      \r", "after\n"], ["after"]),
        (["\x1b[31mred\x1b[0m\r\x1b[32mgrn\x1b[0m\n"], ["\x1b[32mgrn\x1b[0m"]),
        (
            ["\router 0%", "\n\rinner 0%\x1b[A", "\router 50%", "\n\rinner 90%\x1b[A", "\router 100%\n"],
            ["outer 100%", "inner 90%"],
        ),
        (["\x1b[999A\x1b[5Cx\n"], ["     x"]),
        (["\r\n", "a\n"], ["", "a"]),
    ],
)
def test_the_last_state_wins(pieces, expected):
    assert shown(*pieces) == expected


def test_rows_that_cannot_change_any_more_are_given_up():
    screen = Screen()
    screen.feed("\x1b[A")
    finished = screen.feed("".join(f"line {n}\n" for n in range(1000)))
    assert len(screen.rows) < 50
    assert [row.text for row in finished][:2] == ["line 0", "line 1"]


@given(text=st.text(alphabet=st.sampled_from("ab\r\n\b\x1b[ABK0123;m")))
def test_no_text_breaks_it(text):
    screen = Screen()
    screen.feed(text)
    screen.settle()
    assert screen.idle


@pytest.mark.parametrize(
    ("text", "expected"), [("\x1b[31mred\x1b[0m", False), ("a\rb", True), ("\x1b[2K", True), ("plain", False)]
)
def test_colours_alone_rewrite_nothing(text, expected):
    assert rewrites(text) is expected
