"""The Python in a cell, as a syntax tree whose line numbers are those of the cell as written.

IPython's own transformer turns magics, shell escapes and help into calls on `get_ipython()`, so whoever reads the tree
sees them as calls like any other. Nothing is ever run. IPython is imported only for a cell that is not plain Python.
"""

from __future__ import annotations

import ast
import difflib
import re
import warnings
from collections.abc import Callable

PYTHON_CELL_MAGICS = frozenset({"capture", "memit", "prun", "python", "python3", "time", "timeit"})
"""Cell magics whose body is Python that the job runs."""
PYTHON_LINE_MAGICS = frozenset({"memit", "prun", "time", "timeit"})
MAX_NESTING = 5
MAX_MAGIC_LINES = 50_000
"""Magics times lines that IPython's transformer is given: it reads the whole cell again for every magic."""
MAX_ALIGNED = 1_000_000
"""Lines times lines that are aligned exactly; a cell beyond that has its line numbers approximated."""

_MAGIC = re.compile(r"^(\s*)(?:[%!?]|[A-Za-z_][\w.]*\s*=\s*[%!])")


class CellSyntaxError(Exception):
    """The cell is not Python; `line` counts from 1 in the cell as written."""

    def __init__(self, *, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


def parse_python(source: str) -> ast.Module:
    """The tree of a Python file. Raises CellSyntaxError, whatever is wrong with the text."""
    try:
        with warnings.catch_warnings():
            # A bad escape in the user's string is theirs to hear about when it runs, not the server's.
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except SyntaxError as error:
        raise CellSyntaxError(line=error.lineno or 1, message=error.msg or "invalid syntax") from None
    except ValueError:
        raise CellSyntaxError(line=1, message="the text holds characters that Python cannot read") from None
    except (RecursionError, MemoryError):
        raise CellSyntaxError(line=1, message="the code is nested too deeply") from None


def parse_cell(source: str, *, depth: int = 0) -> ast.Module:
    """The tree of a code cell, magics and all. Raises CellSyntaxError."""
    try:
        return parse_python(source)
    except CellSyntaxError as error:
        plain_error = error
    transformed = _transformed(source)
    if transformed is None:
        raise plain_error
    lines = _original_lines(source, transformed)
    try:
        tree = parse_python(transformed)
    except CellSyntaxError as error:
        raise CellSyntaxError(line=_at(lines, error.line), message=error.message) from None
    for node in ast.walk(tree):
        if isinstance(node, (ast.expr, ast.stmt, ast.excepthandler)):
            node.lineno, node.end_lineno = _at(lines, node.lineno), _at(lines, node.end_lineno or node.lineno)
    _unfold_magics(tree, source, depth)
    return tree


def magic_call(node: ast.Call) -> tuple[str, list[str]] | None:
    """`("run_line_magic", ["pip", "install x"])` for a call that the transformer wrote; None for any other call."""
    function = node.func
    if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Call):
        return None
    if not isinstance(function.value.func, ast.Name) or function.value.func.id != "get_ipython":
        return None
    arguments = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    return function.attr, arguments


def _transformed(source: str) -> str | None:
    lines = source.splitlines()
    magics = sum(bool(_MAGIC.match(line)) for line in lines)
    if magics * len(lines) > MAX_MAGIC_LINES and not source.lstrip().startswith("%%"):
        return _without_magics(lines)
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            transform: Callable[[str], str] = TransformerManager().transform_cell  # type: ignore[no-untyped-call]  # IPython has no types
            return transform(source)
    except (SyntaxError, ValueError, RuntimeError, MemoryError, IndexError):
        return None


def _without_magics(lines: list[str]) -> str:
    """The cell with `pass` for each magic: line for line, and in no time."""
    plain: list[str] = []
    continued = False
    for line in lines:
        found = _MAGIC.match(line)
        is_magic = continued or found is not None
        plain.append("" if continued else f"{found[1]}pass" if found else line)
        continued = is_magic and line.endswith("\\")
    return "\n".join(plain)


def _original_lines(source: str, transformed: str) -> list[int]:
    """For each line of the transformed text, the line of the original that it came from (both from 1)."""
    before = [line.strip() for line in source.splitlines()]
    after = [line.strip() for line in transformed.splitlines()]
    head = 0
    while head < min(len(before), len(after)) and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    middle = _aligned(before[head : len(before) - tail], after[head : len(after) - tail])
    shift = len(before) - len(after)
    lines = [
        *range(head),
        *(head + line for line in middle),
        *(line + shift for line in range(len(after) - tail, len(after))),
    ]
    last = max(len(before) - 1, 0)
    return [min(line, last) + 1 for line in lines] or [1]


def _aligned(before: list[str], after: list[str]) -> list[int]:
    """For each line of `after`, the index in `before` that it came from."""
    if len(before) * len(after) > MAX_ALIGNED:
        return [min(index, max(len(before) - 1, 0)) for index in range(len(after))]
    lines: list[int] = []
    for tag, start, end, new_start, new_end in difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes():
        most = new_end - new_start if tag == "equal" else max(end - start - 1, 0)
        lines.extend(start + min(offset, most) for offset in range(new_end - new_start))
    return lines


def _at(lines: list[int], line: int) -> int:
    return lines[min(max(line, 1), len(lines)) - 1]


def _unfold_magics(tree: ast.Module, source: str, depth: int) -> None:
    """Put the Python inside `%%time` and `%time` beside the call, so that it is read like the rest."""
    unfolded: list[ast.stmt] = []
    for statement in tree.body:
        unfolded.append(statement)
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and depth < MAX_NESTING and (magic := magic_call(node)):
                unfolded.extend(_inner_code(magic, node.lineno, source, depth))
    tree.body = unfolded


def _inner_code(magic: tuple[str, list[str]], line: int, source: str, depth: int) -> list[ast.stmt]:
    kind, arguments = magic
    if kind == "run_cell_magic" and len(arguments) == 3 and arguments[0] in PYTHON_CELL_MAGICS:
        shift = source[: source.find("%%")].count("\n") + 1
        try:
            body = parse_cell(arguments[2], depth=depth + 1)
        except CellSyntaxError as error:
            raise CellSyntaxError(line=error.line + shift, message=error.message) from None
        return list(ast.increment_lineno(body, shift).body)
    if kind == "run_line_magic" and len(arguments) == 2 and arguments[0] in PYTHON_LINE_MAGICS:
        try:
            body = parse_cell(arguments[1], depth=depth + 1)
        except CellSyntaxError:
            return []  # options as in `%timeit -n 10 f()`: what they time is not worth a parser of its own
        return list(ast.increment_lineno(body, line - 1).body)
    return []
