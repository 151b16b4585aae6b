"""Metrics of runs over their steps, few enough points to draw, soon enough to look at.

MLflow samples a history by sorting all of it, run after run: some seconds for a million points. So runs are asked for a
few at a time beside one another, histories of ended runs are kept, and a first look (`quick`) reads narrow windows
instead of everything: see `glimpse`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Sequence
from typing import NamedTuple, TypeVar

from windlass.contract.comparison import Curve, Curves, CurvesRequest
from windlass.contract.runs import RunStatus
from windlass.errors import FieldError, InvalidRequest
from windlass.services.experiments.cache import BoundedCache
from windlass.services.experiments.glimpse import Glimpse, is_long
from windlass.services.experiments.reading import RunReader
from windlass.services.experiments.records import RunRecord, number_of
from windlass.tracking.reads import History, MlflowReads
from windlass.tracking.reads.history import Point
from windlass.tracking.tracking import Tracking

CURVE_BYTES = 24 << 20
KEPT_SECONDS = 600.0
RUNS_AT_ONCE = 5
REQUESTS_AT_ONCE = 3
_POINT_BYTES = 250

T = TypeVar("T")


class _Part(NamedTuple):
    """What one request asks for."""

    metric: str
    records: list[RunRecord]


class _Key(NamedTuple):
    run_id: str
    ended_ms: int | None
    metric: str
    points: int
    from_step: int | None
    to_step: int | None


class CurveReader:
    """Curves of the tracking server's runs. Methods raise Unavailable, MlflowRefused and Upstream."""

    def __init__(self, *, tracking: Tracking, runs: RunReader) -> None:
        self._tracking = tracking
        self._runs = runs
        self._kept: BoundedCache[_Key, History] = BoundedCache(budget_bytes=CURVE_BYTES)

    async def read(self, request: CurvesRequest) -> Curves:
        """The metrics asked for, of each run that has them. Raises InvalidRequest when the steps end too soon."""
        if request.from_step is not None and request.to_step is not None and request.from_step > request.to_step:
            message = "The last step must not be before the first."
            raise InvalidRequest(message, fields=[FieldError(field="to_step", message=message)])
        records, missing = await self._runs.many(request.run_ids)
        reads = await self._tracking.reads()
        parts, found = self._split(request, list(records.values()))
        work = [self._read_part(reads, part, request) for part in parts]
        for curves in await beside(work, at_once=REQUESTS_AT_ONCE):
            found |= curves
        return Curves(
            curves=[
                found[run_id, metric]
                for metric in dict.fromkeys(request.metrics)
                for run_id in records
                if (run_id, metric) in found
            ],
            missing=missing,
        )

    def _split(
        self, request: CurvesRequest, records: list[RunRecord]
    ) -> tuple[list[_Part], dict[tuple[str, str], Curve]]:
        """What is to be asked for, and what is known."""
        known: dict[tuple[str, str], Curve] = {}
        parts: list[_Part] = []
        for metric in dict.fromkeys(request.metrics):
            unknown = []
            for record in records:
                history = self._kept.get(_key(record, metric, request), fresh_seconds=KEPT_SECONDS)
                if history is not None:
                    known[record.id, metric] = _curve(record, metric, history)
                elif metric in record.metrics:
                    unknown.append(record)
            quick = [record for record in unknown if _is_quick(record, metric, request)]
            slow = [record for record in unknown if not _is_quick(record, metric, request)]
            parts += [_Part(metric, quick)] if quick else []
            parts += [_Part(metric, slow[at : at + RUNS_AT_ONCE]) for at in range(0, len(slow), RUNS_AT_ONCE)]
        return parts, known

    async def _read_part(self, reads: MlflowReads, part: _Part, request: CurvesRequest) -> dict[tuple[str, str], Curve]:
        if _is_quick(part.records[0], part.metric, request):
            glimpse = Glimpse(reads=reads, metric=part.metric, records=part.records, share=len(set(request.metrics)))
            seen = await glimpse.read(points=request.points, beside=beside)
            return {
                (record.id, part.metric): _curve(record, part.metric, seen[record.id], coarse=True)
                for record in part.records
            }
        histories = await reads.history.sampled(
            run_ids=[record.id for record in part.records],
            metric=part.metric,
            points=request.points,
            from_step=request.from_step,
            to_step=request.to_step,
        )
        for record in part.records:
            history = histories.get(record.id)
            if history is not None and record.has_ended:
                size = _POINT_BYTES * (1 + len(history.points))
                self._kept.put(_key(record, part.metric, request), history, size_bytes=size)
        return {
            (record.id, part.metric): _curve(record, part.metric, histories[record.id])
            for record in part.records
            if record.id in histories
        }


async def beside(work: Sequence[Awaitable[T]], *, at_once: int) -> list[T]:
    """Do things beside one another, so many at once; the first that fails ends the others."""
    gate = asyncio.Semaphore(at_once)

    async def one(piece: Awaitable[T]) -> T:
        async with gate:
            return await piece

    tasks = [asyncio.ensure_future(one(piece)) for piece in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _is_quick(record: RunRecord, metric: str, request: CurvesRequest) -> bool:
    windowed = request.from_step is not None or request.to_step is not None
    return request.quick and not windowed and is_long(record.metrics[metric])


def _key(record: RunRecord, metric: str, request: CurvesRequest) -> _Key:
    return _Key(record.id, record.ended_ms, metric, request.points, request.from_step, request.to_step)


def _curve(record: RunRecord, metric: str, history: History, *, coarse: bool = False) -> Curve:
    return Curve(
        run_id=record.id,
        metric=metric,
        steps=[point["step"] for point in history.points],
        times_ms=[point["timestamp"] for point in history.points],
        values=[_finite(point) for point in history.points],
        total=history.total,
        sampled=history.is_sampled,
        coarse=coarse,
        running=record.status is RunStatus.RUNNING,
    )


def _finite(point: Point) -> float | None:
    value = number_of(point["value"])
    return value if math.isfinite(value) else None
