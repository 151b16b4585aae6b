"""`%train`, `%%train`, `%jobs`, `%job`, `%logs`, `%stop`, `%runs`, `%gpus` and `%costs`, from inside a notebook.

Load them with `%load_ext windlass`, or for every kernel by `c.InteractiveShellApp.extensions = ["windlass"]` in
`ipython_config.py`. They parse with the options of the command line and speak REST to the server that started the
kernel, so they work in the kernel of any environment in which windlass is installed.

`%%train` takes parameters as Python assignments in its body; the notebook, not the body, is what runs.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, no_var_expand
from IPython.display import display

from windlass.client import ClientError
from windlass.connection import Connection, connect
from windlass.contract.base import JsonValue
from windlass.contract.jobs import Job, JobRequest
from windlass.errors import InvalidRequest, WindlassError
from windlass.handle import JobHandle
from windlass.kernel_values import parameters_of_cell
from windlass.magic_lines import (
    costs_line,
    gpus_line,
    job_line,
    jobs_line,
    logs_line,
    parse_filter_line,
    parse_line,
    runs_line,
    stop_line,
    train_line,
)
from windlass.notebook_path import current_notebook, server_pid
from windlass.options import TrainOptions
from windlass.output import text
from windlass.output.console import rendered
from windlass.output.costs import CostListing
from windlass.output.gpu_listing import GpuListing
from windlass.output.listing import JobListing
from windlass.output.logs import LogWriter
from windlass.output.pointing import pointer
from windlass.output.preview import preview_text
from windlass.output.run_listing import RunListing
from windlass.runs.options import FRAME_LIMIT, TABLE_LIMIT, RunsWanted, experiments_noted
from windlass.runs.search import find_runs
from windlass.seen_gpus import snapshot as gpu_snapshot
from windlass.seen_gpus import snapshots as gpu_snapshots
from windlass.spent import CostsWanted
from windlass.spent import report as cost_report
from windlass.tracked import Tracked

if TYPE_CHECKING:
    import pandas as pd


@magics_class
class WindlassMagics(Magics):
    """The magics of one kernel."""

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self._connection: Connection | None = None
        self._last: JobHandle | None = None

    @no_var_expand
    @line_cell_magic
    def train(self, line: str, cell: str | None = None) -> JobHandle | None:
        """Send the notebook this stands in as a job, as it is on screen."""
        given = parse_line(train_line, line, variables=self._variables)
        if given is None:
            return None
        running_as = os.environ.get("WINDLASS_JOB_ID")
        if running_as:
            click.echo(f"This notebook is running as the job {running_as}: %train sends nothing from in there.")
            return None
        with _errors_as_sentences("%train"):
            named: Path | None = given.pop("notebook")
            return self._train(TrainOptions(**given), named=named, overrides=self._overrides(cell))

    @no_var_expand
    @line_magic
    def jobs(self, line: str) -> JobListing | None:
        """List your jobs."""
        given = parse_line(jobs_line, line, variables=self._variables)
        if given is None:
            return None
        with _errors_as_sentences("%jobs"):
            return JobListing(self._connect().ask(lambda client: client.jobs(limit=given["limit"])).items)

    @no_var_expand
    @line_magic
    def job(self, line: str) -> JobHandle | None:
        """A handle on a job, shown as its card."""
        given = parse_line(job_line, line, variables=self._variables)
        if given is None:
            return None
        with _errors_as_sentences("%job"):
            return self._find(given["job"])

    @no_var_expand
    @line_magic
    def logs(self, line: str) -> None:
        """Show a job's output."""
        given = parse_line(logs_line, line, variables=self._variables)
        if given is None:
            return
        with _errors_as_sentences("%logs"):
            _print_output(self._find(given["job"]), rank=given["rank"], until_end=given["follow"])

    @no_var_expand
    @line_magic
    def stop(self, line: str) -> None:
        """End a job for good."""
        given = parse_line(stop_line, line, variables=self._variables)
        if given is None:
            return
        if given["job"] is None and self._last is None:
            raise UsageError("%stop: Which job? Write its id; %jobs lists them.")
        with _errors_as_sentences("%stop"):
            handle = self._find(given["job"])
            click.echo(f"{handle.id}: {handle.stop(given['reason']).value}")

    @no_var_expand
    @line_magic
    def runs(self, line: str) -> RunListing | pd.DataFrame | None:
        """Find runs of this notebook's experiment."""
        given = parse_filter_line(runs_line, line, variables=self._variables)
        if given is None:
            return None
        as_frame = given.pop("as_frame")
        limit = given.pop("limit") or (FRAME_LIMIT if as_frame else TABLE_LIMIT)
        wanted = RunsWanted(limit=limit, **given)
        with _errors_as_sentences("%runs", filter_text=wanted.filter):
            tracked = Tracked(connection=self._connect(), say=click.echo)
            likely = () if wanted.experiments else self._experiments()
            found = find_runs(tracked, wanted, likely=likely, all_columns=as_frame)
            for note in found.notes:
                click.echo(f"note: {text.one_line(note)}")
            return found.data_frame() if as_frame else RunListing(found)

    @no_var_expand
    @line_magic
    def gpus(self, line: str) -> GpuListing | None:
        """Show GPUs and who uses them."""
        given = parse_line(gpus_line, line, variables=self._variables)
        if given is None:
            return None
        with _errors_as_sentences("%gpus"):
            if not given["watch"]:
                return GpuListing(gpu_snapshot(self._connect()))
            with contextlib.suppress(KeyboardInterrupt):
                shown = None
                for seen in gpu_snapshots(self._connect()):
                    shown = _show_in_place(GpuListing(seen), shown)
        return None

    @no_var_expand
    @line_magic
    def costs(self, line: str) -> CostListing | None:
        """Sum up what your jobs cost."""
        given = parse_line(costs_line, line, variables=self._variables)
        if given is None:
            return None
        with _errors_as_sentences("%costs"):
            return CostListing(cost_report(self._connect(), CostsWanted(**given)))

    def _experiments(self) -> tuple[str, ...]:
        """Where this notebook's runs are likely to be: where MLflow is set to, its last job's, the one of its name."""
        try:
            notebook = current_notebook(environment=os.environ, variables=self._variables, folder=Path.cwd())
            relative = self._connect().relative_path(notebook)
        except InvalidRequest:
            return experiments_noted()
        jobs = self._connect().ask(lambda client: client.jobs(notebook=relative, limit=1)).items
        of_jobs = tuple(job.experiment for job in jobs if job.experiment)
        return (*experiments_noted(), *of_jobs, notebook.stem)

    def _train(self, options: TrainOptions, *, named: Path | None, overrides: dict[str, JsonValue]) -> JobHandle | None:
        notebook = named or current_notebook(environment=os.environ, variables=self._variables, folder=Path.cwd())
        connection = self._connect(near=notebook)
        request = options.request(
            notebook=connection.relative_path(notebook), overrides=overrides, ask_browser_to_save=True
        )
        if options.preview:
            _print_preview(connection, request)
            return None
        handle = self._handle(connection, connection.submit(request))
        self._last = handle
        if not (options.wait or options.follow):
            return handle
        display(handle)  # type: ignore[no-untyped-call]  # IPython's own is not typed
        with _interruption_leaves_running(handle):
            if options.follow:
                _print_output(handle, rank=None, until_end=True)
            handle.wait()
        return None

    @property
    def _variables(self) -> Mapping[str, object]:
        return self.shell.user_ns if self.shell is not None else {}

    def _overrides(self, cell: str | None) -> dict[str, JsonValue]:
        try:
            return parameters_of_cell(cell, self._variables) if cell else {}
        except ValueError as error:
            raise UsageError(f"%%train: {error}") from None

    def _connect(self, *, near: Path | None = None) -> Connection:
        if self._connection is None or near is not None:
            self._connection = connect(near=near or Path.cwd(), say=click.echo, server_pid=server_pid(os.environ))
        return self._connection

    def _find(self, beginning: str | None) -> JobHandle:
        if beginning is None and self._last is not None:
            return self._last
        connection = self._connect()
        job = connection.latest_job() if beginning is None else connection.job(beginning)
        return self._handle(connection, job)

    def _handle(self, connection: Connection, job: Job) -> JobHandle:
        return JobHandle(connection=connection, job=job, live=hasattr(self.shell, "kernel"))


