"""`windlass train`: send a notebook, and wait for it if asked to."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, TextIO

import click

from windlass.cli.reporting import exit_status, json_option, print_json, say
from windlass.cli.waiting import wait_for
from windlass.connection import connect
from windlass.contract.jobs import Job
from windlass.options import TrainOptions, train_options
from windlass.output.console import is_ascii_only, make_console
from windlass.output.jobs import state_text
from windlass.output.preview import preview_text


@click.command(short_help="Run a notebook as a job.")
@click.argument("notebook", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@train_options
@json_option
@click.pass_context
def train(context: click.Context, /, notebook: Path, as_json: bool, **given: Any) -> None:
    """Run NOTEBOOK as a job, on as many processes as you like.

    It runs on, whatever becomes of this terminal. With --wait (or --follow) the exit status is that of the job:
    0 succeeded, 1 failed or lost, 3 stopped; 2 means that it was not sent, because of a mistake in what was asked.
    """
    options = TrainOptions(**given)
    connection = connect(near=notebook, say=say)
    request = options.request(notebook=connection.relative_path(notebook))
    if options.preview:
        preview = connection.ask(lambda client: client.preview(request))
        if as_json:
            print_json(preview)
        else:
            make_console().print(preview_text(preview))
        context.exit(0 if preview.can_submit else 2)
    job = connection.submit(request)
    if options.wait or options.follow:
        job = wait_for(connection, job=job, log_to=_log_stream(options, as_json=as_json), as_json=as_json)
        context.exit(exit_status(job.state))
    if as_json:
        print_json(job)
    else:
        _say_sent(job)


def _log_stream(options: TrainOptions, *, as_json: bool) -> TextIO | None:
    if not options.follow:
        return None
    return sys.stderr if as_json else sys.stdout


def _say_sent(job: Job) -> None:
    console = make_console()
    line = state_text(job, ascii_only=is_ascii_only(console))
    line.append(f"  {job.id}", "bold")
    console.print(line, soft_wrap=True)
    for notice in job.notices:
        say(f"note: {notice}")
    say(f"See its output with `windlass logs -f {job.id}`, stop it with `windlass stop {job.id}`.")
