"""Bytes as text, and JSON laid out without a change."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from windlass.services.artifacts.texts import decoded, indented

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(TEXT, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]), st.integers(0, 3))
def test_a_text_is_read_also_when_it_ends_inside_a_character(text: str, encoding: str, cut: int) -> None:
    data = text.encode(encoding)
    assert decoded(data, whole=True) == (
        text.removeprefix("\ufeff") if encoding == "utf-8" else text,
        encoding[:6].rstrip("-"),
    )
    shorter = decoded(data[: len(data) - cut], whole=False)
    if cut < len(data) - 4:
        assert shorter is not None
        assert text.removeprefix("\ufeff").startswith(shorter[0]) or text.startswith(shorter[0])


@given(st.binary(max_size=400))
def test_any_bytes_are_text_or_not_and_never_a_failure(data: bytes) -> None:
    for whole in (True, False):
        found = decoded(data, whole=whole)
        assert found is None or isinstance(found[0], str)


@given(VALUES, st.booleans())
def test_json_laid_out_means_the_same_and_keeps_every_digit(value: Any, compact: bool) -> None:
    text = json.dumps(value, separators=(",", ":") if compact else None)
    pretty = indented(text, most_chars=1_000_000)
    assert pretty is not None
    assert json.dumps(json.loads(pretty)) == json.dumps(value)
    assert pretty.replace("\n", "").replace(" ", "") == text.replace("\n", "").replace(" ", "")


@given(VALUES)
def test_json_is_laid_out_as_python_does_it(value: Any) -> None:
    assert indented(json.dumps(value), most_chars=1_000_000) == json.dumps(value, indent=2)


def test_what_grows_too_much_is_left_as_it_is() -> None:
    deep = "[" * 500 + "1," * 5000 + "1" + "]" * 500
    assert indented(deep, most_chars=100_000) is None
    assert indented("[1,", most_chars=100) is None
    assert indented("[" * 200_000, most_chars=100) is None
