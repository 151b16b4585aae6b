"""The path that an expression means, when that can be told by reading.

Understands what people write for paths: literals, names set to one, `+`, f-strings, `os.path.join`, `Path(...) / "x"`,
`__file__`, `.parent`. Everything else is unknown (None), never a guess.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

_PATH_CLASSES = frozenset({"Path", "PurePath", "PosixPath", "PurePosixPath"})
_SAME_PATH = frozenset({"resolve", "absolute", "as_posix", "expanduser", "abspath", "realpath", "normpath", "fspath"})
_MAX_DEPTH = 20


@dataclass(frozen=True, kw_only=True)
class PathReader:
    """Reads path expressions as if run with a working directory, from a file, with some names known."""

    working_directory: str
    file: str | None = None
    names: Mapping[str, ast.expr | str] = field(default_factory=dict)
    depth: int = 0

    def read(self, node: ast.expr) -> str | None:
        """The path as text, relative or absolute as written; None when it cannot be told."""
        if self.depth > _MAX_DEPTH:
            return None
        inner = replace(self, depth=self.depth + 1)
        return inner.of_call(node) if isinstance(node, ast.Call) else inner.of_expression(node)

    def of_expression(self, node: ast.expr) -> str | None:  # noqa: PLR0911 - one line for each form of a path
        """As `read`, for anything but a call."""
        match node:
            case ast.Constant(value=str() as text):
                return text
            case ast.Name(id="__file__"):
                return self.file
            case ast.Name(id=name):
                known = self.names.get(name)
                return known if known is None or isinstance(known, str) else self.read(known)
            case ast.JoinedStr(values=parts):
                return self._concatenated([self._format_part(part) for part in parts])
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._concatenated([self.read(left), self.read(right)])
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return self._joined([left, right])
            case ast.Attribute(value=value, attr="parent"):
                return self._parent(self.read(value))
            case ast.Subscript(value=ast.Attribute(value=value, attr="parents"), slice=ast.Constant(value=int() as up)):
                path = self.read(value)
                for _ in range(min(up + 1, _MAX_DEPTH)):
                    path = self._parent(path)
                return path
        return None

    def of_call(self, node: ast.Call) -> str | None:  # noqa: PLR0911 - one line for each function that makes a path
        """As `read`, for a call."""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
        if name in ("getcwd", "cwd"):
            return self.working_directory
        if name in _PATH_CLASSES:
            return self._joined(node.args) if node.args else "."
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if name == "join" and (owner is None or isinstance(owner, (ast.Name, ast.Attribute))):
            return self._joined(node.args)
        if name == "joinpath" and owner is not None:
            return self._joined([owner, *node.args])
        if name == "dirname" and len(node.args) == 1:
            return self._parent(self.read(node.args[0]))
        if name == "str" and len(node.args) == 1:
            return self.read(node.args[0])
        if name in _SAME_PATH:
            inner = node.args[0] if node.args else owner
            return None if inner is None else self.read(inner)
        return None

    def _format_part(self, part: ast.expr) -> str | None:
        if isinstance(part, ast.FormattedValue):
            return self.read(part.value) if part.format_spec is None else None
        return self.read(part)

    def _joined(self, nodes: list[ast.expr]) -> str | None:
        parts = [self.read(node) for node in nodes]
        known = [part for part in parts if part is not None]
        return os.path.join(*known) if known and len(known) == len(parts) else None  # noqa: PTH118 - text, not a file

    def _parent(self, path: str | None) -> str | None:
        if path is None:
            return None
        if path in ("", "."):
            return ".."
        return f"{path}/.." if path.endswith("..") else os.path.dirname(path) or "."  # noqa: PTH120 - as above

    @staticmethod
    def _concatenated(parts: list[str | None]) -> str | None:
        known = [part for part in parts if part is not None]
        return "".join(known) if len(known) == len(parts) else None
