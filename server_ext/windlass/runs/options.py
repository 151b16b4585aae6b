"""The options of `runs`, defined once: `windlass runs` and `%runs` both parse with them.

It knows what may be written, not what there is: names of experiments and columns are looked up in `search`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

TABLE_LIMIT = 20
FRAME_LIMIT = 1_000
MOST_RUNS = 10_000
NEWEST = "start_time"


def _split(_context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """Names may be separated by commas (MLflow allows none in them) or given one by one; once is enough for each."""
    return tuple(dict.fromkeys(name.strip() for words in given for name in words.split(",") if name.strip()))


_OPTIONS = (
    click.option(
        "-e",
        "--experiment",
        "experiments",
        multiple=True,
        metavar="NAME",
        help="Only runs of this experiment (its name or id). May be repeated.",
    ),
    click.option(
        "--sort",
        metavar="COLUMN",
        default=NEWEST,
        show_default=True,
        help="A metric, parameter or tag, as accuracy or metrics.accuracy; or start_time, end_time, status, run_name, "
        "user_id, cost, gpu_hours.",
    ),
    click.option("--asc", "ascending", is_flag=True, help="The smallest (oldest) first.  [default: the greatest]"),
    click.option(
        "-c",
        "--columns",
        multiple=True,
        callback=_split,
        metavar="NAMES",
        help="What to show of each run: metrics, parameters, tags; user, notebook, git_commit, data_version, cost, "
        "gpu_hours, job ... Separate them by commas.",
    ),
)


def run_options(command: Command) -> Command:
    """Give a click command the options of `runs`, which fill `RunsWanted`; the filter and the limit are its own."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, kw_only=True)
class RunsWanted:
    """Which runs, in which order, with what of them. Field names are those of the click options."""

    filter: str = ""
    experiments: tuple[str, ...] = ()
    sort: str = NEWEST
    ascending: bool = False
    columns: tuple[str, ...] = ()
    limit: int = TABLE_LIMIT


def experiments_noted(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Experiments that MLflow's own variables name; `mlflow.set_experiment` sets one in a kernel, a job the other."""
    noted = (environment.get("MLFLOW_EXPERIMENT_ID"), environment.get("MLFLOW_EXPERIMENT_NAME"))
    return tuple(name for name in noted if name)
