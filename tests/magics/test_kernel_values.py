"""Parameters from a kernel's variables: plain values travel, all else is refused by name."""

from __future__ import annotations

import ast
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from windlass.kernel_values import parameters_of_cell, to_json, value_of

utf8_text = st.text(alphabet=st.characters(codec="utf-8"))
plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | utf8_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(utf8_text, inner, max_size=4),
    max_leaves=10,
)


@given(plain_values)
def test_a_plain_value_written_as_python_arrives_unchanged(value: object) -> None:
    parameters = parameters_of_cell(f"p = {value!r}\n", {})
    assert json.dumps(parameters["p"]) == json.dumps(value)


def test_assignments_may_use_the_kernel_and_each_other() -> None:
    source = "lr: float = base * 2\nlayers = [width, width // 2]\nwide = layers[0] > 10  # a comment\n"
    assert parameters_of_cell(source, {"base": 0.5, "width": 64}) == {"lr": 1.0, "layers": [64, 32], "wide": True}


def test_the_kernel_keeps_its_own_variables() -> None:
    variables: dict[str, object] = {"lr": 1.0}
    parameters_of_cell("lr = 2.0\nnew = 3", variables)
    assert variables == {"lr": 1.0}


@pytest.mark.parametrize(
    "source",
    [
        "print(1)",
        "import os",
        "a, b = 1, 2",
        "a.b = 1",
        "a[0] = 1",
        "a += 1",
        "def f(): pass",
        "a: int",
        "a = b = 1",
        "%matplotlib",
    ],
)
def test_all_but_assignments_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match=r"form `name = value`|not valid Python"):
        parameters_of_cell(f"lr = 1\n{source}", {})


def test_a_wrong_expression_is_told_with_its_name() -> None:
    with pytest.raises(ValueError, match="lr could not be worked out: NameError"):
        parameters_of_cell("lr = missing", {})


def test_scalars_of_numpy_and_torch_become_numbers() -> None:
    values = {"a": np.float64(0.5), "b": np.int32(3), "c": torch.tensor(2.0), "d": (1, 2), "e": np.bool_(True)}
    assert to_json(values, name="p") == {"a": 0.5, "b": 3, "c": 2.0, "d": [1, 2], "e": True}


@pytest.mark.parametrize(
    "value",
    [np.zeros(2), torch.zeros(2), object(), {1: 2}, {3, 4}, float("nan"), float("inf"), b"bytes", ast, "\ud800"],
)
def test_what_json_cannot_carry_is_refused_by_name(value: object) -> None:
    with pytest.raises(ValueError, match="learning_rate"):
        to_json([value], name="learning_rate")


def test_a_list_within_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="nested too deeply"):
        to_json(endless, name="p")


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(ValueError, match="no variable 'lr'"):
        value_of("lr", {})
