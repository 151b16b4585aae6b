"""The parameters cell as a form, and values checked against it.

Papermill's tag rules, so that a notebook means the same here and there: the first cell tagged `parameters`, a type
from the annotation, else the `# type:` comment, else the default, and the comment behind it as help. Defaults are read,
never evaluated.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import io
import keyword
import math
import tokenize
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from windlass.bundle.cells import CellSyntaxError, parse_cell
from windlass.bundle.notebook import Cell
from windlass.bundle.parameter_types import UNKNOWN, ParameterType, json_literal, type_of_annotation, type_of_value
from windlass.errors import FieldError, InvalidRequest

PARAMETERS_TAG = "parameters"


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter as the cell declares it."""

    name: str
    type: ParameterType
    default: Any
    """As JSON; None when the default is not a literal."""
    default_source: str
    help: str | None
    line: int


@dataclass(frozen=True, kw_only=True)
class ParametersCell:
    """What a notebook says about its parameters."""

    cell: int | None
    """Index of the cell; None when no cell is tagged."""
    declared: tuple[Parameter, ...]
    readable: bool = True
    """False when the cell is there and is not Python."""


def read_parameters(cells: Iterable[Cell]) -> ParametersCell:
    """The parameters of a notebook: of its first cell tagged `parameters`."""
    tagged = next((cell for cell in cells if PARAMETERS_TAG in cell.tags), None)
    if tagged is None:
        return ParametersCell(cell=None, declared=())
    if tagged.cell_type != "code":
        return ParametersCell(cell=tagged.index, declared=())
    try:
        tree = parse_cell(tagged.source)
    except CellSyntaxError:
        return ParametersCell(cell=tagged.index, declared=(), readable=False)
    comments = _comments(tagged.source)
    lines = tagged.source.encode("utf-8", "surrogatepass").split(b"\n")
    declared: dict[str, Parameter] = {}
    for statement in tree.body:
        comment = comments.get(statement.end_lineno or 0, "")
        # An expression nested deeper than the stack is generated code: no form has a field for it.
        with contextlib.suppress(RecursionError):
            for target, value, annotation in _assignments(statement):
                declared[target] = _parameter(target, value, annotation, comment=comment, lines=lines)
    return ParametersCell(cell=tagged.index, declared=tuple(declared.values()))


def checked_values(parameters: ParametersCell, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values to send: those given, as the cell's types want them (an int for a float becomes one).

    Raises:
        InvalidRequest: with one FieldError `parameters.<name>` for each value that cannot be sent.
    """
    declared = {parameter.name: parameter for parameter in parameters.declared}
    anything_goes = parameters.cell is None or not parameters.readable
    values: dict[str, Any] = {}
    problems: list[FieldError] = []
    for name, value in given.items():
        message = _name_problem(name) or _finite_problem(value)
        if message is None and name not in declared and not anything_goes:
            message = _unknown(name, declared)
        if message is None and name in declared:
            message = _mismatch(declared[name], value)
        if message is not None:
            problems.append(FieldError(field=f"parameters.{name}", message=message))
            continue
        wants_float = name in declared and declared[name].type.name == "float"
        values[name] = float(value) if wants_float and isinstance(value, int) else value
    if problems:
        raise InvalidRequest(" ".join(problem.message for problem in problems), problems)
    return values


def _name_problem(name: str) -> str | None:
    shown = name[:60].encode("utf-8", "backslashreplace").decode()
    if not name.isidentifier() or keyword.iskeyword(name):
        return f"{shown!r} cannot be a parameter: it is not a Python variable name."
    return None


def _finite_problem(value: Any) -> str | None:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, float) and not math.isfinite(item):
            return "Infinity and NaN cannot be sent as a parameter; set them in the notebook."
        pending.extend(item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())
    return None


def _unknown(name: str, declared: Mapping[str, Parameter]) -> str:
    if not declared:
        return f"The notebook's parameters cell sets no variable, so {name} cannot be given; assign it there first."
    close = difflib.get_close_matches(name, declared, n=1)
    hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(sorted(declared)[:10])}."
    return f"The notebook has no parameter {name}; {hint}"


def _mismatch(parameter: Parameter, value: Any) -> str | None:
    wanted = parameter.type
    if wanted.name in ("other", "none") or (value is None and wanted.nullable):
        return None
    actual = type_of_value(value).name
    if actual == wanted.name or (wanted.name == "float" and actual == "int"):
        return None
    return f"{parameter.name} must be {wanted.in_words}, not {type_of_value(value).in_words}."


def _assignments(statement: ast.stmt) -> Iterable[tuple[str, ast.expr, ast.expr | None]]:
    if isinstance(statement, ast.AnnAssign):
        if isinstance(statement.target, ast.Name) and statement.value is not None:
            yield statement.target.id, statement.value, statement.annotation
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            yield from _targets(target, statement.value)


def _targets(target: ast.expr, value: ast.expr) -> Iterable[tuple[str, ast.expr, ast.expr | None]]:
    if isinstance(target, ast.Name):
        yield target.id, value, None
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for name, element in zip(target.elts, value.elts, strict=True):
            yield from _targets(name, element)


def _parameter(
    name: str, value: ast.expr, annotation: ast.expr | None, *, comment: str, lines: list[bytes]
) -> Parameter:
    type_comment, help_text = _split_comment(comment)
    default, is_literal = json_literal(value)
    found = type_of_annotation(annotation) or type_of_annotation(type_comment)
    if found is None:
        found = type_of_value(default) if is_literal else UNKNOWN
    elif is_literal and default is None:
        found = ParameterType(found.name, nullable=True)
    return Parameter(
        name=name,
        type=found,
        default=default,
        default_source=_source_of(lines, value),
        help=help_text,
        line=value.lineno,
    )


def _source_of(lines: list[bytes], value: ast.expr) -> str:
    """The text of an expression. `ast.get_source_segment` would split the cell again for every parameter."""
    first, last = value.lineno - 1, (value.end_lineno or value.lineno) - 1
    segment = lines[first : last + 1]
    if not segment:
        return ast.unparse(value)
    segment[-1] = segment[-1][: value.end_col_offset]
    segment[0] = segment[0][value.col_offset :]
    return b"\n".join(segment).decode("utf-8", "replace").strip()


def _split_comment(comment: str) -> tuple[str | None, str | None]:
    """`# type: int how many` as the type and the help."""
    text = comment.lstrip("#").strip()
    if not text.startswith("type:"):
        return None, text or None
    annotation, _, rest = text.removeprefix("type:").strip().partition(" ")
    return annotation or None, rest.strip() or None


def _comments(source: str) -> dict[int, str]:
    """The comment at the end of each line, by line number."""
    comments: dict[int, str] = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                comments[token.start[0]] = token.string
    except (tokenize.TokenError, SyntaxError):
        return comments  # a magic that the tokenizer cannot read: what was found before it still holds
    return comments
