"""`windlass runs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.text import Text

from windlass.cli.reporting import json_option, print_json, report, say
from windlass.client import ClientError
from windlass.connection import connect
from windlass.output.console import errors_console, is_ascii_only, make_console
from windlass.output.pointing import pointer
from windlass.output.run_detail import runs_in_full
from windlass.output.runs import runs_table, summary
from windlass.runs.options import MOST_RUNS, TABLE_LIMIT, RunsWanted, experiments_noted, run_options
from windlass.runs.search import find_runs
from windlass.tracked import Tracked


@click.command(short_help="Find runs of your experiments, the best first.")
@click.argument("filter", required=False, default="")
@run_options
@click.option(
    "--limit", type=click.IntRange(1, MOST_RUNS), default=TABLE_LIMIT, show_default=True, help="At most so many."
)
@click.option("--full", is_flag=True, help="Show each run in full: its id, data, commit, all parameters and metrics.")
@json_option
@click.pass_context
def runs(context: click.Context, /, full: bool, as_json: bool, **given: Any) -> None:
    """List runs of your experiments; of all of them, unless MLFLOW_EXPERIMENT_NAME or --experiment names one.

    FILTER is MLflow's: "metrics.accuracy > 0.9 AND params.optimizer = 'adam'". Put it in quotes.
    """
    wanted = RunsWanted(**given)
    tracked = Tracked(connection=connect(near=Path.cwd(), say=say), say=say)
    try:
        found = find_runs(tracked, wanted, likely=experiments_noted(), all_columns=as_json or full)
    except ClientError as error:
        status = report(error)
        lines = pointer(error.problem, wanted.filter)
        if lines is not None:
            errors_console().print(Text("\n".join(f"  {line}" for line in lines.splitlines())), soft_wrap=True)
        context.exit(status)
    for note in found.notes:
        say(f"note: {note}")
    if as_json:
        print_json(found.page)
        return
    console = make_console()
    if found.page.items:
        ascii_only = is_ascii_only(console)
        table = runs_in_full(found, ascii_only=ascii_only) if full else None
        console.print(table or runs_table(found, width=console.width, ascii_only=ascii_only), crop=False)
    say(summary(found))
