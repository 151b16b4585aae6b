"""Runs that were found, and what is to be shown of them: what a table, a web page and a DataFrame are made of.

It holds values as they are; how they look is known in `output`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from windlass.contract.experiments import Experiment
from windlass.contract.runs import Run, RunPage
from windlass.errors import Unavailable
from windlass.runs.columns import attribute

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class FoundRuns:
    """Runs in the order asked for."""

    page: RunPage
    """All of them, with the metrics, parameters and tags that were read."""
    experiments: tuple[Experiment, ...]
    """Where they were looked for."""
    everywhere: bool
    """Whether that was wherever there are runs, as nobody named an experiment."""
    columns: tuple[str, ...]
    """What to show beside what every list shows, the most important first: `attributes.<key>`, or one of the page's."""
    asked: int
    """How many of `columns` were asked for; the others may be left out where there is no room."""
    sort: str
    ascending: bool
    narrowed: bool
    """Whether there was a filter."""
    notes: tuple[str, ...] = ()
    """Sentences for a person, as that a name was not found."""

    @cached_property
    def _places(self) -> dict[str, int]:
        return {column: place for place, column in enumerate(self.page.columns)}

    @cached_property
    def experiment_names(self) -> dict[str, str]:
        """By id."""
        return {experiment.id: experiment.name for experiment in self.experiments}

    def value(self, run: Run, column: str) -> datetime | float | str | None:
        """What a run has in a column; None when it has no such value. Numbers that are not finite are words."""
        kind, _, key = column.partition(".")
        if kind == "attributes":
            return attribute(run, key, experiments=self.experiment_names)
        return run.values[self._places[column]]

    def data_frame(self) -> pd.DataFrame:
        """The runs as a pandas DataFrame: a row for each, metrics as numbers, moments in UTC.

        Raises:
            Unavailable: there is no pandas in this environment.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            raise Unavailable(
                "There is no pandas in this kernel's environment: run `%pip install pandas`, or leave --pandas out."
            ) from error
        runs = self.page.items
        frame: dict[str, object] = {
            "run_id": [run.id for run in runs],
            "run_name": [run.name for run in runs],
            "experiment": [self.experiment_names.get(run.experiment_id, run.experiment_id) for run in runs],
            "status": [run.status.value for run in runs],
            "start_time": pd.to_datetime([run.started_at for run in runs], utc=True),
            "end_time": pd.to_datetime([run.ended_at for run in runs], utc=True),
            "duration_seconds": _numbers([run.duration_seconds for run in runs]),
            "cost_usd": _numbers([run.cost_usd for run in runs]),
            "gpu_hours": _numbers([run.gpu_hours for run in runs]),
        }
        for name in ("user", "notebook", "git_commit", "data_version", "job_id", "parent_id", "url"):
            frame[name] = [getattr(run, name) for run in runs]
        for place, column in enumerate(self.page.columns):
            values = [run.values[place] for run in runs]
            frame[column] = _numbers(values) if column.startswith("metrics.") else values
        return pd.DataFrame(frame)


def _numbers(values: list[float | str | None] | list[float | None]) -> list[float]:
    """As a DataFrame has them: words for what is not finite become numbers, and nothing becomes NaN."""
    return [float("nan") if value is None else float(value) for value in values]
