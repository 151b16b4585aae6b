"""What may stand on the line of each magic, parsed by click like the command line, told as one short sentence."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from IPython.core.error import UsageError

from windlass.options import train_options
from windlass.runs.magic_line import split_filter, with_values
from windlass.runs.options import MOST_RUNS, run_options
from windlass.seen_gpus import gpu_options
from windlass.spent import cost_options

_NOTEBOOK = click.argument("notebook", required=False, type=click.Path(path_type=Path))
_JOB = click.argument("job", required=False)


@click.command("train")
@_NOTEBOOK
@train_options
def train_line(**_given: object) -> None:
    """Run this notebook (or NOTEBOOK) as a job. Gives back a handle at once; the job runs on without this kernel.

    `-p lr={lr}` takes the value of this kernel's variable lr. Below %%train, lines `name = value` are parameters too.
    """


@click.command("jobs")
@click.option("--limit", type=click.IntRange(1, 500), default=10, show_default=True, help="At most so many.")
def jobs_line(**_given: object) -> None:
    """List your jobs, newest first."""


@click.command("job")
@_JOB
def job_line(**_given: object) -> None:
    """A handle on JOB; on the one sent last when left out."""


@click.command("logs")
@_JOB
@click.option("-f", "--follow", is_flag=True, help="Go on until the job ends.")
@click.option("--rank", type=click.IntRange(0), metavar="N", help="Only this process.  [default: all, merged]")
def logs_line(**_given: object) -> None:
    """Show the output of JOB; of the one sent last when left out."""


@click.command("stop")
@_JOB
@click.option("--reason", metavar="TEXT", help="Why, for the record.")
def stop_line(**_given: object) -> None:
    """End JOB for good; the one sent last from this notebook when left out."""


@click.command("runs")
@click.argument("filter", required=False, default="")
@run_options
@click.option(
    "--limit",
    type=click.IntRange(1, MOST_RUNS),
    metavar="N",
    help="At most so many.  [default: 20; with --pandas 1000]",
)
@click.option("--pandas", "as_frame", is_flag=True, help="A pandas DataFrame with all metrics and parameters.")
def runs_line(**_given: object) -> None:
    """Find runs of this notebook's experiment. FILTER is MLflow's, and needs no quotes around it.

    In `%runs metrics.accuracy > {best} --sort accuracy` the value of this kernel's variable `best` is taken.
    """


@click.command("gpus")
@gpu_options
def gpus_line(**_given: object) -> None:
    """Show GPUs of this machine and of your jobs' pods: use, memory, power, who uses them, what they cost."""


@click.command("costs")
@cost_options
def costs_line(**_given: object) -> None:
    """Sum up what your jobs cost. Days are of UTC; a dash is what is not known."""


def parse_line(command: click.Command, line: str, *, variables: Mapping[str, object]) -> dict[str, Any] | None:
    """The options on a magic's line; None when they asked for help, which has then been shown.

    Raises:
        UsageError: IPython's own, shown as a sentence without a traceback.
    """
    magic = f"%{command.name}"
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{magic}: {error}. Put a backslash before a quote that is meant as itself.") from None
    return _parsed(command, words, variables=variables)


def parse_filter_line(command: click.Command, line: str, *, variables: Mapping[str, object]) -> dict[str, Any] | None:
    """As `parse_line`, where a filter stands between the options as it is, with its own quotes."""
    try:
        options, text = split_filter(line, command=command)
        text = with_values(text, variables)
    except ValueError as error:
        raise UsageError(f"%{command.name}: {error}") from None
    return _parsed(command, [*options, "--", text], variables=variables)


def _parsed(command: click.Command, words: list[str], *, variables: Mapping[str, object]) -> dict[str, Any] | None:
    magic = f"%{command.name}"
    try:
        return command.make_context(magic, words, obj=variables).params
    except click.exceptions.Exit:
        return None
    except click.ClickException as error:
        raise UsageError(f"{magic}: {error.format_message()} (`{magic} --help` lists the options.)") from None
