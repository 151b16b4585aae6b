"""One run of a notebook on one rank: the cells in order, and what is told about them to log, notebook and status.

How a cell is executed is the shell's affair; how the process ends is `main`'s.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Any

from . import cells as cell_rules
from .context import JobContext
from .executed import ExecutedNotebook
from .failure import describe
from .notebook import Cell, Notebook
from .processes import missing_definition
from .shell import CellResult, Shell
from .signals import TerminationWatch
from .status import StatusFile
from .streams import JobStreams
from .training_check import untrained_notice

_MANY_MODULES = 50
"""A cell that imports so many may take its time without training anything."""


@dataclass(frozen=True)
class Outcome:
    """How a rank ended."""

    phase: str
    exit_code: int


@dataclass(frozen=True)
class PlannedCell:
    """A code cell, and why it is left out (or None)."""

    cell: Cell
    skipped: str | None


def plan(notebook: Notebook) -> list[PlannedCell]:
    """The code cells that hold anything, in order."""
    return [
        PlannedCell(cell=cell, skipped=cell_rules.skip_reason(cell))
        for cell in notebook.cells
        if cell.kind == "code" and cell.source.strip()
    ]


class NotebookRun:
    """Runs the planned cells."""

    def __init__(
        self,
        *,
        context: JobContext,
        notebook: Notebook,
        planned: list[PlannedCell],
        status: StatusFile,
        streams: JobStreams,
        document: ExecutedNotebook | None,
        watch: TerminationWatch,
    ) -> None:
        self._context = context
        self._notebook = notebook
        self._planned = planned
        self._status = status
        self._streams = streams
        self._document = document
        self._longest_seconds = 0.0
        self._ran: list[tuple[int | None, str]] = []
        self._watch = watch
        self.failed = False

    def run(self, shell: Shell, *, space: dict[str, Any]) -> Outcome:
        """Run all cells; how it ended. `space` is the notebook's namespace."""
        sources = [item.cell.source for item in self._planned if item.skipped is None]
        self._status.running(cells=len(sources), says_progress=cell_rules.says_progress(sources))
        number = 0
        for item in self._planned:
            if item.skipped is not None:
                self._skip(item.cell, item.skipped)
                continue
            number += 1
            outcome = self._run_cell(shell, item.cell, number)
            if outcome is not None:
                return outcome
        self._judge(shell, space, number)
        return Outcome("succeeded", 0)

    def _skip(self, cell: Cell, reason: str) -> None:
        if self._document is not None:
            self._document.skip(cell, reason)

    def _run_cell(self, shell: Shell, cell: Cell, number: int) -> Outcome | None:
        """Run one cell; None when the notebook goes on."""
        self._status.cell(number)
        if self._document is not None:
            self._document.start(cell, number)
        source = cell_rules.runnable_source(cell)
        file = f"{self._notebook.name} In[{number}]"
        began, modules = time.monotonic(), len(sys.modules)
        result = shell.run(source, file=file, number=number)
        if len(sys.modules) - modules < _MANY_MODULES:
            self._longest_seconds = max(self._longest_seconds, time.monotonic() - began)
        self._ran.append((cell.index, source))
        self._streams.settle()
        outcome = self._ended_by(result, cell, file, number)
        if self._document is not None:
            self._document.finish(cell)
        return outcome

    def _ended_by(self, result: CellResult, cell: Cell, file: str, number: int) -> Outcome | None:
        error = result.error
        ended = self._watch.ending or (self._watch.received if error is not None else None)
        if ended is not None:
            return Outcome("killed", 128 + ended)
        if error is None:
            return None
        if isinstance(error, SystemExit) and error.code in (None, 0):
            left = sum(item.skipped is None for item in self._planned) - number
            if left:
                self._status.notice(
                    f"The notebook ended itself with sys.exit(): its last {left} code cells did not run."
                )
            return Outcome("succeeded", 0)
        self.failed = True
        self._report(result, error, cell, file)
        return Outcome("failed", _exit_code(error))

    def _report(self, result: CellResult, error: BaseException, cell: Cell, file: str) -> None:
        description = describe(
            error, rank=self._context.rank, cell=cell.index, cell_file=file, source=cell.source, at=result.at
        )
        hint = missing_definition(self._context.spawn_trouble_path)
        if hint is not None:
            description["traceback"].append(hint)
            self._status.notice(hint)
        self._status.failing(description)
        self._streams.log_only("\n".join(description["traceback"]))
        if self._document is not None:
            shown = [*(result.rendered or description["traceback"]), *([hint] if hint and result.rendered else [])]
            self._document.error(description["ename"], description["evalue"], shown)

    def _judge(self, shell: Shell, space: dict[str, Any], ran: int) -> None:
        """Say so when all went well and yet nothing happened."""
        if not ran:
            self._status.notice("The notebook has no code cell that runs in a job.")
            return
        sources = [(index, shell.transform(source)) for index, source in self._ran]
        notice = untrained_notice(sources, longest_seconds=self._longest_seconds, space=space)
        if notice is not None:
            self._status.notice(notice)
            self._streams.log_only(notice)


def _exit_code(error: BaseException) -> int:
    """The exit status that Python would give."""
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return error.code & 0xFF
    return 1
