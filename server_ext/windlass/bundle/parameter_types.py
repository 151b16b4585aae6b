"""The few types a parameter can have in a form, and how annotations, type comments and defaults name them.

Pure: syntax in, a type out. Nothing is evaluated but literals and arithmetic on small numbers.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_BY_NAME = {
    "bool": "bool",
    "int": "int",
    "float": "float",
    "str": "str",
    "list": "list",
    "List": "list",
    "Sequence": "list",
    "Iterable": "list",
    "tuple": "list",
    "Tuple": "list",
    "dict": "dict",
    "Dict": "dict",
    "Mapping": "dict",
    "None": "none",
}
_IN_WORDS = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "list": "a list",
    "dict": "a mapping",
    "none": "nothing",
    "other": "something else",
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_MAX_POWER = 64


@dataclass(frozen=True)
class ParameterType:
    """A type of the form: the words of `contract.preview.ParameterField.type`."""

    name: str
    nullable: bool = False

    @property
    def in_words(self) -> str:
        """The type for people: `a whole number`."""
        return _IN_WORDS[self.name]


UNKNOWN = ParameterType("other", nullable=True)


def type_of_value(value: Any) -> ParameterType:
    """The type of a JSON value."""
    if value is None:
        return ParameterType("none", nullable=True)
    for kind in (bool, int, float, str, list, dict):
        if isinstance(value, kind):
            return ParameterType(kind.__name__)
    return UNKNOWN


def type_of_annotation(annotation: ast.expr | str | None) -> ParameterType | None:  # noqa: PLR0911 - one per form
    """The type that an annotation (or the text of a type comment) names; None when it names none of them."""
    if isinstance(annotation, str):
        try:
            annotation = ast.parse(annotation, mode="eval").body
        except (SyntaxError, ValueError):
            return None
    match annotation:
        case ast.Constant(value=str() as text):
            return type_of_annotation(text)
        case ast.Constant(value=None):
            return ParameterType("none", nullable=True)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return ParameterType(_BY_NAME[name]) if name in _BY_NAME else None
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _union([left, right])
        case ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name), slice=inner):
            return _subscript(name, inner.elts if isinstance(inner, ast.Tuple) else [inner])
    return None


def _subscript(name: str, arguments: list[ast.expr]) -> ParameterType | None:
    if name == "Optional":
        inner = type_of_annotation(arguments[0])
        return ParameterType(inner.name, nullable=True) if inner else UNKNOWN
    if name == "Union":
        return _union(arguments)
    if name == "Literal":
        values = [type_of_value(json_literal(argument)[0]) for argument in arguments]
        return values[0] if len(set(values)) == 1 else UNKNOWN
    if name in ("Annotated", "Final"):
        return type_of_annotation(arguments[0])
    return ParameterType(_BY_NAME[name]) if name in _BY_NAME else None


def _union(members: list[ast.expr]) -> ParameterType:
    types = [type_of_annotation(member) for member in members]
    if None in types:
        return UNKNOWN
    known = [found for found in types if found is not None]
    nullable = any(found.nullable for found in known)
    names = {found.name for found in known} - {"none"}
    if names == {"int", "float"}:
        names = {"float"}
    return ParameterType(names.pop(), nullable=nullable) if len(names) == 1 else UNKNOWN


def json_literal(node: ast.expr) -> tuple[Any, bool]:
    """The value of a literal (or of arithmetic on numbers) as JSON, and whether it is one."""
    number = _number(node)
    if number is not None:
        return number, True
    try:
        return _as_json(ast.literal_eval(node)), True
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None, False


def _as_json(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, (list, tuple)):
        return [_as_json(item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _as_json(item) for key, item in value.items()}
    raise ValueError("not JSON")


def _number(node: ast.expr) -> float | None:
    """The number (an int stays one) that an expression of numbers gives; None for anything else."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return value if math.isfinite(value) else None
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _number(operand)
            return None if inner is None else -inner
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            return _computed(_ARITHMETIC[type(op)], _number(left), _number(right))
    return None


def _computed(function: Callable[[Any, Any], Any], left: float | None, right: float | None) -> float | None:
    if left is None or right is None:
        return None
    if function is operator.pow and (abs(right) > _MAX_POWER or abs(left) > 10**6):
        return None
    try:
        result = function(left, right)
        is_number = isinstance(result, (int, float)) and math.isfinite(result)
    except (ArithmeticError, ValueError):
        return None
    return result if is_number else None
