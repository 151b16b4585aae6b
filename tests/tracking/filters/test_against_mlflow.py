"""Every filter is judged as MLflow's own parser and store judge it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from windlass.tracking.filters import FilterMistake, Parsed, parse
from windlass.tracking.filters.vocabulary import ALIASES, named

search_utils = pytest.importorskip("mlflow.utils.search_utils")
SearchUtils = search_utils.SearchUtils

_KINDS = {"metric": "metrics", "parameter": "params", "tag": "tags", "attribute": "attributes", "dataset": "datasets"}
Judged = list[tuple[str, str, str, Any]]


def mlflow_reads(text: str) -> Judged | None:
    """What MLflow makes of a filter, its store's checks included; None where it refuses."""
    from mlflow.exceptions import MlflowException

    try:
        clauses = SearchUtils.parse_search_filter(text)
        return [checked(clause) for clause in clauses]
    except (MlflowException, ValueError, SyntaxError):
        return None


def checked(clause: dict[str, Any]) -> tuple[str, str, str, Any]:
    kind, key, value = clause["type"], SearchUtils.translate_key_alias(clause["key"]), clause["value"]
    comparison = clause["comparator"].upper()
    SearchUtils.is_attribute(kind, key, comparison)
    if SearchUtils.is_metric(kind, comparison):
        value = float(value)
    SearchUtils.is_param(kind, comparison)
    SearchUtils.is_tag(kind, comparison)
    SearchUtils.is_dataset(kind, comparison)
    return _KINDS[kind], key, " ".join(comparison.split()), value


def is_misread(text: str, judged: Judged) -> bool:
    """Whether MLflow takes it for something that nobody writes, or no database takes what MLflow makes of it."""
    for kind, key, comparison, value in judged:
        if key != key.strip() or not key or key.startswith(".") or key.endswith(".") or ".." in key:
            return True
        if comparison.startswith("IS ") and key != "batch size" and any(letter.isspace() for letter in key):
            return True
        if key.upper().endswith((" ASC", " DESC")) or (isinstance(value, tuple) and not comparison.endswith("IN")):
            return True
        if kind == "attributes" and isinstance(value, (int, float)) and abs(value) > 2**63 - 1:
            return True
    return any(odd in text for odd in (". ", '"."'))


NAMES = st.sampled_from(
    [
        *("metrics.accuracy", "metric.a.b", "metrics.`val/loss`", 'params."batch size"', "params.lr", "parameters.x"),
        *("tags.mlflow.user", "tags.`mlflow.user`", "status", "attributes.status", "run_id", "attr.start_time"),
        *("end_time", "created", "`run name`", "run.user_id", "datasets.name", "dataset.digest", "datasets.context"),
        *("params.layers[0]", "metrics.f1(macro)", "params.order", "params.select", "metrics.1st", "params._x"),
    ]
)
ODD_NAMES = st.sampled_from(
    [
        *(
            "metrics.val/loss",
            "metrics.a-b",
            "Metrics.a",
            "accuracy",
            "metrics.1",
            "params.in",
            "params.a.from",
            "foo.a",
        ),
        *(
            "datasets.foo",
            "metrics .a",
            "`metrics`.a",
            "'status'",
            '"status"',
            "metrics.a b",
            "params.é",
            "params.模型",
        ),
        *("params.a😀", "params.a$b", "params.a:b", "params.a#b", "metrics", "run name", "attributes.duration"),
    ]
)
COMPARISONS = st.sampled_from(
    ["=", "!=", ">", ">=", "<", "<=", "LIKE", "ilike", "IN", "not in", "IS NULL", "is not null"]
)
ODD_COMPARISONS = st.sampled_from(
    ["==", "<>", "! =", "> =", "NOT LIKE", "RLIKE", "BETWEEN", "~", "IS", "NOT", ":=", ""]
)
VALUES = st.sampled_from(
    [
        "1",
        "-1",
        "0.5",
        ".5",
        "1.",
        "1e5",
        "-1e-5",
        "'x'",
        '"x"',
        "'%x%'",
        "''",
        "'it''s'",
        "'a\\'b'",
        "('a')",
        "('a', 'b')",
    ]
)
ODD_VALUES = st.sampled_from(
    [
        *("x", "nan", "1E+5", "0x1F", "+1", "1_000", "`x`", "NULL", "true", "?", ":x", "()", "(1)", "(x)", "('a',)"),
        *("'open", '"open', "('a'", "'x' 'y'", "metrics.b", "", "('a' 'b')", "(('a'))", "99999999999999999999"),
    ]
)
JOINTS = st.sampled_from([" AND ", " and ", "\nAND\t", " AND AND ", " "])
ODD_JOINTS = st.sampled_from([" OR ", ", ", "; ", " -- ", " NOT ", " && ", "AND", " /* c */ ", " )", " asc "])
SPACES = st.sampled_from(["", " ", "  ", "\n"])


