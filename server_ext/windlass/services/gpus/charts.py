"""Readings over time as lines of a chart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from windlass.contract.gpus import GpuCondition, GpuHistory, GpuLine
from windlass.metrics.judging import Holding
from windlass.metrics.reading import DeviceSeries
from windlass.metrics.thinning import grid, thin


def chart(
    lines: Iterable[DeviceSeries],
    *,
    start: float,
    end: float,
    points: int,
    holdings: Mapping[str, Holding],
    conditions: Sequence[GpuCondition] = (),
) -> GpuHistory:
    """Lines from `start` to `end` (POSIX seconds), in at most so many points.

    Args:
        lines: readings by device.
        start: of the chart.
        end: of the chart.
        points: how many moments it has.
        holdings: by device id, who holds it now: a line of a job bears its id and rank.
        conditions: what is missing in it, and why.
    """
    times = grid(start=start, end=end, points=points)
    return GpuHistory(
        start=start,
        end=end,
        step_seconds=(end - start) / points,
        times=[round(moment, 3) for moment in times],
        lines=[_line(line, times, start, holdings.get(line.device_id, Holding())) for line in lines],
        conditions=list(conditions),
    )


def _line(line: DeviceSeries, times: Sequence[float], start: float, holding: Holding) -> GpuLine:
    readings = line.readings
    return GpuLine(
        device_id=line.device_id,
        label=line.label,
        job_id=holding.job_id,
        rank=line.rank if holding.rank is None else holding.rank,
        memory_total_bytes=line.memory_total_bytes,
        engine=_rounded(thin(readings, lambda reading: reading.engine, times=times, start=start), 4),
        memory_bytes=_rounded(thin(readings, lambda reading: reading.memory_bytes, times=times, start=start), 0),
        power_watts=_rounded(thin(readings, lambda reading: reading.power_watts, times=times, start=start), 1),
        source=line.source,
    )


def _rounded(values: Sequence[float | None], digits: int) -> list[float | None]:
    return [None if value is None else round(value, digits) for value in values]