def register(shell: Any) -> None:
    """Make the magics known to an IPython shell."""
    shell.register_magics(WindlassMagics)


@contextlib.contextmanager
def _errors_as_sentences(magic: str, *, filter_text: str = "") -> Iterator[None]:
    """What the server or Windlass refuses is one sentence under the cell, not a traceback; the cell still fails.

    Below it stands the place of a mistake in the filter.
    """
    try:
        yield
    except (ClientError, WindlassError) as error:
        place = pointer(error.problem, filter_text) if isinstance(error, ClientError) else None
        told = f"{magic}: {text.one_line(str(error))}"
        raise UsageError(f"{told}\n{place}" if place else told) from None


@contextlib.contextmanager
def _interruption_leaves_running(handle: JobHandle) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        click.echo(f"{handle.id} goes on. `%stop {handle.id}` ends it, `%job {handle.id}` shows it.")


def _show_in_place(listing: GpuListing, shown: Any) -> Any:
    """Show it where the one before is; answers where it is now."""
    if shown is None:
        return display(listing, display_id=True)  # type: ignore[no-untyped-call]  # IPython's own is not typed
    shown.update(listing)
    return shown


def _print_output(handle: JobHandle, *, rank: int | None, until_end: bool) -> None:
    with_ranks = handle.last_seen.world_size > 1 and rank is None
    writer = LogWriter(stream=sys.stdout, with_ranks=with_ranks, colours=True)
    with _interruption_leaves_running(handle):
        for segment in handle.segments(rank=rank, until_end=until_end):
            writer.write(segment)
        writer.close()


def _print_preview(connection: Connection, request: JobRequest) -> None:
    click.echo(rendered(preview_text(connection.ask(lambda client: client.preview(request)))))