@st.composite
def clauses(draw: st.DrawFn, names: Any = NAMES, comparisons: Any = COMPARISONS, values: Any = VALUES) -> str:
    comparison = draw(comparisons)
    value = "" if comparison.upper().startswith("IS N") else draw(SPACES) + draw(values)
    space = " " if comparison[:1].isalpha() else draw(SPACES)
    gap = " " if comparison[-1:].isalpha() and value and not value.startswith(("(", " ", "\n")) else ""
    return f"{draw(names)}{space}{comparison}{gap}{value}"


RIGHT = st.lists(clauses(), min_size=1, max_size=3)
ODD = clauses(NAMES | ODD_NAMES, COMPARISONS | ODD_COMPARISONS, VALUES | ODD_VALUES)
SOUP = st.lists(
    NAMES | ODD_NAMES | COMPARISONS | ODD_COMPARISONS | VALUES | ODD_VALUES | JOINTS | ODD_JOINTS, max_size=8
)


def assert_judged_alike(text: str) -> None:
    ours, theirs = parse(text), mlflow_reads(text)
    if isinstance(ours, Parsed):
        assert theirs is not None, f"MLflow refuses {text!r}"
        assert [(clause.kind, clause.key, clause.comparison, clause.value) for clause in ours.clauses] == theirs
    else:
        assert theirs is None or is_misread(text, theirs), f"MLflow takes {text!r}: {theirs}; ours: {ours}"


@settings(max_examples=400)
@given(st.data())
def test_conditions_joined_by_and(data: st.DataObject) -> None:
    parts = data.draw(RIGHT)
    text = parts[0]
    for part in parts[1:]:
        text += data.draw(JOINTS) + part
    assert_judged_alike(text)


@settings(max_examples=600)
@given(st.lists(ODD, min_size=1, max_size=2), JOINTS | ODD_JOINTS)
@example(["metrics.a > 1"], " OR ")
def test_conditions_with_mistakes(parts: list[str], joint: str) -> None:
    assert_judged_alike(joint.join(parts))


@settings(max_examples=600)
@given(SOUP, st.sampled_from(["", " "]))
def test_words_in_any_order(words: list[str], space: str) -> None:
    text = space.join(words)
    if text.strip():
        assert_judged_alike(text)


@settings(max_examples=300)
@given(st.sampled_from(["metrics", "params", "tags"]), st.text(min_size=1, max_size=30))
def test_any_key_is_named_so_that_mlflow_finds_it(kind: str, key: str) -> None:
    said = named(kind, key)
    if said is None:
        assert {"`", '"', "'"} <= set(key) or key in ALIASES
        return
    value, comparison = ("1.5", ">") if kind == "metrics" else ("'x'", "=")
    text = f"{said} {comparison} {value}"
    assert mlflow_reads(text) == [(kind, key, comparison, 1.5 if kind == "metrics" else "x")]
    assert isinstance(parse(text), Parsed)


@settings(max_examples=400)
@given(st.text(max_size=60) | SOUP.map(" ".join))
def test_whatever_is_typed_a_mistake_has_a_place_and_a_sentence(text: str) -> None:
    found = parse(text)
    if isinstance(found, FilterMistake):
        units = len(text.encode("utf-16-le", "surrogatepass")) // 2
        assert 0 <= found.start < found.end <= units + 1
        assert found.message
