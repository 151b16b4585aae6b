"""What was spent, as a table in a terminal and in a notebook. What is not known is a dash, and never a zero."""

from __future__ import annotations

import html
from datetime import timedelta

from rich.table import Table
from rich.text import Text

from windlass.contract.costs import CostReport, CostRow
from windlass.costs.wording import figure
from windlass.output import text
from windlass.output.console import rendered

_FIGURES = ("COST", "IDLE", "GPU HOURS", "JOBS")
_LACKING = "+ ?"
"""Behind a sum that lacks something."""


def costs_table(report: CostReport) -> Table:
    """The rows and their total."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    table.add_column(report.by.upper(), overflow="fold")
    for heading in _FIGURES:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in report.items:
        table.add_row(Text(_name(row)), *map(Text, _figures(row)))
    total = [Text(figure, style="bold") for figure in _figures(report.total)]
    table.add_row(Text("Total", style="bold"), *total)
    return table


def cost_notes(report: CostReport) -> list[str]:
    """What a reader of the sums has to know, a sentence each."""
    notes = list(report.notes)
    total = report.total
    if total.unknown_jobs:
        what = text.count(total.unknown_jobs, "job")
        notes.append(f"The cost of {what} is not known, and not in these sums: `windlass job ID` says why.")
    if total.unknown_idle_jobs:
        what = text.count(total.unknown_idle_jobs, "job")
        notes.append(f"How much GPU time of {what} was idle is not known: nobody measured all of it.")
    if report.next_cursor is not None:
        notes.append("There are more: --limit shows more of them.")
    return notes


class CostListing:
    """What `%costs` gives back."""

    def __init__(self, report: CostReport) -> None:
        self.report = report

    def __repr__(self) -> str:
        if not self.report.items:
            return nothing(self.report)
        return "\n".join([rendered(costs_table(self.report)), *cost_notes(self.report)])

    def _repr_html_(self) -> str:
        if not self.report.items:
            return f"<p>{html.escape(nothing(self.report))}</p>"
        head = _cells(_headings(self.report), "th")
        rows = "".join(f"<tr>{_cells([_name(row), *_figures(row)], 'td')}</tr>" for row in self.report.items)
        total = f"<tr>{_cells(['Total', *_figures(self.report.total)], 'th')}</tr>"
        notes = "".join(f"<p>{html.escape(text.one_line(note))}</p>" for note in cost_notes(self.report))
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody><tfoot>{total}</tfoot></table>{notes}"


def nothing(report: CostReport) -> str:
    """That nothing was spent."""
    last = report.end - timedelta(microseconds=1)
    return f"No job took anything from {report.start:%Y-%m-%d} to {last:%Y-%m-%d}."


def _headings(report: CostReport) -> list[str]:
    return [report.by.capitalize(), "Cost", "Idle", "GPU hours", "Jobs"]


def _cells(words: list[str], tag: str) -> str:
    sides = ["left", *["right"] * (len(words) - 1)]
    return "".join(
        f'<{tag} style="text-align:{side}">{html.escape(word)}</{tag}>' for side, word in zip(sides, words, strict=True)
    )


def _name(row: CostRow) -> str:
    if row.job_id is not None:
        return f"{row.job_id[:8]} {text.one_line(row.label)}"
    return text.one_line(row.label or row.key)


def _figures(row: CostRow) -> list[str]:
    return [
        _sum(text.usd(row.usd), lacks=row.unknown_jobs),
        _sum(text.usd(row.idle_usd), lacks=row.unknown_idle_jobs),
        text.UNKNOWN if row.gpu_hours is None else figure(row.gpu_hours),
        f"{row.jobs:,}",
    ]


def _sum(words: str, *, lacks: int) -> str:
    return f"{words} {_LACKING}" if lacks and words != text.UNKNOWN else words
