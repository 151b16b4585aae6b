"""YAML from strangers: read plain, refused otherwise, and never at any cost."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from windlass_hub.profiles.yaml_text import LONGEST, NotPlainYaml, read_yaml

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{here}: &{here} [{','.join([f'*{before}'] * 9)}]\n" for before, here in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, "Line 2: aliases"),
        ("base: &b {cpu: 1}\np: {<<: *b}", "Line 2: aliases"),
        ("a: 1\nb: 2\na: 3", "Line 3: a is there twice"),
        ("p:\n  - {x: 1, x: 2}", "Line 2: x is there twice"),
        ("!!python/object/apply:os.system ['id']", "tags"),
        ("a: !!binary aGk=", "tags"),
        ("a: !custom x", "tags"),
        ("[" * 100_000, "nested too deep"),
        ("{a: " * 100_000, "nested too deep"),
        ("- " * 100_000, "nested too deep"),
        ("x" * (LONGEST + 1), "too big"),
        ("- a\n" * 60_000, "Line 50000: this is too much"),
        ("[" + "{a: b}," * 30_000 + "]", "too much"),
        ("a: " + "9" * 10_000, "number or a date"),
        ("a: 2024-13-45", "number or a date"),
        ("a: [", "no YAML"),
        ("x: 1\na: b: c", r"^This is no YAML: line 2, column 5: mapping values are not allowed in this context$"),
        ("a\tb: \x00", "control characters are not allowed at position 5"),
        ("a: \ud800", "no YAML"),
        ("a: 1\n---\nb: 2", "no YAML"),
        ("{[a]: 1}", "no YAML"),
    ],
)
def test_what_is_not_plain_is_refused_with_its_line(text: str, says: str) -> None:
    with pytest.raises(NotPlainYaml, match=says):
        read_yaml(text)


def test_an_empty_text_is_nothing() -> None:
    assert read_yaml("") is None
    assert read_yaml("# only a comment\n") is None


def test_the_same_key_in_different_places_is_fine() -> None:
    assert read_yaml("a: {x: 1, y: {x: 2}}\nb: [{x: 1}, {x: 2}]\nx: a") == {
        "a": {"x": 1, "y": {"x": 2}},
        "b": [{"x": 1}, {"x": 2}],
        "x": "a",
    }


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(value=plain)
def test_plain_values_survive(value: object) -> None:
    dumper = yaml.SafeDumper
    text = yaml.dump(value, Dumper=type("Plain", (dumper,), {"ignore_aliases": lambda *_: True}))
    assert read_yaml(text) == value


@given(text=st.text(max_size=80) | st.text("&*!|>-:?{}[],# \n\t'\"ab%@`<", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_yaml(text)
    except NotPlainYaml as error:
        sentence = str(error)
        assert sentence
