"""Reads what is compared with: a number, a text in quotes, or for IN a list of texts."""

from __future__ import annotations

import ast
import re
from datetime import datetime, timezone

from windlass.tracking.filters.cursor import Cursor, Wrong
from windlass.tracking.filters.names import Name
from windlass.tracking.filters.tokens import Kind, Token
from windlass.tracking.filters.vocabulary import is_number

Value = float | int | str | tuple[str, ...] | None

_MOST_MILLISECONDS = 2**63 - 1
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?")


def read_value(cursor: Cursor, name: Name) -> Value:
    """Take a number or a text, whichever the name asks for. Raises Wrong."""
    if is_number(name.kind, name.key):
        return _number(cursor, name)
    token = cursor.peek()
    if token is not None and token.kind in (Kind.SINGLE, Kind.DOUBLE):
        cursor.take()
        return token.text[1:-1]
    if token is not None and token.text == "(":
        close = cursor.bracketed()
        raise Wrong(token.start, close.end, "A list needs IN: write one text in quotes here.")
    if token is not None and token.kind in (Kind.NUMBER, Kind.WORD, Kind.BACKTICKED):
        written = token.text.strip("`")
        raise Wrong(token.start, token.end, f"{name.text} is compared with a text: put it into quotes, '{written}'.")
    raise cursor.missing(f"A text in quotes is missing to compare {name.text} with.")


def read_list(cursor: Cursor, name: Name) -> tuple[str, ...]:
    """Take a list of texts, which MLflow reads as Python would. Raises Wrong."""
    first = cursor.peek()
    if first is None or first.text != "(":
        raise cursor.missing(f"IN asks for a list: {name.text} IN ('one', 'another').")
    close = cursor.bracketed()
    try:
        read = ast.literal_eval(cursor.text[first.start : close.end])
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        read = ()
    items = read if isinstance(read, tuple) else (read,)
    if not items or not all(isinstance(item, str) for item in items):
        raise Wrong(first.start, close.end, "A list holds texts in quotes, with commas between: ('one', 'another').")
    return items


def _number(cursor: Cursor, name: Name) -> float | int:
    token = cursor.peek()
    if token is None or token.kind is not Kind.NUMBER:
        raise _no_number(cursor, name, token)
    cursor.take()
    if name.kind == "metrics":
        return float(token.text)
    try:
        value: float | int = int(token.text)
    except ValueError:
        value = float(token.text)
    if abs(value) > _MOST_MILLISECONDS:
        raise Wrong(token.start, token.end, "This is no time: times are milliseconds since the beginning of 1970.")
    return value


def _no_number(cursor: Cursor, name: Name, token: Token | None) -> Wrong:
    if token is None or token.kind is Kind.UNCLOSED:
        return cursor.missing(f"A number is missing to compare {name.text} with.")
    if name.kind == "attributes":
        message = f"{name.text} is compared with milliseconds since the beginning of 1970"
        moment = _milliseconds(token.text.strip("'\""))
        return Wrong(token.start, token.end, f"{message}: write {moment}." if moment is not None else f"{message}.")
    if token.text == "(":
        return Wrong(token.start, cursor.bracketed().end, f"{name.text} is compared with one bare number.")
    if token.kind is Kind.COMPARISON:
        return Wrong(token.start, token.end, "A comparison is one sign, without spaces: one too many stands here.")
    message = f"{name.text} is compared with a number, such as 0.9 or -1e-5, without quotes."
    return Wrong(token.start, cursor.run_end(token), message)


def _milliseconds(date: str) -> int | None:
    if not _DATE.fullmatch(date):
        return None
    try:
        moment = datetime.fromisoformat(date.replace("Z", "+00:00"))
    except ValueError:
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)
    return int(moment.timestamp() * 1000)
