"""Values on a command line: whatever JSON can carry arrives as it was meant."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.literals import (
    format_value,
    parse_duration,
    parse_parameter,
    parse_value,
    read_parameters_file,
)

utf8_text = st.text(alphabet=st.characters(codec="utf-8"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | utf8_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(utf8_text, inner, max_size=4),
    max_leaves=12,
)


def same(left: object, right: object) -> bool:
    """Equal, and of equal kinds: 1 is not True and 1.0 is not 1."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


@given(json_values)
def test_any_json_value_arrives_unchanged(value: object) -> None:
    name, arrived = parse_parameter("p=" + json.dumps(value))
    assert name == "p"
    assert same(arrived, value)


@given(json_values)
def test_a_shown_value_can_be_typed_again(value: object) -> None:
    assert same(parse_value(format_value(value)), value)


@given(utf8_text)
def test_text_is_never_an_error(text: str) -> None:
    value = parse_value(text)
    json.dumps(value, allow_nan=False)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("p=", ""),
        ("p= ", " "),
        ("p=5", 5),
        ("p=-3e-4", -3e-4),
        ("p=true", True),
        ("p=True", True),
        ("p=null", None),
        ("p=None", None),
        ("p=yes", "yes"),
        ("p=no", "no"),
        ("p=night", "night"),
        ("p=007", "007"),
        ('p="007"', "007"),
        ("p=2026-11-23", "2026-11-23"),
        ("p=s3://bucket/a=b:c?d=e", "s3://bucket/a=b:c?d=e"),
        ('p=say "hi"', 'say "hi"'),
        ("p=it's", "it's"),
        ("p==", "="),
        ("p=[64, 32]", [64, 32]),
        ('p={"b1": 0.9}', {"b1": 0.9}),
        ("p={model}-{epoch}.pt", "{model}-{epoch}.pt"),
        ("p=[draft", "[draft"),
        ("p=NaN", "NaN"),
        ("p=1e999", "1e999"),
        ('p="\\ud800"', '"\\ud800"'),
        ("p=$(rm -rf /)", "$(rm -rf /)"),
        ("p=" + "[" * 100_000, "[" * 100_000),
        ("größe=1", 1),
    ],
)
def test_what_is_written_is_what_is_meant(text: str, value: object) -> None:
    assert same(parse_parameter(text)[1], value)


@pytest.mark.parametrize(
    "text", ["2x=1", "a-b=1", "a.b=1", "=1", " a=1", "class=1", "a b=1", "a;b=1", "__import__('os')=1"]
)
def test_a_name_that_is_no_variable_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be a parameter: it has to be a variable name"):
        parse_parameter(text)


def test_a_parameter_without_equals_sign_is_refused() -> None:
    with pytest.raises(ValueError, match="Write name=value"):
        parse_parameter("epochs")


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ValueError, match="not UTF-8 text"):
        parse_parameter("p=\udcff")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("45m", 2_700),
        ("2h30m", 9_000),
        ("1d", 86_400),
        ("1.5h", 5_400),
        ("1d 2h 3m 4s", 93_784),
        ("0.2s", 1),
        ("2H", 7_200),
    ],
)
def test_a_length_of_time_is_read(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "90", "h", "1m2h", "-1s", "0s", "1w", "1h30", "ten minutes", "1e3s"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"length of time|no time at all"):
        parse_duration(text)


@given(st.integers(0, 59), st.integers(0, 23), st.integers(0, 59), st.integers(1, 59))
def test_units_add_up(days: int, hours: int, minutes: int, seconds: int) -> None:
    text = f"{days}d{hours}h{minutes}m{seconds}s"
    assert parse_duration(text) == math.fsum((days * 86_400, hours * 3_600, minutes * 60, seconds))


@pytest.mark.parametrize(
    ("name", "content"),
    [("p.json", '{"lr": 0.1, "layers": [1, 2]}'), ("p.yaml", "lr: 0.1\nlayers:\n  - 1\n  - 2\n")],
)
def test_a_file_of_parameters_is_read(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert read_parameters_file(tmp_path / name) == {"lr": 0.1, "layers": [1, 2]}


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("p.json", "{", "not valid JSON"),
        ("p.json", "[1]", "it is not a mapping"),
        ("p.json", '{"a-b": 1}', "cannot be a parameter"),
        ("p.json", '{"a": NaN}', "not valid JSON"),
        ("p.yaml", "a: .nan", "cannot be sent"),
        ("p.yaml", "a: 2026-11-23", "value of a is of a kind that JSON does not have"),
        ("p.yaml", "a: [", "not valid YAML"),
        ("p.yaml", "!!python/object/apply:os.system ['true']", "not valid YAML"),
        ("p.yaml", "1: 2", "has to map parameter names"),
        ("p.yaml", "", "it is not a mapping"),
    ],
)
def test_a_file_that_holds_no_parameters_is_refused(tmp_path: Path, name: str, content: str, sentence: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=sentence):
        read_parameters_file(tmp_path / name)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="not UTF-8"):
        read_parameters_file(tmp_path / "p.json")
