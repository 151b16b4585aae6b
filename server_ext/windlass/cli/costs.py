"""`windlass costs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from windlass.cli.reporting import json_option, print_json, say
from windlass.connection import connect
from windlass.output.console import make_console
from windlass.output.costs import cost_notes, costs_table, nothing
from windlass.spent import CostsWanted, cost_options, report, table


@click.command(short_help="What your jobs cost, by job, experiment, day or user.")
@cost_options
@click.option("--csv", "as_csv", is_flag=True, help="A table for a spreadsheet on standard output.")
@json_option
def costs(as_csv: bool, as_json: bool, **given: Any) -> None:
    """Sum up what your jobs cost; days are of UTC. A dash is what is not known."""
    if as_csv and as_json:
        raise click.UsageError("--csv and --json are two forms of the same: leave one out.")
    wanted = CostsWanted(**given)
    connection = connect(near=Path.cwd(), say=say)
    if as_csv:
        click.echo(table(connection, wanted), nl=False)
        return
    found = report(connection, wanted)
    if as_json:
        print_json(found)
        return
    if found.items:
        make_console().print(costs_table(found))
    else:
        say(nothing(found))
    for note in cost_notes(found):
        say(f"note: {note}")
