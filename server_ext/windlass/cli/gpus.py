"""`windlass gpus`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.live import Live

from windlass.cli.reporting import json_option, print_json, say
from windlass.connection import Connection, connect
from windlass.output.console import is_ascii_only, make_console
from windlass.output.gpus import gpus_view
from windlass.seen_gpus import gpu_options, snapshot, snapshots


@click.command(short_help="GPUs as they are used now, and by whom.")
@gpu_options
@json_option
def gpus(watch: bool, as_json: bool) -> None:
    """Show GPUs of this machine and of your jobs' pods: use, memory, power, who uses them, what they cost.

    With --watch --json each look is one JSON object on a line of its own.
    """
    connection = connect(near=Path.cwd(), say=say)
    if watch:
        _watch(connection, as_json=as_json)
    elif as_json:
        print_json(snapshot(connection))
    else:
        console = make_console()
        console.print(gpus_view(snapshot(connection), ascii_only=is_ascii_only(console)))


def _watch(connection: Connection, *, as_json: bool) -> None:
    if as_json:
        for seen in snapshots(connection):
            click.echo(seen.model_dump_json())
        return
    console = make_console()
    ascii_only = is_ascii_only(console)
    if not console.is_terminal:
        for seen in snapshots(connection):
            console.print(gpus_view(seen, ascii_only=ascii_only))
        return
    with Live(console=console, auto_refresh=False) as live:
        for seen in snapshots(connection):
            live.update(gpus_view(seen, ascii_only=ascii_only), refresh=True)
