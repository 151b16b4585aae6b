"""`windlass doctor`'s findings, one line each, with what to do below those that are not well."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from windlass.contract.info import Check
from windlass.output import text

_MARKS = {True: ("✓", "+", "green"), False: ("✗", "x", "red"), None: ("–", "-", "yellow")}


def checks_text(checks: Sequence[Check], *, ascii_only: bool = False) -> RenderableType:
    """The checks in order and a last line that sums them up."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for check in checks:
        grid.add_row(*_row(check, ascii_only=ascii_only))
    broken = sum(check.ok is False for check in checks)
    open_questions = sum(check.ok is None for check in checks)
    verdict = f"\n{broken} broken" if broken else "\nNothing is broken"
    verdict += f", {open_questions} missing or not known." if open_questions else "."
    return Group(grid, Text(verdict, style="bold red" if broken else "bold"))


def _row(check: Check, *, ascii_only: bool) -> tuple[Text, Text, Text]:
    fancy, plain, style = _MARKS[check.ok]
    message = Text(text.one_line(check.message))
    if check.fix and check.ok is not True:
        message.append(f"\n{text.one_line(check.fix)}", style="bold")
    return Text(plain if ascii_only else fancy, style=style), Text(text.one_line(check.name)), message
