"""A preview: every file that goes and why, what stays, what was noticed, and what would be started."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from windlass.contract.preview import BundleFile, Finding, JobPreview, LeftOutFile, Package, Severity
from windlass.literals import format_value
from windlass.output import text
from windlass.output.jobs import fields

_MOST_FILES = 40
_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "default"}


def preview_text(preview: JobPreview) -> RenderableType:
    """The whole preview."""
    parts: list[RenderableType] = [_summary(preview)]
    for title, body in _sections(preview):
        parts.extend((Text(f"\n{title}", style="bold"), Padding(body, (0, 0, 0, 2))))
    verdict = (
        Text("\nNothing was sent. Leave --preview out to send it.")
        if preview.can_submit
        else Text("\nIt cannot be sent as it is: see the errors above.", style="bold red")
    )
    return Group(*parts, verdict)


def _summary(preview: JobPreview) -> RenderableType:
    processes = "1 process" if preview.world_size == 1 else f"{preview.world_size} processes"
    environment = preview.environment
    grid = fields()
    grid.add_row("notebook", Text(text.one_line(preview.notebook)))
    grid.add_row("runs on", Text(text.one_line(f"{preview.engine} ({preview.kind}), {processes}")))
    grid.add_row("code cells", Text(str(preview.cells)))
    python = f", Python {environment.python_version}" if environment.python_version else ""
    grid.add_row("environment", Text(text.one_line(f"{environment.display_name or environment.name or '-'}{python}")))
    if preview.git is not None and preview.git.commit:
        dirty = ", with changes not committed" if preview.git.dirty else ""
        grid.add_row("git", Text(text.one_line(f"{preview.git.commit[:10]} {preview.git.branch or ''}") + dirty))
    price = preview.cost_usd_per_hour
    grid.add_row("price", Text("not known" if price is None else f"{text.usd(price)} an hour"))
    return grid


def _sections(preview: JobPreview) -> Iterator[tuple[str, RenderableType]]:
    if preview.parameters:
        table = fields()
        for parameter in preview.parameters:
            changed = "" if parameter.value == parameter.default else f"  (default {format_value(parameter.default)})"
            table.add_row(
                Text(text.one_line(parameter.name)), Text(text.one_line(format_value(parameter.value)) + changed)
            )
        yield "Parameters", table
    files = text.count(len(preview.files), "file")
    yield f"What goes: {files}, {text.size(preview.total_bytes)}", _files(preview.files)
    if preview.left_out:
        yield "What stays", _files(preview.left_out)
    if preview.data:
        table = fields()
        for reference in preview.data:
            state = "goes along" if reference.included else "is not sent" if reference.exists else "does not exist"
            where = f"cell {reference.cell + 1}" if reference.cell is not None else text.one_line(reference.file)
            table.add_row(Text(text.one_line(reference.path)), Text(f"opened by {where}; {state}"))
        yield "Data it opens", table
    if preview.environment.packages:
        yield "Packages it imports", Text(", ".join(_package(package) for package in preview.environment.packages))
    if preview.findings:
        yield "Noticed", Group(*(finding_text(finding) for finding in preview.findings))
    if preview.notices:
        yield "Notes", Text("\n".join(text.one_line(notice) for notice in preview.notices))
    if preview.command:
        yield "What is started", Text(text.one_line(shlex.join(preview.command)))


def _files(files: Sequence[BundleFile | LeftOutFile]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True, min_width=7)
    table.add_column(overflow="fold", max_width=40)
    table.add_column(style="dim", overflow="fold")
    for file in files[:_MOST_FILES]:
        table.add_row(
            Text(text.size(file.size_bytes)), Text(text.one_line(file.path)), Text(text.one_line(file.reason))
        )
    if len(files) > _MOST_FILES:
        table.add_row("", Text(f"and {len(files) - _MOST_FILES} more; --json lists all"), "")
    return table


def _package(package: Package) -> str:
    name = package.distribution or package.module
    return text.one_line(f"{name} {package.version}" if package.version else f"{name} (missing)")


def finding_text(finding: Finding) -> Text:
    """A finding with its place and its fix."""
    where = f"cell {finding.cell + 1}" if finding.cell is not None else text.one_line(finding.path or "")
    if finding.line is not None and where:
        where += f", line {finding.line}"
    line = Text()
    line.append(finding.severity.value, style=_STYLES[finding.severity])
    line.append(f" {where}: " if where else ": ")
    line.append(text.one_line(finding.message))
    if finding.excerpt:
        line.append(f"\n    {text.one_line(finding.excerpt)}", style="dim")
    if finding.fix:
        line.append(f"\n    {text.one_line(finding.fix)}")
    return line
