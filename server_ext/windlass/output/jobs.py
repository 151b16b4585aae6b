"""Jobs as a table, one job in full, and how a job ended."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from windlass.contract.jobs import Job, JobRun, JobState
from windlass.literals import format_value
from windlass.output import text

_ADDRESS = re.compile(r"https?://[!-~]+")
_TRACEBACK_LINES = 40


def state_text(job: Job, *, ascii_only: bool = False) -> Text:
    """Icon, word and colour of a job's state."""
    return Text(f"{text.symbol(job.state, ascii_only=ascii_only)} {job.state.value}", style=text.colour(job.state))


def short_ids(jobs: Sequence[Job]) -> dict[str, str]:
    """The shortest beginning of each id that tells these jobs apart, eight characters at least."""
    return text.shortest(job.id for job in jobs)


def jobs_table(jobs: Sequence[Job], *, ascii_only: bool = False) -> Table:
    """A table of jobs, in the order given."""
    ids = short_ids(jobs)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    table.add_column("JOB", no_wrap=True)
    table.add_column("STATE", no_wrap=True)
    table.add_column("NAME")  # the only one that gives way: a shortened id or state would mislead
    table.add_column("DONE", justify="right", no_wrap=True)
    table.add_column("RANKS", justify="right", no_wrap=True)
    table.add_column("TOOK", justify="right", no_wrap=True)
    table.add_column("SENT", justify="right", no_wrap=True)
    for job in jobs:
        table.add_row(
            Text(ids[job.id]),
            state_text(job, ascii_only=ascii_only),
            Text(text.one_line(job.name), no_wrap=True, overflow="ellipsis"),
            Text(text.percent(job.progress.fraction)),
            Text(str(job.world_size)),
            Text(text.seconds(job.duration_seconds)),
            Text(text.ago(job.created_at)),
        )
    return table


def job_detail(job: Job, *, ascii_only: bool = False) -> RenderableType:
    """All that is worth knowing about one job."""
    grid = fields()
    for label, value in _facts(job):
        grid.add_row(label, Text(value))
    heading = state_text(job, ascii_only=ascii_only)
    heading.append(f"  {text.one_line(job.name)}", style="bold")
    parts: list[RenderableType] = [heading]
    if job.reason and job.error is None:  # else the failure says it, at more length
        parts.append(Text(f"  {text.one_line(job.reason)}"))
    parts.append(grid)
    parts.extend(line for run in job.runs for line in run_lines(run))
    parts.extend(_notice(notice) for notice in job.notices)
    if job.error is not None:
        parts.append(failure(job))
    return Group(*parts)


def fields() -> Table:
    """An empty two-column grid of labels and values."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True, min_width=11)
    grid.add_column(overflow="fold")
    return grid


def _facts(job: Job) -> Iterator[tuple[str, str]]:
    yield "job", job.id
    yield "notebook", text.one_line(job.notebook)
    yield "runs on", f"{text.one_line(job.engine)} ({text.one_line(job.kind)}), {text.shape(job)}"
    if job.environment_name or job.environment:
        yield "environment", text.one_line(job.environment_name or job.environment or "")
    if job.parameters:
        yield "parameters", text.one_line("  ".join(f"{k}={format_value(v)}" for k, v in job.parameters.items()))
    yield "sent", f"{_clock(job)} ({text.ago(job.created_at)})"
    yield "took", text.seconds(job.duration_seconds)
    if not job.state.is_final or job.state is not JobState.SUCCEEDED:
        yield "done", _done(job)
    if job.exit_code:
        yield "exit code", str(job.exit_code)
    if job.restarts or job.retries:
        yield "restarts", f"{job.restarts} of {job.retries}"
    if job.git is not None and job.git.commit:
        dirty = ", with changes not committed" if job.git.dirty else ""
        yield "git", text.one_line(f"{job.git.commit[:10]} {job.git.branch or ''}") + dirty
    if job.bundle_sha256:
        yield "bundle", f"{job.bundle_sha256[:12]}, {text.size(job.bundle_bytes)}"
    if job.record:
        yield "record", text.one_line(job.record)
    if job.cost_usd is not None:
        yield "cost", text.usd(job.cost_usd)
    elif job.cost_note:
        yield "cost", f"not known: {text.one_line(job.cost_note)}"


def _clock(job: Job) -> str:
    return job.created_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _done(job: Job) -> str:
    progress = job.progress
    parts = [text.percent(progress.fraction)]
    if progress.cell is not None and progress.cells:
        parts.append(f"code cell {progress.cell} of {progress.cells}")
    if progress.message:
        parts.append(text.one_line(progress.message))
    return ", ".join(parts)


def run_lines(run: JobRun) -> list[Text]:
    """An MLflow run, and the address of its page on a line of its own: whole, so that it can be clicked and copied."""
    where = f" in {run.experiment_name}" if run.experiment_name else ""
    lines = [Text(text.one_line(f"MLflow run {run.name or run.run_id}{where}"))]
    if run.url and is_address(run.url):
        lines.append(Text(run.url, no_wrap=True, overflow="ignore"))
    return lines


def is_address(url: str) -> bool:
    """Whether it is a web address that can be shown as it is: nothing in it acts on a terminal."""
    return _ADDRESS.fullmatch(url) is not None


def _notice(notice: str) -> Text:
    return Text.assemble(("note: ", "yellow"), text.one_line(notice))


def failure(job: Job) -> RenderableType:
    """Where and how a job broke, with the end of its traceback."""
    error = job.error
    if error is None:
        return Text("")
    head = Text(f"{text.place(job) or 'the notebook'}: ", style="bold")
    head.append(f"{text.one_line(error.ename)}: {text.one_line(error.evalue)}", style="red")
    traceback = "\n".join(text.lines(line).rstrip("\n") for line in error.traceback).splitlines()
    left_out = len(traceback) - _TRACEBACK_LINES
    if left_out > 0:
        traceback = [f"... {left_out} lines before", *traceback[-_TRACEBACK_LINES:]]
    return Group(head, Text("\n".join(f"  {line}" for line in traceback))) if traceback else head


def ending(job: Job, *, ascii_only: bool = False) -> RenderableType:
    """How a job ended (or stands): the last words of `--wait` and `--follow`."""
    line = state_text(job, ascii_only=ascii_only)
    line.append(f" after {text.seconds(job.duration_seconds)}" if job.duration_seconds is not None else "", "default")
    line.append(f"  {text.one_line(job.name)}", "default")
    parts: list[RenderableType] = [line]
    if job.reason and job.error is None:  # else the failure says it, at more length
        parts.append(Text(f"  {text.one_line(job.reason)}"))
    parts.extend(_notice(notice) for notice in job.notices)
    parts.extend(line for run in job.runs for line in run_lines(run))
    if job.error is not None:
        parts.append(failure(job))
    return Group(*parts)
