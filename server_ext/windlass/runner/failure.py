"""From an exception to what a person needs: rank, cell, line, and a traceback that begins in their notebook."""

from __future__ import annotations

import re
import traceback
from types import TracebackType
from typing import Any

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07")
_LONGEST_VALUE = 10_000
_MOST_LINES = 300
_TIMED = ("<timed exec>", "<timed eval>")


def strip_ansi(text: str) -> str:
    """`text` without terminal colours."""
    return _ANSI.sub("", text)


def describe(
    error: BaseException, *, rank: int, cell: int | None, cell_file: str, source: str, at: float
) -> dict[str, Any]:
    """The error as status.json has it. `cell_file` is the file name under which the cell was compiled."""
    trimmed = first_frame_in(error.__traceback__, cell_file)
    return {
        "rank": rank,
        "cell": cell,
        "line": _line(error, trimmed, cell_file, source),
        "ename": type(error).__name__,
        "evalue": evalue(error),
        "traceback": traceback_lines(error, trimmed),
        "at": at,
    }


def evalue(error: BaseException) -> str:
    """The exception's message, even when the exception cannot tell it."""
    try:
        text = str(error)
    except Exception as inner:  # noqa: BLE001  (the notebook's own __str__ may raise anything)
        text = f"(its message cannot be shown: {type(inner).__name__})"
    text = strip_ansi(text).encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + " …"


def first_frame_in(trace: TracebackType | None, cell_file: str) -> TracebackType | None:
    """The traceback from the cell's own frame on; None when the cell has none in it."""
    while trace is not None and trace.tb_frame.f_code.co_filename != cell_file:
        trace = trace.tb_next
    return trace


def traceback_lines(error: BaseException, trace: TracebackType | None) -> list[str]:
    """Lines of a plain traceback, without colours and without the runner's own frames."""
    try:
        parts = traceback.format_exception(type(error), error, trace)
    except Exception:  # noqa: BLE001  (the notebook's own __str__ or __cause__ may raise anything)
        parts = [*traceback.format_tb(trace), f"{type(error).__name__}: {evalue(error)}"]
    text = strip_ansi("".join(parts)).encode("utf-8", "backslashreplace").decode("utf-8")
    lines = [line[:_LONGEST_VALUE] for line in text.splitlines()]
    if len(lines) > _MOST_LINES:
        half = _MOST_LINES // 2
        lines = [*lines[:half], f"[… {len(lines) - 2 * half} lines left out …]", *lines[-half:]]
    return lines


def _line(error: BaseException, trimmed: TracebackType | None, cell_file: str, source: str) -> int | None:
    if trimmed is None:
        return error.lineno if isinstance(error, SyntaxError) and error.filename == cell_file else None
    if source.lstrip().startswith("%%"):
        return _line_under_magic(trimmed, source)
    return trimmed.tb_lineno


def _line_under_magic(trimmed: TracebackType, source: str) -> int:
    """Under `%%time` the rest of the cell is compiled on its own: count on from the line of the magic."""
    magic_line = len(source) - len(source.lstrip())
    magic_line = source.count("\n", 0, magic_line) + 1
    trace: TracebackType | None = trimmed
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in _TIMED:
            return magic_line + trace.tb_lineno
        trace = trace.tb_next
    return magic_line
