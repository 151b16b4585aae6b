"""Parameters become Python literals, where papermill would put them."""

from __future__ import annotations

import ast
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.runner.context import JobUnreadable
from windlass.runner.notebook import Cell
from windlass.runner.parameters import inject, literal, render

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet=st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def same(left, right):
    if isinstance(left, float) and math.isnan(left):
        return isinstance(right, float) and math.isnan(right)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    return left == right and type(left) is type(right)


@given(value=JSON)
def test_a_literal_evaluates_to_its_value(value):
    assert same(value, eval(literal(value)))


@given(text=st.text(alphabet=st.characters() | st.sampled_from("'\"\\\n\r\x00\u2028{}$`;")))
def test_no_text_leaves_its_line_or_its_string(text):
    source = render({"x": text})
    assert len(ast.parse(source).body) == 1
    assert source.encode("utf-8").count(b"\n") == 2


def cells(*tags):
    return [Cell(index=n, kind="code", id=f"c{n}", source="", metadata={"tags": [tag]}) for n, tag in enumerate(tags)]


def places(found):
    return [cell.index for cell in found]


def test_the_injected_cell_follows_the_parameters_cell():
    assert places(inject(cells("other", "parameters", "other"), {"a": 1})) == [0, 1, None, 2]


def test_an_injected_cell_is_replaced():
    assert places(inject(cells("parameters", "other", "injected-parameters"), {"a": 1})) == [0, 1, None]


def test_without_a_parameters_cell_it_comes_first():
    assert places(inject(cells("other"), {"a": 1})) == [None, 0]


def test_without_parameters_nothing_changes():
    assert places(inject(cells("injected-parameters"), {})) == [0]


def test_its_id_is_not_one_that_exists():
    before = cells("other")
    before[0].id = "injected-parameters"
    assert len({cell.id for cell in inject(before, {"a": 1})}) == 2


@pytest.mark.parametrize("name", ["my-param", "1x", "class", "", "a b", "a;b", "x\n"])
def test_a_name_that_is_no_identifier_is_refused_with_a_sentence(name):
    with pytest.raises(JobUnreadable, match="not a Python name"):
        render({name: 1})
