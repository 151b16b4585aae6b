"""Head and tail are kept, and how much is missing is said."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from windlass.runner.capped_text import CappedText, shorten


@given(pieces=st.lists(st.text(max_size=50), max_size=60))
def test_short_text_is_kept_whole(pieces):
    text = CappedText(head=1500, tail=1500)
    for piece in pieces:
        text.append(piece)
    whole = "".join(pieces)
    assert text.render() == whole or len(whole) > 1500


@given(count=st.integers(300, 3000))
def test_long_text_keeps_its_ends_and_counts_the_rest(count):
    text = CappedText(head=200, tail=200)
    for number in range(count):
        text.append(f"line {number}\n")
    rendered = text.render()
    assert rendered.startswith("line 0\nline 1\n")
    assert rendered.endswith(f"line {count - 1}\n")
    assert len(rendered) < 900
    said = int(rendered.partition("[… ")[2].partition(" lines")[0].replace(",", ""))
    kept = rendered.count("\n") - 2
    assert abs(said + kept - count) <= 1


def test_memory_is_bounded():
    text = CappedText(head=100, tail=100)
    for _ in range(1000):
        text.append("x" * 1000)
    assert len(text.render()) < 500


def test_a_long_value_is_shortened():
    assert len(shorten("y" * 10**6, limit=1000)) < 1200
    assert shorten("short", limit=1000) == "short"
