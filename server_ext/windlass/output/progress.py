"""How far a job is, while someone waits: a moving bar on a terminal, a line per change elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from windlass.contract.jobs import Job
from windlass.output import text
from windlass.output.console import is_ascii_only
from windlass.output.jobs import state_text

if TYPE_CHECKING:
    from typing_extensions import Self

_BAR_WIDTH = 24
_STEP = 0.1


class ProgressDisplay:
    """Shows a job on a console until the `with` block ends; `show` it whenever it has changed."""

    def __init__(self, *, console: Console, live: bool | None = None) -> None:
        self._console = console
        self._ascii_only = is_ascii_only(console)
        self._live: Live | None = None
        if console.is_terminal if live is None else live:
            self._live = Live(console=console, transient=True, auto_refresh=True, refresh_per_second=8)
        self._said: tuple[object, ...] = ()

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, job: Job) -> None:
        """Show the job as it is now."""
        if self._live is not None:
            self._live.update(self._bar(job))
        elif not job.state.is_final:
            self._say_change(job)

    def _bar(self, job: Job) -> RenderableType:
        fraction = job.progress.fraction
        row = Table.grid(padding=(0, 1))
        row.add_column(no_wrap=True)
        row.add_column(width=_BAR_WIDTH)
        row.add_column(justify="right", no_wrap=True)
        row.add_column(no_wrap=True, overflow="ellipsis")
        row.add_row(
            state_text(job, ascii_only=self._ascii_only),
            ProgressBar(
                total=1.0,
                completed=fraction or 0.0,
                width=_BAR_WIDTH,
                complete_style="blue",
                finished_style="green",
            ),
            Text(text.percent(fraction)),
            Text(f"{text.seconds(job.duration_seconds)}  {step(job)}"),
        )
        return row

    def _say_change(self, job: Job) -> None:
        tenth = None if job.progress.fraction is None else int(job.progress.fraction / _STEP)
        said = (job.state, job.reason, tenth)
        if said == self._said:
            return
        self._said = said
        parts = [job.state.value, text.percent(job.progress.fraction) if tenth is not None else "", step(job)]
        self._console.print(Text("  ".join(part for part in parts if part)), soft_wrap=True)


def step(job: Job) -> str:
    """What it is at: the reason it waits, else the notebook's own word or the cell."""
    progress = job.progress
    if progress.message:
        return text.one_line(progress.message)
    if progress.cell is not None and progress.cells:
        return f"cell {progress.cell} of {progress.cells}"
    return text.one_line(job.reason)
