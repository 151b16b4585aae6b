"""What every command shares: JSON for scripts, errors as sentences, and which exit status a job's end has."""

from __future__ import annotations

import json
import sys

import click
from pydantic import ValidationError
from rich.text import Text

from windlass.client import ClientError
from windlass.contract.base import WireModel
from windlass.contract.jobs import JobState
from windlass.contract.preview import Finding
from windlass.errors import Conflict, Forbidden, InvalidRequest, NotFound, WindlassError
from windlass.output import text
from windlass.output.console import errors_console
from windlass.output.preview import finding_text

FAILED, USAGE, STOPPED, INTERRUPTED = 1, 2, 3, 130

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")


def exit_status(state: JobState) -> int:
    """The exit status of a command that waited for a job."""
    return {JobState.SUCCEEDED: 0, JobState.STOPPED: STOPPED}.get(state, FAILED)


def print_json(model: WireModel) -> None:
    """A model as one JSON object on standard output, in ASCII so that no terminal or pipe can spoil it."""
    click.echo(json.dumps(model.model_dump(mode="json"), indent=2))


def say(sentence: str) -> None:
    """A sentence for a person, on standard error."""
    errors_console().print(Text(text.one_line(sentence)), soft_wrap=True)


def report(error: ClientError | WindlassError) -> int:
    """Say what went wrong on standard error, and return the exit status that goes with it."""
    console = errors_console()
    console.print(Text.assemble(("error: ", "bold red"), text.one_line(str(error))), soft_wrap=True)
    if not isinstance(error, ClientError):
        mistake = isinstance(error, (InvalidRequest, NotFound, Conflict, Forbidden))
        return USAGE if mistake else FAILED
    if error.problem is not None:
        for field in error.problem.fields:
            if field.message in str(error):
                continue
            console.print(Text(f"  {text.one_line(field.field)}: {text.one_line(field.message)}"), soft_wrap=True)
        for finding in _findings(error.problem.extra.get("findings")):
            console.print(finding_text(finding), soft_wrap=True)
    return USAGE if error.status is not None and 400 <= error.status < 500 else FAILED


def _findings(raw: object) -> list[Finding]:
    if not isinstance(raw, list):
        return []
    try:
        return [Finding.model_validate(item) for item in raw]
    except ValidationError:
        return []


def stdout_wants_colour() -> bool:
    """Whether colours of a job's own output may go to standard output."""
    from windlass.output.console import make_console

    return make_console(sys.stdout).color_system is not None
