"""The first look at long histories: a few dozen places, each read in a window so narrow that its length costs nothing.

To sample a history evenly MLflow sorts all of it. A window of steps is found by an index instead, in a few milliseconds
whatever lies around it. So the steps are divided evenly, and of each place the first and last value of a narrow window
are read; the window is as wide as the values lie apart at the end, which one request for all runs tells. What was left
out between the places is not drawn: peaks may be missed, which is why such curves are called coarse and are read
whole right after.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from windlass.services.experiments.records import Latest, RunRecord
from windlass.tracking.reads import History, MlflowReads
from windlass.tracking.reads.history import Point

LONG_STEPS = 20_000
"""Histories that go on beyond this step are worth a first look."""
_WINDOWS = 280
_MOST_PLACES = 60
_LEAST_PLACES = 12
_PROBED_STEPS = 100
_REQUESTS_AT_ONCE = 3
_PAIR = 2

Beside = Callable[..., Awaitable[list[Any]]]


def is_long(latest: Latest) -> bool:
    """Whether a history is probably long: its last step is."""
    return latest.step is not None and latest.step >= LONG_STEPS


class Glimpse:
    """One metric of some runs whose histories are long.

    Args:
        reads: MLflow.
        metric: its key; each of the records has it.
        records: the runs.
        share: by how many such looks the effort is divided.
    """

    def __init__(self, *, reads: MlflowReads, metric: str, records: Sequence[RunRecord], share: int) -> None:
        self._reads = reads
        self._metric = metric
        self._records = {record.id: record for record in records}
        self._last = {record.id: record.metrics[metric].step or 0 for record in records}
        self._places = max(_LEAST_PLACES, min(_MOST_PLACES, _WINDOWS // (len(records) * share)))

    async def read(self, *, points: int, beside: Beside) -> dict[str, History]:
        """What was seen of each run, the last value among it."""
        places = min(self._places, points // _PAIR)
        end = max(self._last.values())
        width = await self._width(end // (places * 4))
        starts = [end * number // places for number in range(places)]
        seen = await beside([self._window(start, start + width) for start in starts], at_once=_REQUESTS_AT_ONCE)
        return {run_id: self._history(run_id, [window.get(run_id) for window in seen]) for run_id in self._records}

    async def _width(self, widest: int) -> int:
        """How many steps hold some values of every run."""
        last = min(self._last.values())
        probed = await self._sampled(last - _PROBED_STEPS + 1, last, points=_PROBED_STEPS)
        fewest = min((len(history.points) for history in probed.values()), default=0)
        return max(1, min(widest, 3 * _PROBED_STEPS // fewest)) if fewest >= _PAIR else max(1, widest)

    async def _window(self, first: int, last: int) -> dict[str, History]:
        return await self._sampled(first, last, points=_PAIR)

    async def _sampled(self, first: int, last: int, *, points: int) -> dict[str, History]:
        return await self._reads.history.sampled(
            run_ids=list(self._records), metric=self._metric, points=points, from_step=first, to_step=last
        )

    def _history(self, run_id: str, windows: Sequence[History | None]) -> History:
        latest = self._records[run_id].metrics[self._metric]
        points: list[Point] = [point for window in windows if window is not None for point in window.points]
        if not points or points[-1]["step"] < self._last[run_id]:
            points.append({"step": latest.step or 0, "timestamp": latest.time_ms or 0, "value": latest.value})
        return History(points=points, total=None)
