"""A report as CSV, for a spreadsheet: no cell of it is a formula there, whatever a job is called.

Spreadsheets read what begins with = + - @ (and tabs and line breaks before them) as formulas; OWASP's "CSV injection"
names the characters. Such a text gets an apostrophe in front, which they take for "this is text". Numbers are numbers;
what is not known is an empty cell.
"""

from __future__ import annotations

import csv
import io

from windlass.contract.costs import CostReport, CostRow

COLUMNS = (
    "key",
    "label",
    "usd",
    "idle_usd",
    "gpu_hours",
    "idle_gpu_hours",
    "jobs",
    "unknown_jobs",
    "unknown_idle_jobs",
    "run_id",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def as_csv(report: CostReport) -> str:
    """The rows and the total, with a header (RFC 4180)."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in (*report.items, report.total):
        writer.writerow([_cell(row, column) for column in COLUMNS])
    return text.getvalue()


def safe(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _cell(row: CostRow, column: str) -> str | float:
    value = getattr(row, column)
    if value is None:
        return ""
    return safe(value) if isinstance(value, str) else value
