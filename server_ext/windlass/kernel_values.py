"""Parameters that come from a kernel's own variables: `-p lr={lr}`, and the assignments below `%%train`.

    %%train --processes 2
    learning_rate = 3e-4
    layers = [64, width]        # width is a variable of this kernel

The cell holds assignments and nothing else. Their right sides are Python, worked out in the kernel by whoever typed
them, as any cell is; the names they make stay out of the kernel. What cannot travel as JSON is refused by name.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping

from windlass.contract.base import JsonValue
from windlass.literals import check_name

_DEEPEST = 50


def value_of(name: str, variables: Mapping[str, object]) -> JsonValue:
    """The value of a kernel's variable. Raises ValueError when there is none, or it cannot travel."""
    if name not in variables:
        raise ValueError(f"There is no variable {name!r} in this kernel.")
    return to_json(variables[name], name=name)


def parameters_of_cell(source: str, variables: Mapping[str, object]) -> dict[str, JsonValue]:
    """The parameters that a cell's assignments make, in order; later lines may use names of earlier ones.

    Raises:
        ValueError: the cell holds something else than assignments to names, or a value that cannot be worked out or
            cannot travel.
    """
    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        raise ValueError(f"Line {error.lineno} below %%train is not valid Python: {error.msg}.") from error
    namespace = dict(variables)
    parameters: dict[str, JsonValue] = {}
    for statement in statements:
        name, expression = _assignment(statement)
        value = _evaluate(expression, namespace=namespace, name=name)
        namespace[name] = value
        parameters[name] = to_json(value, name=name)
    return parameters


def to_json(value: object, *, name: str, depth: int = 0) -> JsonValue:
    """A value as JSON can carry it: tuples become lists, scalars of NumPy and tensors of one number become numbers."""
    if depth > _DEEPEST:
        raise ValueError(f"{name} is nested too deeply to be a parameter.")
    if value is None or isinstance(value, (bool, int, float, str)):
        return _plain(value, name=name)
    if isinstance(value, (list, tuple)):
        return [to_json(item, name=f"{name}[{index}]", depth=depth + 1) for index, item in enumerate(value)]
    if isinstance(value, dict):
        return {
            _key(key, name=name): to_json(item, name=f"{name}[{key!r}]", depth=depth + 1) for key, item in value.items()
        }
    scalar = getattr(value, "item", None)
    if callable(scalar) and getattr(value, "shape", None) == ():
        return to_json(scalar(), name=name, depth=depth + 1)
    raise ValueError(
        f"{name} is a {type(value).__name__}; a parameter has to be a number, text, True, False, None, "
        "or a list or dict of these."
    )


def _assignment(statement: ast.stmt) -> tuple[str, ast.expr]:
    target: ast.expr | None = None
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, expression = statement.targets[0], statement.value
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        target, expression = statement.target, statement.value
    if not isinstance(target, ast.Name):
        raise ValueError(
            f"Line {statement.lineno} below %%train is not of the form `name = value`. "
            "The cell may hold parameters for the job, and nothing else; the notebook itself is what runs."
        )
    return check_name(target.id), expression


def _evaluate(expression: ast.expr, *, namespace: dict[str, object], name: str) -> object:
    code = compile(ast.Expression(expression), filename="<%%train>", mode="eval")
    try:
        return eval(code, namespace)  # noqa: S307 - the user's own expression, in the user's own kernel
    except Exception as error:
        raise ValueError(f"{name} could not be worked out: {type(error).__name__}: {error}.") from error


def _plain(value: bool | float | str | None, *, name: str) -> JsonValue:
    if isinstance(value, str):
        return _text(value, name=name)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{name} is {value}, which JSON cannot carry. Send it as text, or leave it out.")
        return float(value)
    return value


def _key(key: object, *, name: str) -> str:
    if not isinstance(key, str):
        raise ValueError(f"{name} has a key that is no text: {key!r}.")
    return _text(key, name=name)


def _text(text: str, *, name: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} holds a character that is not valid Unicode.") from error
    return str(text)
