"""The head of a table: CSV and its relatives, and the JSON that `mlflow.log_table` writes.

Cells are shown as written; nothing is turned into numbers or dates that might not be any.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from windlass.contract.artifacts import ArtifactTable
from windlass.contract.base import JsonValue
from windlass.services.experiments.rows import shortened

MOST_ROWS = 500
MOST_COLUMNS = 200
_DELIMITERS = ",;\t|"
_EXACT_BELOW = 2**53
"""Beyond it a browser's numbers lose digits."""


class Head(NamedTuple):
    """The beginning of a table, and what is to be said of it."""

    table: ArtifactTable
    message: str | None


def csv_head(text: str, *, delimiter: str | None, whole: bool) -> Head | None:
    """The first rows of a CSV file; None when it cannot be read as one.

    Args:
        text: the file's text, or the beginning of it.
        delimiter: what separates cells; None: what separates most in the first line.
        whole: whether it is all of the file; else the last row may be cut and is left out.
    """
    separator = delimiter or _separator(text)
    try:
        rows = list(islice(csv.reader(io.StringIO(text, newline=""), delimiter=separator), MOST_ROWS + 2))
    except csv.Error:
        return None
    more = len(rows) > MOST_ROWS + 1
    if not whole and not more and rows:
        rows, more = rows[:-1], True
    rows = [row for row in rows if row]
    if not rows:
        return None
    return _head(rows[0], rows[1 : MOST_ROWS + 1], more=more or not whole)


def mlflow_table(text: str) -> Head | None:
    """The first rows of a table in pandas' `split` form, as MLflow keeps tables; None when it is something else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not found.keys() <= {"columns", "data", "index"}:
        return None
    columns, data = found.get("columns"), found.get("data")
    if not isinstance(columns, list) or not isinstance(data, list) or not columns:
        return None
    if not all(isinstance(row, list) and len(row) == len(columns) for row in data):
        return None
    names = [name if isinstance(name, str) else json.dumps(name) for name in columns]
    return _head(names, data[:MOST_ROWS], more=len(data) > MOST_ROWS)


def cell(value: object) -> JsonValue:
    """A value as a cell shows it: what a browser's numbers cannot hold, and what is no plain value, as text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _EXACT_BELOW else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return _word(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _head(columns: Sequence[str], rows: Iterable[Sequence[object]], *, more: bool) -> Head:
    kept = list(rows)
    width = max([len(columns), *map(len, kept)])
    shown = min(width, MOST_COLUMNS)
    names = [_word(name) for name in columns[:shown]] + [""] * (shown - min(len(columns), shown))
    cells = [[cell(value) for value in row[:shown]] + [None] * (shown - min(len(row), shown)) for row in kept]
    message = f"The first {shown} of {width} columns are shown." if width > shown else None
    return Head(ArtifactTable(columns=names, rows=cells, more=more), message)


def _word(text: str) -> str:
    # Half of a surrogate pair, which JSON can name and UTF-8 cannot, is nobody's text.
    return shortened(text).encode("utf-8", "replace").decode()


def _separator(text: str) -> str:
    first = next((line for line in io.StringIO(text) if line.strip()), "")
    return max(_DELIMITERS, key=first.count)
