"""Patterns of administrators against text of users: matched whole, and never for long."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass_hub.profiles.patterns import LONGEST_IMAGE, check_pattern, image_matches, is_image_name


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", "(a|aa)+b", "(.*)*b", "([a-z]+)*b", "(a*)*(a*)*(a*)*b"])
def test_patterns_that_backtrack_for_ever_elsewhere_are_answered(pattern: str) -> None:
    check_pattern(pattern)
    assert not image_matches(pattern, "a" * (LONGEST_IMAGE - 1) + "!")
    assert image_matches(pattern, "a" * (LONGEST_IMAGE - 1) + "b")


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "a)|(?:b",
        "[a",
        "a{2,1}",
        "*",
        "(?=a)a",
        "(?<!a)b",
        r"(a)\1",
        "(a{1000}){1000}",
        "(?x)a#",
        "[[:alpha:]]",
        "\\",
    ],
)
def test_what_cannot_be_matched_safely_is_refused_with_a_sentence(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        check_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [("a|b", "ab"), ("a|b", "xa"), ("^a", "ab"), ("a$", "a\n"), ("(?i)ours/.*", "evil\nours/x"), ("(?m)^a$", "b\na")],
)
def test_the_whole_name_must_match(pattern: str, name: str) -> None:
    check_pattern(pattern)
    assert not image_matches(pattern, name)


def test_a_long_name_matches_nothing() -> None:
    assert not image_matches(".*", "a" * (LONGEST_IMAGE + 1))


@pytest.mark.parametrize("name", ["a b", "", "-a", "a\nb", "a$(id)", "a'b", "é/x", "{x}", "a\x00"])
def test_what_is_no_image_name_is_none(name: str) -> None:
    assert not is_image_name(name)


@given(
    name=st.from_regex(r"\A(ours|team)/[a-z0-9-]{1,20}(:[a-z0-9.]{1,5})?\Z") | st.text("aours/te:m-1. \n", max_size=9)
)
def test_plain_patterns_match_as_python_would(name: str) -> None:
    pattern = r"(ours|team)/[a-z0-9-]+(:[\w.]+)?"
    check_pattern(pattern)
    assert image_matches(pattern, name) == (re.fullmatch(pattern, name) is not None)


@given(pattern=st.text("ab()|*+?[]{}^$\\.-,1:=!<#xP", max_size=14), name=st.text("ab1-", max_size=6))
def test_any_pattern_is_refused_or_can_be_asked(pattern: str, name: str) -> None:
    try:
        check_pattern(pattern)
    except ValueError:
        return
    assert image_matches(pattern, name) in (True, False)
