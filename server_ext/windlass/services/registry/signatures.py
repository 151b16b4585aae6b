"""Signatures: what a model takes and gives, and what a caller of one would break on with another.

Types are said in MLflow's words: `double`, `string`, `tensor(float32, (-1, 28))`, `array(long)`, `object(a: long)`.
What counts as breaking is what a caller of the earlier version can do that the later one may refuse or answer
differently: a required input that is new or renamed, a required one that is gone (MLflow passes over inputs it does
not know, other servers refuse them), a type that takes less, an output that is gone or of another type.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from windlass.contract.models import SchemaChange, Signature, SignatureField

MOST_FIELDS = 2000
LONGEST_TYPE = 500
_LONGEST_NAME = 500
_DEEPEST = 8
_ANYTHING = "any"
_WIDER: Mapping[str, frozenset[str]] = {
    "integer": frozenset({"long", "double"}),
    "float": frozenset({"double"}),
}
"""Values of the type that MLflow takes for another without loss."""

Fields = Sequence[SignatureField]


class NotASignature(Exception):
    """Why a text is no signature, as half a sentence."""


def read_signature(*, inputs: str | None, outputs: str | None, params: str | None) -> Signature:
    """A signature from the JSON texts of an MLmodel file. Raises NotASignature."""
    return Signature(inputs=_fields(inputs), outputs=_fields(outputs), params=_fields(params, are_params=True))


def schema_changes(before: Signature, after: Signature) -> list[SchemaChange]:
    """What differs between two signatures, part by part; breaking changes first."""
    found = [
        *_of_inputs("inputs", before.inputs, after.inputs),
        *_of_outputs(before.outputs, after.outputs),
        *_of_inputs("params", before.params, after.params),
    ]
    return sorted(found, key=lambda change: not change.breaking)


def takes(wide: str, narrow: str) -> bool:
    """Whether whatever has the type `narrow` can be given where `wide` is asked for."""
    if wide in (narrow, _ANYTHING) or wide in _WIDER.get(narrow, ()):
        return True
    one, other = _tensor(wide), _tensor(narrow)
    return one is not None and other is not None and one[0] == other[0] and _shape_takes(one[1], other[1])


def _of_inputs(part: str, before: Fields | None, after: Fields | None) -> Iterable[SchemaChange]:
    if after is None:
        # It takes anything now.
        return [_change(part, name, "removed", field, None, breaking=False) for name, field in _keyed(before)]
    then, now = dict(_keyed(before)), dict(_keyed(after))
    found = []
    for name, field in then.items():
        if name not in now:
            found.append(_change(part, name, "removed", field, None, breaking=field.required))
        else:
            found += _of_one(part, name, field, now[name])
    added = [(name, field) for name, field in now.items() if name not in then]
    return found + [_change(part, name, "added", None, field, breaking=field.required) for name, field in added]


def _of_one(part: str, name: str, before: SignatureField, after: SignatureField) -> list[SchemaChange]:
    found = []
    if before.type != after.type:
        breaking = not takes(after.type, before.type)
        found.append(_change(part, name, "type", before, after, breaking=breaking))
    if before.required != after.required:
        words = {True: "required", False: "optional"}
        change = SchemaChange(
            part=part,
            name=name,
            change="required",
            before=words[before.required],
            after=words[after.required],
            breaking=after.required,
        )
        found.append(change)
    return found


def _of_outputs(before: Fields | None, after: Fields | None) -> Iterable[SchemaChange]:
    then, now = dict(_keyed(before)), dict(_keyed(after))
    for name, field in then.items():
        other = now.get(name)
        if other is None:
            yield _change("outputs", name, "removed", field, None, breaking=True)
        elif other.type != field.type:
            yield _change("outputs", name, "type", field, other, breaking=True)
        elif field.required and not other.required:
            yield SchemaChange(
                part="outputs", name=name, change="required", before="required", after="optional", breaking=True
            )
    for name, field in now.items():
        if name not in then:
            yield _change("outputs", name, "added", None, field, breaking=False)


def _keyed(fields: Fields | None) -> Iterable[tuple[str, SignatureField]]:
    """Fields by name; those without one by their place, as callers give them."""
    return [(field.name or f"#{place}", field) for place, field in enumerate(fields or (), start=1)]


def _change(
    part: str, name: str, change: str, before: SignatureField | None, after: SignatureField | None, *, breaking: bool
) -> SchemaChange:
    return SchemaChange(
        part=part,
        name=name,
        change=change,
        before=before.type if before else None,
        after=after.type if after else None,
        breaking=breaking,
    )


def _fields(text: str | None, *, are_params: bool = False) -> list[SignatureField] | None:
    if text is None:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise NotASignature("is not the JSON that MLflow writes") from None
    if found is None:
        return None
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise NotASignature("is no list of fields")
    if len(found) > MOST_FIELDS:
        raise NotASignature(f"has more than {MOST_FIELDS:,} fields")
    return [_field(entry, is_param=are_params) for entry in found]


def _field(entry: Mapping[str, Any], *, is_param: bool) -> SignatureField:
    name = entry.get("name")
    told = _told(entry, depth=0)
    if is_param and isinstance(entry.get("shape"), list):
        told = f"array({told})"
    return SignatureField(
        name=str(name)[:_LONGEST_NAME] if isinstance(name, (str, int)) else None,
        type=told if len(told) <= LONGEST_TYPE else told[: LONGEST_TYPE - 1] + "…",
        # Params have defaults, always.
        required=not is_param and _is_required(entry),
    )


def _is_required(entry: Mapping[str, Any]) -> bool:
    """Files of MLflow before 2.10 say `optional`."""
    return entry["required"] is not False if "required" in entry else entry.get("optional") is not True


def _told(entry: Mapping[str, Any], *, depth: int) -> str:
    """A type in MLflow's words."""
    kind = str(entry.get("type", _ANYTHING))[:100]
    if depth > _DEEPEST:
        return "…"
    if kind == "tensor":
        spec = entry.get("tensor-spec")
        return _told_tensor(spec if isinstance(spec, dict) else {})
    if kind in ("array", "map"):
        inner = entry.get("items" if kind == "array" else "values")
        return f"{kind}({_told(inner, depth=depth + 1) if isinstance(inner, dict) else _ANYTHING})"
    if kind == "object":
        properties = entry.get("properties")
        return f"object({', '.join(_properties(properties, depth)) if isinstance(properties, dict) else ''})"
    return kind


def _properties(properties: Mapping[str, Any], depth: int) -> list[str]:
    known = [(str(name), entry) for name, entry in list(properties.items())[:MOST_FIELDS] if isinstance(entry, dict)]
    return [
        f"{name}{'' if _is_required(entry) else '?'}: {_told(entry, depth=depth + 1)}"
        for name, entry in sorted(known, key=lambda pair: pair[0])
    ]


def _told_tensor(spec: Mapping[str, Any]) -> str:
    shape = spec.get("shape")
    sizes = [str(size)[:20] for size in shape[:32]] if isinstance(shape, list) else []
    closing = "," if len(sizes) == 1 else ""
    return f"tensor({str(spec.get('dtype', _ANYTHING))[:40]}, ({', '.join(sizes)}{closing}))"


def _tensor(told: str) -> tuple[str, list[str]] | None:
    if not told.startswith("tensor("):
        return None
    dtype, _, shape = told.removeprefix("tensor(").partition(", (")
    return dtype, [size for size in shape.rstrip("),").split(", ") if size]


def _shape_takes(wide: Sequence[str], narrow: Sequence[str]) -> bool:
    return len(wide) == len(narrow) and all(size in ("-1", other) for size, other in zip(wide, narrow, strict=True))
