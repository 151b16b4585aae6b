"""`windlass jobs`, `job`, `logs`, `stop`, `rerun` and `remove`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from windlass.cli.reporting import exit_status, json_option, print_json, say
from windlass.cli.waiting import log_writer, wait_for
from windlass.client import ClientError
from windlass.connection import Connection, connect
from windlass.contract.base import JsonValue
from windlass.contract.cluster import JobPlacement
from windlass.contract.jobs import Job, JobList, JobState
from windlass.options import ParametersFileType, ParameterType
from windlass.output.console import is_ascii_only, make_console
from windlass.output.jobs import job_detail, jobs_table, state_text
from windlass.output.placement import placement_view

_STATES = [state.value for state in JobState]


def _connect() -> Connection:
    return connect(near=Path.cwd(), say=say)


def _find(connection: Connection, beginning: str | None) -> Job:
    return connection.latest_job() if beginning is None else connection.job(beginning)


@click.command()
@click.option(
    "--state",
    "states",
    type=click.Choice(_STATES),
    multiple=True,
    metavar="STATE",
    help=f"Only those that are {', '.join(_STATES[:-1])} or {_STATES[-1]}. May be repeated.",
)
@click.option("--search", metavar="TEXT", help="Only those with this in id, name, notebook or experiment.")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="At most so many.")
@json_option
def jobs(states: Sequence[str], search: str | None, limit: int, as_json: bool) -> None:
    """List your jobs, newest first."""
    wanted = [JobState(state) for state in states]
    page: JobList = _connect().ask(lambda client: client.jobs(state=wanted, q=search, limit=limit))
    if as_json:
        print_json(page)
    elif page.items:
        console = make_console()
        console.print(jobs_table(page.items, ascii_only=is_ascii_only(console)))
        if page.next_cursor is not None:
            say(f"There are older ones: --limit {min(500, limit * 5)} shows more.")
    else:
        narrowed = states or search
        say("No job is like that." if narrowed else "No jobs yet. `windlass train NOTEBOOK` sends one.")


@click.command()
@click.argument("job", required=False)
@click.option(
    "--save-notebook",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write the executed notebook there, as far as it has come.",
)
@json_option
def job(job: str | None, save_notebook: Path | None, as_json: bool) -> None:
    """Show one JOB in full; the last one sent when left out."""
    connection = _connect()
    found = _find(connection, job)
    if save_notebook is not None:
        content = connection.ask(lambda client: client.notebook(found.id))
        save_notebook.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        say(f"The executed notebook is in {save_notebook}.")
    if as_json:
        print_json(found)
    else:
        console = make_console()
        console.print(job_detail(found, ascii_only=is_ascii_only(console)), crop=False)
        placement = _placement(connection, found)
        if placement is not None:
            console.print(placement_view(placement), crop=False)


def _placement(connection: Connection, found: Job) -> JobPlacement | None:
    """Where it is; None for a job that is in no cluster, or whose server does not know."""
    if found.engine == "local":
        return None
    try:
        return connection.ask(lambda client: client.placement(found.id))
    except ClientError as error:
        say(f"note: {error}")
        return None


@click.command()
@click.argument("job", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on until the job ends.")
@click.option("--rank", type=click.IntRange(0), metavar="N", help="Only this process.  [default: all, merged]")
@json_option
def logs(job: str | None, follow: bool, rank: int | None, as_json: bool) -> None:
    """Show the output of JOB; of the last one sent when left out.

    With --json each piece of output is one JSON object on a line of its own.
    """
    connection = _connect()
    found = _find(connection, job)
    writer = log_writer(sys.stdout, job=found, rank=rank)
    for segment in connection.output(found.id, rank=rank, until_end=follow):
        if as_json:
            click.echo(segment.model_dump_json())
        else:
            writer.write(segment)
    writer.close()


@click.command()
@click.argument("job")
@click.option("--reason", metavar="TEXT", help="Why, for the record.")
@json_option
def stop(job: str, reason: str | None, as_json: bool) -> None:
    """End JOB for good, with all its processes."""
    connection = _connect()
    found = connection.job(job)
    if found.state.is_final:
        say(f"{found.id} has ended already: {found.state.value}.")
    else:
        found = connection.ask(lambda client: client.stop(found.id, reason))
    _show_state(found, as_json=as_json)


@click.command(short_help="Run JOB again as it was sent.")
@click.argument("job")
@click.option(
    "-p",
    "--parameter",
    "parameters",
    type=ParameterType(),
    multiple=True,
    metavar="NAME=VALUE",
    help="Another value for one parameter. May be repeated.",
)
@click.option("--parameters-file", type=ParametersFileType(), metavar="FILE", help="JSON or YAML file of parameters.")
@click.option("--wait", is_flag=True, help="Wait for its end, showing how far it is.")
@click.option("-f", "--follow", is_flag=True, help="As --wait, with its output.")
@json_option
@click.pass_context
def rerun(
    context: click.Context,
    *,
    job: str,
    parameters: Sequence[tuple[str, JsonValue]],
    parameters_file: dict[str, JsonValue] | None,
    wait: bool,
    follow: bool,
    as_json: bool,
) -> None:
    """Run the code of JOB again as it was sent; parameters not named keep their values."""
    connection = _connect()
    found = connection.job(job)
    changed = {**(parameters_file or {}), **dict(parameters)}
    again = connection.rerun(found.id, parameters={**found.parameters, **changed} if changed else None)
    if wait or follow:
        log_to = None if not follow else sys.stderr if as_json else sys.stdout
        again = wait_for(connection, job=again, log_to=log_to, as_json=as_json)
        context.exit(exit_status(again.state))
    _show_state(again, as_json=as_json)


@click.command()
@click.argument("job")
def remove(job: str) -> None:
    """Forget JOB, which must have ended, with its files."""
    connection = _connect()
    found = connection.job(job)
    connection.ask(lambda client: client.remove(found.id))
    say(f"{found.id} is removed.")


def _show_state(job: Job, *, as_json: bool) -> None:
    if as_json:
        print_json(job)
        return
    console = make_console()
    line = state_text(job, ascii_only=is_ascii_only(console))
    line.append(f"  {job.id}", "bold")
    console.print(line, soft_wrap=True)
