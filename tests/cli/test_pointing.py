"""Carets stand under the mistake, whatever is in the filter and however long it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from windlass.contract.problem import FieldProblem, Problem
from windlass.output.pointing import pointed, pointer


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("metrics.a > x", "x"),
        ("params.a = '😀' AND foo = 1", "foo"),
        ("params.a = '漢字' AND foo = 1", "foo"),
        ("params.é = '\x1b[2J\u202e' AND foo = 1", "foo"),
        ("a\n\t= 1 AND foo", "foo"),
        (f"params.a = '{'y' * 500}' AND foo = 1 AND b = '{'z' * 500}'", "foo"),
    ],
)
def test_the_carets_are_under_the_mistake(source: str, wrong: str) -> None:
    at = source.rindex(wrong)
    line, carets = pointed(source, start=units(source[:at]), end=units(source[: at + len(wrong)])).splitlines()
    lead = len(carets) - len(carets.lstrip())
    marked = "".join(letter for place, letter in cells(line) if lead <= place < cell_len(carets))
    assert marked == wrong
    assert cell_len(line) <= 78


def cells(line: str) -> list[tuple[int, str]]:
    return [(cell_len(line[:place]), letter) for place, letter in enumerate(line)]


@given(st.text(max_size=200), st.integers(0, 250), st.integers(1, 250), st.integers(20, 100))
def test_it_always_fits_and_nothing_acts(source: str, start: int, length: int, width: int) -> None:
    shown = pointed(source, start=start, end=start + length, width=width)
    line, carets = shown.split("\n")
    assert cell_len(line) <= max(width, 34)
    assert carets.strip(" ").strip("^") == ""
    assert carets.endswith("^")
    assert not {"\x1b", "\x07", "\u202e", "\r"} & set(shown)


def test_only_a_mistake_in_the_filter_is_pointed_at() -> None:
    def problem(field: str, **extra: object) -> Problem:
        fields = [FieldProblem(field=field, message="no")]
        return Problem(type="t", title="t", status=400, detail="no", fields=fields, extra=extra)  # type: ignore[arg-type]

    assert pointer(problem("filter", start=0, end=1), "abc") == "abc\n^"
    assert pointer(problem("sort", start=0, end=1), "abc") is None
    assert pointer(problem("filter", start="0"), "abc") is None
    assert pointer(None, "abc") is None
