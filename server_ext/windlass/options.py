"""The options of `train`, defined once: `windlass train`, `%train` and `%%train` all parse with them.

It turns words into a `JobRequest` and says in a sentence what is wrong with them. It talks to no server, prints
nothing, and does not know where a notebook lies.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from pydantic import ValidationError

from windlass.cluster_options import CLUSTER_OPTIONS, ClusterWords
from windlass.contract.base import JsonValue
from windlass.contract.jobs import JobRequest
from windlass.kernel_values import value_of
from windlass.literals import parse_duration, parse_parameter, read_parameters_file

if TYPE_CHECKING:  # generic for the type checker only: at run time since click 8.5
    _ParameterBase = click.ParamType[tuple[str, JsonValue]]
    _DurationBase = click.ParamType[int]
else:
    _ParameterBase = _DurationBase = click.ParamType

Command = TypeVar("Command", bound=Callable[..., Any])

_VARIABLE = re.compile(r"\{([^\W\d]\w*)\}")
_MAX_TIME_LIMIT_SECONDS = 60 * 60 * 24 * 60


class ParameterType(_ParameterBase):
    """`name=value`, read by the rules of `windlass.literals`.

    Where the context has variables (a magic's has those of the kernel), `name={variable}` takes the variable's value.
    """

    name = "name=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, JsonValue]:
        """One parameter; a usage error with a sentence when it is none."""
        if isinstance(value, tuple):
            return value
        variables = ctx.obj if ctx is not None and isinstance(ctx.obj, Mapping) else {}
        try:
            name, parsed = parse_parameter(value)
            if isinstance(parsed, str) and (match := _VARIABLE.fullmatch(parsed)) and variables:
                parsed = value_of(match[1], variables)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return name, parsed


class DurationType(_DurationBase):
    """`2h30m`, as whole seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Seconds; a usage error with a sentence when it is no length of time."""
        if isinstance(value, int):
            return value
        try:
            seconds = parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if seconds > _MAX_TIME_LIMIT_SECONDS:
            self.fail("The longest time limit is 60d.", param, ctx)
        return seconds


class ParametersFileType(click.Path):
    """A JSON or YAML file, as the parameters in it."""

    name = "file"

    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The file's mapping; a usage error with a sentence when it holds none."""
        if isinstance(value, dict):
            return value
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        try:
            return read_parameters_file(path)
        except ValueError as error:
            self.fail(str(error), param, ctx)


_OPTIONS = (
    click.option(
        "-w",
        "--workers",
        type=click.IntRange(1, 1024),
        default=1,
        show_default=True,
        metavar="N",
        help="Workers (nodes; on the local engine groups of processes).",
    ),
    click.option(
        "-n",
        "--processes",
        type=click.IntRange(1, 128),
        metavar="N",
        help="Processes per worker.  [default: one per GPU, else 1]",
    ),
    click.option(
        "-g",
        "--gpus",
        type=click.IntRange(0, 128),
        default=0,
        show_default=True,
        metavar="N",
        help="GPUs per worker.",
    ),
    click.option(
        "-p",
        "--parameter",
        "parameters",
        type=ParameterType(),
        multiple=True,
        metavar="NAME=VALUE",
        help="A value for the parameters cell, as JSON, else as text: -p lr=3e-4 -p tag=night. May be repeated.",
    ),
    click.option(
        "--parameters-file",
        type=ParametersFileType(),
        metavar="FILE",
        help="JSON or YAML file of parameters; -p wins over it.",
    ),
    click.option("--name", metavar="TEXT", help="A name for the job.  [default: the notebook's]"),
    click.option("--engine", metavar="ENGINE", help="Where it runs: local or kubernetes.  [default: the server's]"),
    click.option(
        "--kind", metavar="KIND", help="How the engine runs it: torchrun, python, PyTorchJob ...  [default: chosen]"
    ),
    click.option(
        "--environment", metavar="KERNEL", help="Kernel spec whose Python runs it.  [default: the notebook's]"
    ),
    click.option("--include", multiple=True, metavar="GLOB", help="Further files to send. May be repeated."),
    click.option("--exclude", multiple=True, metavar="PATTERN", help="Files not to send. May be repeated."),
    click.option("--time-limit", type=DurationType(), metavar="TIME", help="End it after this long, as 90s or 2h30m."),
    click.option(
        "--retries",
        type=click.IntRange(0, 100),
        default=0,
        show_default=True,
        metavar="N",
        help="Start it again so often after a failure.",
    ),
    click.option("--experiment", metavar="NAME", help="MLflow experiment.  [default: the notebook's name]"),
    *CLUSTER_OPTIONS,
    click.option("--allow-secrets", is_flag=True, help="Send it although it holds what looks like a secret."),
    click.option("--preview", is_flag=True, help="Show what would be sent, and send nothing."),
    click.option("--wait", is_flag=True, help="Wait for its end, showing how far it is."),
    click.option("-f", "--follow", is_flag=True, help="As --wait, with its output."),
)


def train_options(command: Command) -> Command:
    """Give a click command the options of `train`; it receives them as the keyword arguments of `TrainOptions`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, kw_only=True)
class TrainOptions(ClusterWords):
    """What was asked for, but for the notebook. Field names are those of the click options."""

    workers: int = 1
    processes: int | None = None
    gpus: int = 0
    parameters: tuple[tuple[str, JsonValue], ...] = ()
    parameters_file: dict[str, JsonValue] | None = None
    name: str | None = None
    engine: str | None = None
    kind: str | None = None
    environment: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    time_limit: int | None = None
    retries: int = 0
    experiment: str | None = None
    allow_secrets: bool = False
    preview: bool = False
    wait: bool = False
    follow: bool = False

    def request(
        self, *, notebook: str, overrides: dict[str, JsonValue] | None = None, ask_browser_to_save: bool = False
    ) -> JobRequest:
        """The request for `notebook` (relative to the server's root); `overrides` win over every other parameter.

        Raises:
            click.UsageError: an option holds what the contract does not allow; the sentence names it.
        """
        try:
            return JobRequest(
                notebook=notebook,
                name=self.name,
                engine=self.engine,
                kind=self.kind,
                workers=self.workers,
                processes_per_worker=self.processes or max(1, self.gpus),
                gpus_per_worker=self.gpus,
                parameters={**(self.parameters_file or {}), **dict(self.parameters), **(overrides or {})},
                environment=self.environment,
                include=list(self.include),
                exclude=list(self.exclude),
                time_limit_seconds=self.time_limit,
                retries=self.retries,
                cluster=self.cluster_options(),
                experiment=self.experiment,
                allow_secrets=self.allow_secrets,
                ask_browser_to_save=ask_browser_to_save,
            )
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise click.UsageError(f"{where}: {first['msg']}.") from error
