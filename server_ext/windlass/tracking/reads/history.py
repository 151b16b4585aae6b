"""Metric histories, sampled so that a million points can be drawn.

The server samples where it can. Where it cannot (before 2.10, or another kind of server), pages of the whole history
are read, up to a bound, and sampled here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from windlass.tracking.answers import MlflowRefused
from windlass.tracking.reads.facts import FactReads
from windlass.tracking.reads.pages import each, objects_of, page_of
from windlass.tracking.rest import MlflowHttp, Query

MOST_POINTS = 2500
MOST_RUNS = 100
_ENDPOINTS = ("metrics/get-history-bulk-interval", "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval")
_FARTHEST_STEP = 2**63 - 1
_PAGE_POINTS = 25_000
_MOST_READ = 100_000
Point = dict[str, Any]


@dataclass(frozen=True)
class History:
    """One metric of one run."""

    points: list[Point]
    """By step: `step`, `timestamp` (POSIX milliseconds), `value` (a number, or the word NaN).

    MLflow's databases keep infinities as the greatest and least float64 (±1.7976931348623157e308)."""
    total: int | None
    """How many there are in all; None when there are more than MLflow told of."""

    @property
    def is_sampled(self) -> bool:
        """Whether there are points that are not here."""
        return self.total is None or self.total > len(self.points)


class HistoryReads:
    """Metric histories of one server."""

    def __init__(self, http: MlflowHttp, facts: FactReads) -> None:
        self._http = http
        self._facts = facts

    async def sampled(
        self,
        *,
        run_ids: Sequence[str],
        metric: str,
        points: int,
        from_step: int | None = None,
        to_step: int | None = None,
    ) -> dict[str, History]:
        """A metric of up to 100 runs, at most `points` (2 to 2,500) of each; first and last are always among them.

        Runs without the metric have an empty history; runs that are gone have one too, or are left out.
        """
        wanted = list(dict.fromkeys(run_ids))
        if not wanted:
            return {}
        window = _Window(metric=metric, points=points, first=from_step, last=to_step)
        try:
            together = await self._by_server(wanted, window)
        except MlflowRefused as refused:
            # One run that is gone makes MLflow refuse all of them.
            if not refused.is_missing:
                raise
            together = None
        if together is not None:
            return together
        found = await each(wanted, lambda run_id: self._of_one(run_id, window))
        histories: dict[str, History] = {}
        for run_id, history in found.items():
            if isinstance(history, History):
                histories[run_id] = history
            elif not history.is_missing:
                raise history
        return histories

    async def _of_one(self, run_id: str, window: _Window) -> History:
        sampled = await self._by_server([run_id], window)
        return sampled[run_id] if sampled is not None else await self._by_pages(run_id, window)

    async def _by_server(self, run_ids: list[str], window: _Window) -> dict[str, History] | None:
        """Histories that the server sampled; None when it cannot. Raises MlflowRefused when a run is gone."""
        if not (await self._facts.get()).bulk_interval:
            return None
        for endpoint in _ENDPOINTS:
            try:
                answer = await self._http.get(endpoint, window.query(run_ids))
            except MlflowRefused as refused:
                if refused.status == 404 and not refused.error_code:
                    continue
                raise
            return window.split(run_ids, objects_of(answer, "metrics"))
        return None

    async def _by_pages(self, run_id: str, window: _Window) -> History:
        points: list[Point] = []
        token: str | None = None
        while True:
            query: dict[str, str | int | list[str]] = {"run_id": run_id, "metric_key": window.metric}
            query |= {"max_results": _PAGE_POINTS} | ({"page_token": token} if token else {})
            page = page_of(await self._http.get("metrics/get-history", query), "metrics")
            points += [_point(metric) for metric in page.items]
            token = page.token
            if not token or len(points) >= _MOST_READ:
                break
        inside = sorted((point for point in points if window.holds(point)), key=_place)
        return History(points=thinned(inside, window.points), total=None if token else len(inside))


@dataclass(frozen=True, kw_only=True)
class _Window:
    """What is asked of each run."""

    metric: str
    points: int
    first: int | None
    last: int | None

    def query(self, run_ids: list[str]) -> Query:
        asked: dict[str, str | int | list[str]] = {
            "run_ids": run_ids,
            "metric_key": self.metric,
            "max_results": min(max(self.points, 1), MOST_POINTS),
        }
        if self.first is not None or self.last is not None:
            # MLflow takes both or neither.
            asked["start_step"] = -_FARTHEST_STEP if self.first is None else self.first
            asked["end_step"] = _FARTHEST_STEP if self.last is None else self.last
        return asked

    def split(self, run_ids: list[str], metrics: list[dict[str, Any]]) -> dict[str, History]:
        by_run: dict[str, list[Point]] = {run_id: [] for run_id in run_ids}
        for metric in metrics:
            by_run.setdefault(str(metric.get("run_id")), []).append(_point(metric))
        return {run_id: self._history(by_run[run_id]) for run_id in run_ids}

    def _history(self, points: list[Point]) -> History:
        # Servers before 3.14 sample steps, and give every value of each.
        total = len(points) if len(points) < self.points else None
        return History(points=thinned(sorted(points, key=_place), self.points), total=total)

    def holds(self, point: Point) -> bool:
        step = int(point["step"])
        return (self.first is None or step >= self.first) and (self.last is None or step <= self.last)


def thinned(points: list[Point], most: int) -> list[Point]:
    """At most so many of the points (2 or more), evenly: the first, the last, the least and the greatest among them."""
    if len(points) <= most:
        return points
    keep = {0, len(points) - 1}
    finite = [index for index, point in enumerate(points) if _is_finite(point["value"])]
    if finite and most >= 4:
        keep |= {
            min(finite, key=lambda index: points[index]["value"]),
            max(finite, key=lambda index: points[index]["value"]),
        }
    spare = most - len(keep)
    stride = len(points) / (spare + 1)
    keep |= {int(stride * number) for number in range(1, spare + 1)}
    return [points[index] for index in sorted(keep)]


def _point(metric: dict[str, Any]) -> Point:
    return {
        "step": int(metric.get("step") or 0),
        "timestamp": int(metric.get("timestamp") or 0),
        "value": metric.get("value", 0.0),
    }


def _place(point: Point) -> tuple[int, int]:
    return point["step"], point["timestamp"]


def _is_finite(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
