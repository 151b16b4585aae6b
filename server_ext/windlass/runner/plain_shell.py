"""The fallback where the image has no IPython: plain Python cells, the last expression shown, top-level await.

Magics and `!cmd` cannot work here and say so.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import inspect
import linecache
import re
import time
from types import CodeType, ModuleType
from typing import Any

from .shell import CellResult, OutputTarget

_MAGIC = re.compile(r"^\s*(?:[A-Za-z_]\w*\s*=\s*)?(%{1,2}[A-Za-z_]\w*|!)|^\s*[\w.]+(\?)\s*$")
_FUTURE_FLAGS = sum(
    {getattr(__import__("__future__"), name).compiler_flag for name in __import__("__future__").all_feature_names}
)


class MagicUnavailable(SyntaxError):
    """The cell uses IPython's syntax, and there is no IPython."""


class PlainShell:
    """Runs cells in the namespace of `__main__`."""

    def __init__(self, main: ModuleType, target: OutputTarget) -> None:
        self._space = main.__dict__
        self._target = target
        self._flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self._loop: asyncio.AbstractEventLoop | None = None
        self._space.update(_=None, Out={}, In=[""])
        builtins.display = self._display  # type: ignore[attr-defined]  # notebooks expect the name

    def run(self, source: str, *, file: str, number: int) -> CellResult:
        """Run one cell; whatever it raises is in the result."""
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        self._space["In"].append(source)
        try:
            body, last = self._compile(source, file)
            if body is not None:
                self._execute(body)
            if last is not None:
                value = self._execute(last)
                if not source.rstrip().endswith(";"):
                    self._show_result(value, number)
        except BaseException as error:  # noqa: BLE001  (SystemExit and KeyboardInterrupt are results too)
            return CellResult(error=error, at=time.time())
        return CellResult()

    def transform(self, source: str) -> str:
        """There are no magics to translate."""
        return source

    def close(self) -> None:
        """End the event loop."""
        if self._loop is not None:
            self._loop.close()

    def _compile(self, source: str, file: str) -> tuple[CodeType | None, CodeType | None]:
        flags = self._flags
        try:
            tree = compile(source, file, "exec", flags | ast.PyCF_ONLY_AST, dont_inherit=True)
        except SyntaxError as error:
            _explain_magic(error, source, file)
            raise
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            last = compile(ast.Expression(tree.body.pop().value), file, "eval", flags, dont_inherit=True)
        body = compile(tree, file, "exec", flags, dont_inherit=True) if tree.body else None
        if body is not None:
            self._flags |= body.co_flags & _FUTURE_FLAGS
        return body, last

    def _execute(self, code: CodeType) -> Any:
        value = eval(code, self._space)  # noqa: S307  (running the notebook is what this is for)
        if code.co_flags & inspect.CO_COROUTINE:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
            value = self._loop.run_until_complete(value)
        return value

    def _show_result(self, value: Any, number: int) -> None:
        if value is None:
            return
        self._target.result({"text/plain": repr(value)}, {})
        self._space["_"] = self._space["Out"][number] = value

    def _display(self, *values: Any, **_options: Any) -> None:
        for value in values:
            self._target.display({"text/plain": repr(value)}, {})


def _explain_magic(error: SyntaxError, source: str, file: str) -> None:
    """Raise MagicUnavailable when the line in question is one of IPython's."""
    lines = source.splitlines()
    first = next((number for number, line in enumerate(lines, start=1) if line.strip()), 1)
    for number in (first, error.lineno or first):
        match = _MAGIC.match(lines[number - 1]) if 0 < number <= len(lines) else None
        if match and (number != first or number == error.lineno or match.group(1) is not None):
            what = match.group(1) or match.group(2)
            text = f"{what!r} needs IPython, and this image has none: install ipython in it, or write plain Python."
            raise MagicUnavailable(text, (file, number, 1, lines[number - 1])) from None
