"""Runs as a table that fits the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from windlass.contract.runs import RunStatus
from windlass.output import text
from windlass.output.console import WIDTH
from windlass.runs.found import FoundRuns
from windlass.runs.options import MOST_RUNS

_GAP = 2
_LEAST_NAME = 14
_WIDEST = 30
_ID, _STATUS, _NAME, _EXPERIMENT = "id", "attributes.status", "attributes.run_name", "attributes.experiment"
_STARTED, _TOOK = "attributes.start_time", "attributes.duration"
_ALWAYS = (_ID, _STATUS, _NAME, _EXPERIMENT)
_HEADINGS = {
    _ID: "RUN", _STATUS: "STATE", _NAME: "NAME", _EXPERIMENT: "EXPERIMENT", _STARTED: "STARTED", _TOOK: "TOOK",
    "attributes.end_time": "ENDED", "attributes.user_id": "USER", "attributes.notebook": "NOTEBOOK",
    "attributes.git_commit": "GIT", "attributes.data_version": "DATA", "attributes.cost": "COST",
    "attributes.gpu_hours": "GPU HOURS", "attributes.job": "JOB", "attributes.parent": "PARENT",
}  # fmt: skip
_STATES = {
    RunStatus.RUNNING: ("▶", ">", "blue"),
    RunStatus.SCHEDULED: ("◷", "~", "default"),
    RunStatus.FINISHED: ("✓", "+", "green"),
    RunStatus.FAILED: ("✗", "x", "red"),
    RunStatus.KILLED: ("■", "#", "default"),
}
_NUMBERS = frozenset({_STARTED, _TOOK, "attributes.end_time", "attributes.cost", "attributes.gpu_hours"})


@dataclass(frozen=True, eq=False, kw_only=True)
class Drawn:
    """A column with its cells as they are drawn."""

    column: str
    heading: str
    cells: tuple[Text, ...]
    asked: bool

    @property
    def natural(self) -> int:
        """Terminal cells that show all of it."""
        return max([cell_len(self.heading), *(cell.cell_len for cell in self.cells)])

    @property
    def least(self) -> int:
        """Terminal cells it takes at least: names give way, a shortened id or number would mislead."""
        return min(self.natural, _LEAST_NAME if self.column in (_NAME, _EXPERIMENT) else _WIDEST)

    @property
    def is_right(self) -> bool:
        """Whether it is drawn flush right, as numbers are."""
        return self.column in _NUMBERS or self.column.startswith("metrics.")


def runs_table(found: FoundRuns, *, width: int = WIDTH, ascii_only: bool = False) -> RenderableType:
    """The runs in the order given. Columns that were asked for and find no room follow in tables of their own."""
    every = drawn_columns(found, ascii_only=ascii_only)
    first = every[0]
    bands = [[column for column in every if column.column in _ALWAYS]]
    for column in every:
        if column.asked and column.column not in _ALWAYS:
            if _least([*bands[-1], column]) > width and len(bands[-1]) > 1:
                bands.append([first])
            bands[-1].append(column)
    if len(bands) == 1:
        for column in _by_importance(every):
            if _least([*bands[0], column]) > width:
                break
            bands[0].append(column)
    tables = [_table([column for column in every if column in band], width=width) for band in bands]
    return Group(*[part for table in tables for part in (Text(""), table)][1:])


def drawn_columns(found: FoundRuns, *, ascii_only: bool = False) -> list[Drawn]:
    """All there is to show, from left to right: what every list shows, and columns asked for or with values."""
    runs = found.page.items
    ids = text.shortest(run.id for run in runs)
    asked = set(found.columns[: found.asked])
    several = len({run.experiment_id for run in runs}) > 1
    columns = [_STATUS, _NAME, *([_EXPERIMENT] if several else []), _STARTED, _TOOK]
    columns += [one for one in found.columns if one in asked or any(found.value(run, one) is not None for run in runs)]
    columns = list(dict.fromkeys(columns))
    cells = {column: tuple(Text(value_text(found.value(run, column), column)) for run in runs) for column in columns}
    cells[_STATUS] = tuple(state_text(run.status, ascii_only=ascii_only) for run in runs)
    cells = {_ID: tuple(Text(text.one_line(ids[run.id])) for run in runs), **cells}
    return [
        Drawn(column=column, heading=heading, cells=cells[column], asked=column in asked)
        for column, heading in _headings(list(cells)).items()
    ]


def state_text(status: RunStatus, *, ascii_only: bool = False) -> Text:
    """Icon, word and colour of a run's state."""
    fancy, plain, colour = _STATES[status]
    return Text(f"{plain if ascii_only else fancy} {status.value.lower()}", style=colour)


def value_text(value: datetime | float | str | None, column: str) -> str:
    """A value as it stands in a cell; empty when there is none."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return text.ago(value)
    if isinstance(value, str):
        return text.one_line(value[:10] if column == "attributes.git_commit" else value)
    return {_TOOK: text.seconds, "attributes.cost": text.usd}.get(column, text.number)(value)


def summary(found: FoundRuns) -> str:
    """A sentence that says what is shown: of which experiments, in which order, and whether there is more."""
    names = [text.one_line(experiment.name) for experiment in found.experiments]
    where = text.count(len(names), "experiment") if len(names) > 2 or found.everywhere else " and ".join(names)
    many = len(found.page.items)
    if not many:
        if found.narrowed:
            return f"No run of {where} is like that."
        return "There are no runs yet." if found.everywhere else f"There are no runs in {where} yet."
    if found.sort == _STARTED:
        order = "the oldest first" if found.ascending else "the newest first"
    else:
        told = text.one_line(found.sort.removeprefix("attributes."))
        order = f"the {'least' if found.ascending else 'greatest'} {told} first"
    more = "" if found.page.next_cursor is None else f" There are more: --limit {min(MOST_RUNS, many * 5)} shows them."
    return f"{text.count(many, 'run')} of {where}, {order}.{more}"


def _by_importance(every: Sequence[Drawn]) -> list[Drawn]:
    """Those that nobody asked for, in the order in which they get the room; values that many runs have come first."""
    free = [column for column in every if not column.asked and column.column not in _ALWAYS]
    values = [column for column in free if column.column not in (_STARTED, _TOOK)]
    values.sort(key=lambda column: -sum(bool(cell.plain) for cell in column.cells))
    started = [column for column in free if column.column == _STARTED]
    took = [column for column in free if column.column == _TOOK]
    return [*started, *values[:2], *took, *values[2:]]


def _headings(columns: Sequence[str]) -> dict[str, str]:
    """What to call each column: a key alone, but for parameters and tags that are called as something else is."""
    keys = [column.partition(".")[2] for column in columns if column not in _HEADINGS]
    headings = {}
    for column in columns:
        key = column.partition(".")[2]
        is_plain = keys.count(key) == 1 or column.startswith("metrics.")
        headings[column] = _HEADINGS.get(column) or text.one_line(key if is_plain else column) or "?"
    return headings


def _least(columns: Sequence[Drawn]) -> int:
    return sum(column.least + _GAP for column in columns) - _GAP


def _table(columns: Sequence[Drawn], *, width: int) -> Table:
    spare = width - _least(columns)
    table = Table(box=None, padding=(0, _GAP, 0, 0), header_style="bold", pad_edge=False)
    for column in columns:
        gained = max(0, min(spare, column.natural - column.least))
        spare -= gained
        table.add_column(
            Text(column.heading, no_wrap=True, overflow="ellipsis"),
            justify="right" if column.is_right else "left",
            width=column.least + gained,
            no_wrap=True,
            overflow="ellipsis",
        )
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*row)
    return table
