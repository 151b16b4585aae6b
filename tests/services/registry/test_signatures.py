"""What a caller of one version would break on with another; read from files of whatever content."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.contract.models import Signature
from windlass.services.registry.mlmodel import NotAModel, read_mlmodel
from windlass.services.registry.signatures import NotASignature, read_signature, schema_changes, takes

Fields = list[dict[str, Any]]

_SCALARS = ("boolean", "integer", "long", "float", "double", "string", "datetime")
_NUMBERS = ("boolean", "integer", "long", "float", "double")
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
_FIELD = st.fixed_dictionaries(
    {"type": st.sampled_from(_SCALARS)},
    optional={"name": st.sampled_from("abc"), "required": st.booleans(), "optional": st.booleans()},
)


def signature(inputs: Fields | None = None, outputs: Fields | None = None, params: Fields | None = None) -> Signature:
    """A signature as MLflow writes it."""
    texts = [None if fields is None else json.dumps(fields) for fields in (inputs, outputs, params)]
    return read_signature(inputs=texts[0], outputs=texts[1], params=texts[2])


def changes(before: Signature, after: Signature) -> list[tuple[str, str | None, str, bool]]:
    """Part, name, kind and whether it breaks."""
    return [(each.part, each.name, each.change, each.breaking) for each in schema_changes(before, after)]


def column(name: str, kind: str = "double", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


def tensor(dtype: str, *shape: int, **more: Any) -> dict[str, Any]:
    return {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": list(shape)}, **more}


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (column("x", "long"), "long"),
        (tensor("float32", -1, 28, 28), "tensor(float32, (-1, 28, 28))"),
        (tensor("int64", -1), "tensor(int64, (-1,))"),
        ({"type": "array", "items": {"type": "string"}}, "array(string)"),
        ({"type": "map", "values": {"type": "array", "items": {"type": "long"}}}, "map(array(long))"),
        (
            {"type": "object", "properties": {"b": {"type": "long", "required": False}, "a": {"type": "string"}}},
            "object(a: string, b?: long)",
        ),
        ({"type": "any"}, "any"),
        ({}, "any"),
    ],
)
def test_types_are_said_in_mlflows_words(entry: dict[str, Any], told: str) -> None:
    found = signature([entry]).inputs
    assert found is not None
    assert found[0].type == told


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([column("a")], [column("a"), column("b")], [("inputs", "b", "added", True)]),
        ([column("a")], [column("a"), column("b", required=False)], [("inputs", "b", "added", False)]),
        ([column("a")], [column("a"), column("b", optional=True)], [("inputs", "b", "added", False)]),
        ([column("a"), column("b")], [column("a")], [("inputs", "b", "removed", True)]),
        ([column("a"), column("b", required=False)], [column("a")], [("inputs", "b", "removed", False)]),
        ([column("a")], [column("z")], [("inputs", "a", "removed", True), ("inputs", "z", "added", True)]),
        ([column("a", "double")], [column("a", "float")], [("inputs", "a", "type", True)]),
        ([column("a", "float")], [column("a", "double")], [("inputs", "a", "type", False)]),
        ([column("a", "long")], [column("a", "any")], [("inputs", "a", "type", False)]),
        ([column("a", required=False)], [column("a")], [("inputs", "a", "required", True)]),
        ([column("a")], [column("a", required=False)], [("inputs", "a", "required", False)]),
        ([tensor("float32", 5, 2)], [tensor("float32", -1, 2)], [("inputs", "#1", "type", False)]),
        ([tensor("float32", -1, 2)], [tensor("float32", 5, 2)], [("inputs", "#1", "type", True)]),
        ([tensor("float32", -1, 2)], [tensor("float64", -1, 2)], [("inputs", "#1", "type", True)]),
        ([column("a")], None, [("inputs", "a", "removed", False)]),
        (None, [column("a")], [("inputs", "a", "added", True)]),
        ([column("a"), column("b")], [column("b"), column("a")], []),
    ],
)
def test_inputs_break_when_they_take_less_than_before(
    before: Fields | None, after: Fields | None, expected: list[tuple[str, str, str, bool]]
) -> None:
    assert changes(signature(before), signature(after)) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([column("y")], [], [("outputs", "y", "removed", True)]),
        ([column("y")], None, [("outputs", "y", "removed", True)]),
        ([column("y", "long")], [column("y", "double")], [("outputs", "y", "type", True)]),
        ([column("y")], [column("y"), column("p")], [("outputs", "p", "added", False)]),
        ([column("y")], [column("y", required=False)], [("outputs", "y", "required", True)]),
    ],
)
def test_outputs_break_when_they_are_gone_or_another(
    before: Fields, after: Fields | None, expected: list[tuple[str, str, str, bool]]
) -> None:
    assert changes(signature(outputs=before), signature(outputs=after)) == expected


def test_params_have_defaults_so_only_their_types_break() -> None:
    before = signature(params=[column("k", "long", default=1), column("t", "float", default=0.1)])
    after = signature(params=[column("k", "string", default="a"), column("n", "long", default=1, shape=[-1])])
    assert changes(before, after) == [
        ("params", "k", "type", True),
        ("params", "t", "removed", False),
        ("params", "n", "added", False),
    ]


@pytest.mark.mlflow
def test_numbers_are_taken_for_one_another_where_mlflow_does_so() -> None:
    import numpy as np
    import pandas as pd
    from mlflow.exceptions import MlflowException
    from mlflow.models.utils import _enforce_schema
    from mlflow.types import ColSpec, Schema

    greatest = {
        "boolean": np.array([True, False]),
        "integer": np.array([1, 2**31 - 1], dtype="int32"),
        "long": np.array([1, 2**62], dtype="int64"),
        "float": np.array([1.5, 3e38], dtype="float32"),
        "double": np.array([1.5, 1e300], dtype="float64"),
    }

    def accepted(wide: str, narrow: str) -> bool:
        try:
            _enforce_schema(pd.DataFrame({"x": greatest[narrow]}), Schema([ColSpec(wide, "x")]))
        except MlflowException:
            return False
        return True

    pairs = [(wide, narrow) for wide in _NUMBERS for narrow in _NUMBERS]
    assert [pair for pair in pairs if takes(*pair)] == [pair for pair in pairs if accepted(*pair)]


@given(st.lists(_FIELD, max_size=6), st.lists(_FIELD, max_size=6))
def test_nothing_differs_from_itself_and_what_breaks_one_way_is_a_change_the_other_way(
    one: Fields, other: Fields
) -> None:
    before, after = signature(one, one, one), signature(other, other, other)
    assert schema_changes(before, before) == []
    assert bool(schema_changes(before, after)) == bool(schema_changes(after, before))


@given(_JSON)
def test_any_json_is_a_signature_or_none(found: Any) -> None:
    text = json.dumps(found)
    with suppress(NotASignature):
        assert schema_changes(*[read_signature(inputs=text, outputs=text, params=text)] * 2) == []


@given(st.text(max_size=300) | st.text("[]{}:,-?&*!|>'\"\n a<", max_size=300))
def test_any_text_is_an_mlmodel_file_or_none(text: str) -> None:
    with suppress(NotAModel):
        assert read_mlmodel(text.encode("utf-8", "replace")).signature is None


@given(st.binary(max_size=200))
def test_any_bytes_are_an_mlmodel_file_or_none(data: bytes) -> None:
    with suppress(NotAModel):
        assert read_mlmodel(data).signature is None


def test_a_signature_that_cannot_be_read_leaves_the_rest_of_the_file() -> None:
    for broken in ("{", "7", "[1]", json.dumps([{}] * 2001), "[" * 100_000):
        document = {"flavors": {"onnx": {}}, "model_size_bytes": 5, "signature": {"inputs": broken}}
        facts = read_mlmodel(json.dumps(document).encode())
        assert (facts.flavors, facts.size_bytes, facts.signature) == (["onnx"], 5, None)
        assert "cannot be read" in str(facts.message)


def test_what_mlflow_writes_is_read_with_anchors_blocks_and_nulls() -> None:
    text = (
        "flavors:\n  python_function: &f {env: null}\n  sklearn: *f\nmlflow_version: 2.9.1\nmodel_size_bytes: 1512\n"
        'signature:\n  inputs: \'[{"type": "double", "name": "x",\n    "required": true}]\'\n'
        "  outputs: null\n  params: null\nutc_time_created: '2026-11-23 16:30:16.953896'\n"
    )
    facts = read_mlmodel(text.encode())
    assert facts.flavors == ["python_function", "sklearn"]
    assert (facts.mlflow_version, facts.size_bytes) == ("2.9.1", 1512)
    assert facts.signature is not None
    assert facts.signature.outputs is None
    assert [field.name for field in facts.signature.inputs or ()] == ["x"]


def test_a_file_larger_than_any_of_mlflows_is_not_read() -> None:
    with pytest.raises(NotAModel, match="larger"):
        read_mlmodel(b"a" * (1 << 20))
