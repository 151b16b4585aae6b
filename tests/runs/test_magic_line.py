"""A filter keeps its own quotes between a magic's options."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.magic_lines import runs_line
from windlass.runs.magic_line import split_filter, with_values


@pytest.mark.parametrize(
    ("line", "options", "text"),
    [
        ("", [], ""),
        ("params.o = 'a  b'", [], "params.o = 'a  b'"),
        ("--sort accuracy metrics.a > 1", ["--sort", "accuracy"], "metrics.a > 1"),
        ("metrics.a > 1 --sort 'a b' AND x = 'y'", ["--sort", "a b"], "metrics.a > 1 AND x = 'y'"),
        ("metrics.a > -0.5 --asc --limit 3", ["--asc", "--limit", "3"], "metrics.a > -0.5"),
        ("--limit=3 a", ["--limit=3"], "a"),
        ('"metrics.a > 1" -e "my own"', ["-e", "my own"], "metrics.a > 1"),
        ("'metrics.a > 1'", [], "metrics.a > 1"),
        ("params.`a b` = 'x' AND params.c = 'y'", [], "params.`a b` = 'x' AND params.c = 'y'"),
        ("params.a = '--sort'", [], "params.a = '--sort'"),
        ("a = 'open", [], "a = 'open"),
        ("--srot x", ["--srot"], "x"),
        ("a --sort", ["--sort"], "a"),
    ],
)
def test_a_line_is_options_and_a_filter(line: str, options: list[str], text: str) -> None:
    assert split_filter(line, command=runs_line) == (options, text)


@given(st.text(st.characters(exclude_categories=["Zs", "Cc", "Zl", "Zp"], exclude_characters="-'\"`"), min_size=1))
def test_words_without_quotes_are_the_filter_as_they_are(text: str) -> None:
    assert split_filter(f"  {text} --asc ", command=runs_line) == (["--asc"], text)


@given(st.text())
def test_no_line_breaks_it(line: str) -> None:
    with contextlib.suppress(ValueError):  # what an option's value with half a quote is refused with
        options, text = split_filter(line, command=runs_line)
        assert all(word in line for word in text.split())
        assert not options or "-" in line


def test_variables_take_the_place_of_their_names() -> None:
    variables = {"n": 0.5, "w": "it's", "b": True, "l": [1]}
    text = "metrics.a > {n} AND params.lr = '{n}' AND params.w = {w} AND params.b = '{b}' AND params.x = '{n} {n}'"
    filled = (
        "metrics.a > 0.5 AND params.lr = '0.5' AND params.w = \"it's\" AND params.b = 'True' AND params.x = '{n} {n}'"
    )
    assert with_values(text, variables) == filled
    for wrong, sentence in (("a = {missing}", "missing"), ("a = {l}", "cannot stand")):
        with pytest.raises(ValueError, match=sentence):
            with_values(wrong, variables)


def test_a_value_does_not_leave_its_quotes() -> None:
    with pytest.raises(ValueError, match="both kinds of quotes"):
        with_values("params.a = {x}", {"x": """' OR "b" = '"""})
