"""What a job took, on its MLflow run: as metrics, since MLflow sorts those as numbers.

Figures become known late, and others when prices do. MLflow keeps every value of a metric and shows the one with the
highest step, timestamp and value: a corrected figure is a later point, and the same figure is none. It knows no ledger.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from windlass.services.pending_records import Figures
from windlass.tracking.client import MlflowRest

COST, GPU_HOURS, IDLE = "windlass.cost_usd", "windlass.gpu_hours", "windlass.gpu_idle_fraction"
_SAME = 1e-12
"""Relative: a database may have kept fewer digits."""


async def put_figures(
    mlflow: MlflowRest,
    run: Mapping[str, Any],
    figures: Figures,
    *,
    ended_at: float,
    clock: Callable[[], float] = time.time,
) -> None:
    """Have a run say what a job took; nothing is sent where it says so already.

    A figure that is not known any more becomes `NaN`, which MLflow and its clients take for no number: a metric cannot
    be taken back. Raises Unavailable and MlflowRefused.

    Args:
        mlflow: where the run is.
        run: as MLflow has it now, with its latest metrics.
        figures: what the job took.
        ended_at: of the job, POSIX seconds: the time of the first figures.
        clock: POSIX seconds: the time of corrections.
    """
    wanted = {COST: figures.cost_usd, GPU_HOURS: figures.gpu_hours, IDLE: figures.gpu_idle_fraction}
    said = {str(metric["key"]): metric for metric in run.get("data", {}).get("metrics", [])}
    points: dict[tuple[float, int], dict[str, float]] = {}
    for key, value in wanted.items():
        there = said.get(key)
        if there is None:
            if value is not None:
                points.setdefault((ended_at, 0), {})[key] = value
            continue
        number = math.nan if value is None else value
        if not _same(float(there["value"]), number):
            later = max(clock(), (int(there["timestamp"]) + 1) / 1000)
            points.setdefault((later, int(there.get("step") or 0)), {})[key] = number
    for (at, step), metrics in points.items():
        await mlflow.log_metrics(str(run["info"]["run_id"]), metrics, at=at, step=step)


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_SAME) or (math.isnan(one) and math.isnan(other))
