"""Names of what runs can be shown and sorted by: `accuracy` as people write it, `metrics.accuracy` as the wire has it.

It knows what every run has; which metrics, parameters and tags there are, it is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from difflib import get_close_matches

from windlass.contract.experiments import ColumnList
from windlass.contract.runs import Run
from windlass.errors import InvalidRequest

ATTRIBUTES = (
    "start_time", "end_time", "duration", "status", "run_name", "user_id", "notebook", "git_commit", "data_version",
    "cost", "gpu_hours", "job", "parent", "experiment",
)  # fmt: skip
"""What every run has, whether known or not; in the order of importance that lists give it."""

_KINDS = {
    "metric": "metrics", "metrics": "metrics",
    "param": "params", "params": "params", "parameter": "params", "parameters": "params",
    "tag": "tags", "tags": "tags",
    "attribute": "attributes", "attributes": "attributes", "attr": "attributes", "run": "attributes",
}  # fmt: skip
_ALSO = {
    "user": "user_id", "name": "run_name", "started": "start_time", "ended": "end_time", "took": "duration",
    "git": "git_commit", "data": "data_version", "cost_usd": "cost", "state": "status", "job_id": "job",
}  # fmt: skip
_ONE_OF = {"metrics": "a metric", "params": "a parameter", "tags": "a tag"}
_IN_FILTER = re.compile(r"\b(metrics?|param(?:eter)?s?|tags?)\.(`[^`]+`|\"[^\"]+\"|[\w./-]+)")


def column_named(name: str, known: ColumnList) -> str:
    """The column as the wire names it. Raises InvalidRequest for a name that is none, or could be several."""
    kind, _, key = name.partition(".")
    if kind in _KINDS and key:
        return _column(_KINDS[kind], _bare(key))
    key = _bare(name)
    if _ALSO.get(key, key) in ATTRIBUTES:
        return f"attributes.{_ALSO.get(key, key)}"
    kinds = [kind for kind, keys in _keys(known) if key in keys]
    if not kinds:
        raise InvalidRequest(_unknown(name, known))
    if len(kinds) > 1:
        several = " and ".join(_ONE_OF[kind] for kind in kinds)
        ways = " or ".join(f"{kind}.{key}" for kind in kinds)
        raise InvalidRequest(f"{key!r} is {several}: write {ways}.")
    return f"{kinds[0]}.{key}"


def nearest(column: str, known: ColumnList) -> str | None:
    """A column of the same kind that may have been meant by one that is not known; None when it is, or none is near."""
    kind, _, key = column.partition(".")
    keys = dict(_keys(known)).get(kind, [])
    near = [] if key in keys else get_close_matches(key, keys, n=1)
    return f"{kind}.{near[0]}" if near else None


def columns_in_filter(text: str, known: ColumnList) -> Iterator[str]:
    """Metrics, parameters and tags that a filter speaks of, and that there are."""
    for kind, key in _IN_FILTER.findall(text):
        if _bare(key) in dict(_keys(known))[_KINDS[kind]]:
            yield f"{_KINDS[kind]}.{_bare(key)}"


def attribute(run: Run, key: str, *, experiments: dict[str, str]) -> datetime | float | str | None:
    """What a run has under one of ATTRIBUTES; `experiments` has the names of theirs by id."""
    values: dict[str, datetime | float | str | None] = {
        "start_time": run.started_at,
        "end_time": run.ended_at,
        "duration": run.duration_seconds,
        "status": run.status.value,
        "run_name": run.name,
        "user_id": run.user,
        "notebook": run.notebook,
        "git_commit": run.git_commit,
        "data_version": run.data_version,
        "cost": run.cost_usd,
        "gpu_hours": run.gpu_hours,
        "job": run.job_id,
        "parent": run.parent_id,
        "experiment": experiments.get(run.experiment_id, run.experiment_id),
    }
    return values[key]


def _column(kind: str, key: str) -> str:
    if kind != "attributes":
        return f"{kind}.{key}"
    key = _ALSO.get(key, key)
    if key in ATTRIBUTES:
        return f"attributes.{key}"
    raise InvalidRequest(f"Runs have no attribute {key!r}: theirs are {', '.join(ATTRIBUTES)}.")


def _keys(known: ColumnList) -> tuple[tuple[str, list[str]], ...]:
    return ("metrics", known.metrics), ("params", known.params), ("tags", known.tags)


def _bare(key: str) -> str:
    """Without the quotes that a filter would need."""
    return key[1:-1] if len(key) > 2 and key[0] == key[-1] and key[0] in '`"' else key


def _unknown(name: str, known: ColumnList) -> str:
    there = [*ATTRIBUTES, *known.metrics, *known.params]
    near = get_close_matches(name, there, n=1)
    if near:
        return f"No run has {name!r}; did you mean {near[0]!r}?"
    some = ", ".join(known.metrics[:5])
    example = f" There are the metrics {some}{' ...' if len(known.metrics) > 5 else ''}." if some else ""
    unsure = "" if known.complete else f" If older runs have it, write metrics.{name} or params.{name}."
    return f"No run has {name!r}.{example}{unsure}"
