"""A run as it was read of MLflow, once and for all taken apart.

MLflow's answer for one run is a list of pairs per kind, 8 kB of it; whoever shows, compares or sorts it wants to look a
key up. What MLflow writes in its own way (numbers as words, infinity as the greatest number a database holds) is made
plain here and nowhere else. It asks nobody.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from windlass.contract.runs import DatasetInput, RunStatus
from windlass.errors import Upstream

_GREATEST = 1.7976931348623157e308
_FINAL = frozenset({RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED})
_RUN_BYTES = 1500
_PAIR_BYTES = 120
_CONTEXT = "mlflow.data.context"


class Latest(NamedTuple):
    """The newest value of a metric."""

    value: float
    """May be NaN or infinite."""
    step: int | None
    time_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run. Times are POSIX milliseconds; unknown values are None."""

    id: str
    experiment_id: str
    name: str
    status: RunStatus
    deleted: bool
    user_id: str | None
    started_ms: int | None
    ended_ms: int | None
    metrics: dict[str, Latest]
    params: dict[str, str]
    tags: dict[str, str]
    inputs: tuple[DatasetInput, ...]
    model_outputs: tuple[str, ...]
    """Ids of the LoggedModels it made."""
    artifact_uri: str
    size_bytes: int = field(compare=False)
    """About what it takes to keep."""

    @property
    def has_ended(self) -> bool:
        """Whether only a hand would still change it."""
        return self.status in _FINAL and self.ended_ms is not None

    def number(self, key: str) -> float | None:
        """A number that is a metric, or in older records a tag of the same name; None when unknown or not finite."""
        latest = self.metrics.get(key)
        value = latest.value if latest is not None else _number_in(self.tags.get(key))
        return value if value is not None and math.isfinite(value) else None


def record_of(run: Mapping[str, Any]) -> RunRecord:
    """A run of MLflow's, as `runs/search` and `runs/get` give it. Raises Upstream when it is none."""
    try:
        return _record_of(run)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"MLflow answered a run that cannot be understood: {type(error).__name__} in it."
        raise Upstream(message) from error


def number_of(value: object) -> float:
    """A metric's value: MLflow writes `NaN` and the infinities as words. Raises ValueError for what is no number."""
    number = float(value)  # type: ignore[arg-type]  # what it does not take is what is to be raised
    # MLflow's databases keep an infinity as the greatest finite number.
    return math.copysign(math.inf, number) if abs(number) >= _GREATEST else number


def plain(value: float) -> float | str:
    """A number as it crosses the wire: JSON has no NaN and no infinities."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _record_of(run: Mapping[str, Any]) -> RunRecord:
    info, data = run["info"], run.get("data") or {}
    metrics = {
        str(metric["key"]): Latest(
            number_of(metric.get("value", 0.0)), _whole(metric, "step"), _whole(metric, "timestamp")
        )
        for metric in data.get("metrics") or ()
    }
    params = {str(param["key"]): str(param.get("value", "")) for param in data.get("params") or ()}
    tags = {str(tag["key"]): str(tag.get("value", "")) for tag in data.get("tags") or ()}
    run_id = str(info.get("run_id") or info["run_uuid"])
    outputs = (run.get("outputs") or {}).get("model_outputs") or ()
    texts = sum(len(key) + len(value) for texts in (params, tags) for key, value in texts.items())
    pairs = len(metrics) + len(params) + len(tags)
    return RunRecord(
        id=run_id,
        experiment_id=str(info["experiment_id"]),
        name=str(info.get("run_name") or tags.get("mlflow.runName") or run_id),
        status=RunStatus(info.get("status", "RUNNING")),
        deleted=info.get("lifecycle_stage") == "deleted",
        user_id=info.get("user_id") or None,
        started_ms=_whole(info, "start_time"),
        ended_ms=_whole(info, "end_time"),
        metrics=metrics,
        params=params,
        tags=tags,
        inputs=tuple(_inputs(run)),
        model_outputs=tuple(str(output["model_id"]) for output in outputs if output.get("model_id")),
        artifact_uri=str(info.get("artifact_uri") or ""),
        size_bytes=_RUN_BYTES + pairs * _PAIR_BYTES + texts,
    )


def _inputs(run: Mapping[str, Any]) -> list[DatasetInput]:
    found = []
    for given in (run.get("inputs") or {}).get("dataset_inputs") or ():
        dataset = given.get("dataset") or {}
        context = next((tag.get("value") for tag in given.get("tags") or () if tag.get("key") == _CONTEXT), None)
        found.append(
            DatasetInput(
                name=str(dataset.get("name") or ""),
                digest=str(dataset.get("digest") or ""),
                context=context,
                source=dataset.get("source"),
            )
        )
    return found


def _whole(values: Mapping[str, Any], key: str) -> int | None:
    # Protocol buffers write 64-bit numbers as words, and leave 0 out.
    value = values.get(key)
    if value is None or value == "":
        return None
    return int(value) or (0 if key == "step" else None)


def _number_in(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
