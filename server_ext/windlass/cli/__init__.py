"""The `windlass` command: jobs, runs and models from a terminal and from scripts.

It parses, asks the server through `windlass.connection`, and shows what `windlass.output` renders. Results go to
standard output, all else to standard error. With `--json` standard output holds one JSON object and nothing else.

Exit status: 0 done or succeeded, 1 failed, lost or out of order, 2 a mistake in what was asked, 3 stopped, 130 Ctrl-C.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from windlass import __version__
from windlass.cli.costs import costs
from windlass.cli.doctor import doctor
from windlass.cli.gpus import gpus
from windlass.cli.jobs import job, jobs, logs, remove, rerun, stop
from windlass.cli.models import models, promote
from windlass.cli.reporting import INTERRUPTED, report
from windlass.cli.runs import runs
from windlass.cli.train import train
from windlass.client import ClientError
from windlass.errors import WindlassError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(__version__, prog_name="windlass", message="%(prog)s %(version)s")
def commands() -> None:
    """Run a notebook as a distributed job, find the best run, promote its model.

    Job ids may be shortened to any beginning that tells them apart.
    """


for _command in (train, jobs, job, logs, stop, rerun, remove, runs, models, promote, gpus, costs, doctor):
    commands.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (`sys.argv` when left out) and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        status = commands.main(
            args=list(sys.argv[1:] if arguments is None else arguments), prog_name="windlass", standalone_mode=False
        )
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except (ClientError, WindlassError) as error:
        return report(error)
    return status if isinstance(status, int) else 0
