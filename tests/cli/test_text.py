"""Nothing that a user or a program wrote acts on the terminal it is shown in."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.output import text

HOSTILE = [
    "\x1b[2J\x1b[Hgone",
    "\x1b]0;new title\x07title",
    "\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]52;c;cm0gLXJm\x07clipboard",
    "\x1bP+q544e\x1b\\device",
    "\x9b2Jeight bit",
    "\u202egnp.exe",
    "a\x07b\x08c",
    "\x1b",
    "\x1b[",
]


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("keep_colours", [False, True])
def test_control_sequences_do_not_act(hostile: str, keep_colours: bool) -> None:
    shown = text.lines(hostile, keep_colours=keep_colours)
    assert not any(character in shown for character in "\x1b\x07\x08\x9b\u202e")


@given(st.text())
def test_a_line_holds_nothing_that_acts(anything: str) -> None:
    shown = text.one_line(anything)
    harmless_formats = "\u200c\u200d\ufe0f"
    assert all(unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} or c in harmless_formats for c in shown)


@given(st.text(alphabet="\x1b[0123456789;mKAb\n\r"))
def test_of_all_sequences_only_colours_are_kept(anything: str) -> None:
    shown = text.lines(anything, keep_colours=True)
    for sequence in shown.split("\x1b")[1:]:
        body, end, _ = sequence.partition("m")
        assert end == "m"
        assert body.startswith("[")
        assert set(body[1:]) <= set("0123456789;:")


def test_colours_are_closed_at_the_end() -> None:
    assert text.lines("\x1b[31mred", keep_colours=True) == "\x1b[31mred\x1b[0m"
    assert text.lines("\x1b[31mred\x1b[0m") == "red"


def test_of_a_progress_bar_the_last_state_is_left() -> None:
    assert text.lines("10%\r 50%\r100%\ndone\r\nend") == "100%\ndone\nend"


def test_words_of_all_scripts_are_left_alone() -> None:
    words = "größe 模型 नमस्ते می‌خواهم 👩‍🔬"
    assert text.one_line(words) == words


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (None, "-"),
        (0, "0 s"),
        (3.21, "3.2 s"),
        (59.4, "59 s"),
        (60, "1 min 00 s"),
        (3_599, "59 min 59 s"),
        (7_500, "2 h 05 min"),
        (273_600, "3 d 04 h"),
    ],
)
def test_lengths_of_time_are_readable(amount: float | None, shown: str) -> None:
    assert text.seconds(amount) == shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (None, "-"),
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (1_536_000, "1.5 MB"),
        (999_999, "1.0 MB"),
        (5 * 10**13, "50.0 TB"),
    ],
)
def test_sizes_are_readable(amount: int | None, shown: str) -> None:
    assert text.size(amount) == shown


@pytest.mark.parametrize(
    ("passed", "shown"), [(5, "5 s ago"), (125, "2 min ago"), (7_300, "2 h ago"), (200_000, "2 d ago"), (-5, "0 s ago")]
)
def test_moments_are_told_by_their_distance(passed: float, shown: str) -> None:
    now = datetime(2026, 11, 23, tzinfo=timezone.utc)
    assert text.ago(now - timedelta(seconds=passed), now=now) == shown
