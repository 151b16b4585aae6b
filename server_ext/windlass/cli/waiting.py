"""Waiting for a job at a terminal: its progress on standard error, its output where asked, Ctrl-C leaves it running."""

from __future__ import annotations

from typing import TextIO

from windlass.cli.reporting import print_json, say
from windlass.connection import Connection
from windlass.contract.jobs import Job
from windlass.output.console import errors_console, is_ascii_only, make_console
from windlass.output.jobs import ending
from windlass.output.logs import LogWriter
from windlass.output.progress import ProgressDisplay


def wait_for(connection: Connection, *, job: Job, log_to: TextIO | None, as_json: bool) -> Job:
    """Wait for the job's end and show it: JSON on standard output, or the last words on standard error.

    Raises:
        KeyboardInterrupt: Ctrl-C; the job goes on, and that has been said.
    """
    for notice in job.notices:
        say(f"note: {notice}")
    try:
        job = _watch(connection, job=job, log_to=log_to)
    except KeyboardInterrupt:
        say(f"{job.id} goes on. Stop it with `windlass stop {job.id}`, watch it with `windlass logs -f {job.id}`.")
        raise
    if as_json:
        print_json(job)
    console = errors_console() if as_json else make_console()
    console.print(ending(job, ascii_only=is_ascii_only(console)), crop=False)
    return job


def _watch(connection: Connection, *, job: Job, log_to: TextIO | None) -> Job:
    console = errors_console()
    writer = log_writer(log_to, job=job) if log_to is not None else None
    shares_terminal = log_to is not None and log_to.isatty()
    with ProgressDisplay(console=console, live=False if shares_terminal else None) as display:
        display.show(job)
        for news in connection.follow(job.id, log=writer is not None):
            if isinstance(news, Job):
                job = news
                display.show(job)
            elif writer is not None:
                writer.write(news)
    if writer is not None:
        writer.close()
    return job


def log_writer(stream: TextIO, *, job: Job, rank: int | None = None) -> LogWriter:
    """A writer of the job's output; ranks are named when there are several and not one was asked for."""
    colours = make_console(stream).color_system is not None
    return LogWriter(stream=stream, with_ranks=job.world_size > 1 and rank is None, colours=colours)
