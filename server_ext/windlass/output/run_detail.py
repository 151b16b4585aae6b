"""Runs in full, one after the other: which parameters, which data, which commit."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from windlass.contract.runs import Run
from windlass.output import text
from windlass.output.jobs import fields, is_address
from windlass.output.runs import state_text, value_text
from windlass.runs.found import FoundRuns

_SECTIONS = (("metrics", "Metrics"), ("params", "Parameters"), ("tags", "Tags"))


def runs_in_full(found: FoundRuns, *, ascii_only: bool = False) -> RenderableType:
    """Each run with all that was read of it."""
    parts: list[RenderableType] = []
    for run in found.page.items:
        if parts:
            parts.append(Text(""))
        parts.extend(_run(found, run, ascii_only=ascii_only))
    return Group(*parts)


def _run(found: FoundRuns, run: Run, *, ascii_only: bool) -> Iterator[RenderableType]:
    heading = state_text(run.status, ascii_only=ascii_only)
    heading.append(f"  {text.one_line(run.name)}", style="bold")
    yield heading
    grid = fields()
    for label, words in _facts(found, run):
        grid.add_row(label, Text(text.one_line(words)))
    yield grid
    for kind, title in _SECTIONS:
        table = fields()
        for column in found.page.columns:
            value = found.value(run, column) if column.startswith(f"{kind}.") else None
            if value is not None:
                key = column.partition(".")[2]
                table.add_row(Text(text.one_line(key), overflow="fold"), Text(value_text(value, column)))
        if table.row_count:
            yield Text(title, style="bold")
            yield Padding(table, (0, 0, 0, 2))
    if run.url and is_address(run.url):
        # Whole, so that it can be clicked and copied.
        yield Text(run.url, no_wrap=True, overflow="ignore")


def _facts(found: FoundRuns, run: Run) -> Iterator[tuple[str, str]]:
    yield "run", run.id
    yield "experiment", found.experiment_names.get(run.experiment_id, run.experiment_id)
    if run.started_at is not None:
        clock = run.started_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        yield "started", f"{clock} ({text.ago(run.started_at)})"
    yield "took", text.seconds(run.duration_seconds)
    dirty = ", with changes not committed" if run.git_dirty else ""
    known = {
        "user": run.user,
        "notebook": run.notebook,
        "git": f"{run.git_commit}{dirty}" if run.git_commit else None,
        "data": run.data_version,
        "cost": None if run.cost_usd is None else text.usd(run.cost_usd),
        "GPU hours": None if run.gpu_hours is None else text.number(run.gpu_hours),
        "job": run.job_id,
        "parent run": run.parent_id,
    }
    for label, words in known.items():
        if words:
            yield label, words
