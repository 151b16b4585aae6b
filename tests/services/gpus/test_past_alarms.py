"""Alarms over a job's life: as they would have been told then, once for each time it was so."""

from __future__ import annotations

from collections.abc import Sequence

from windlass.contract.gpus import GpuAlarm
from windlass.metrics.judging import Holding, Settings
from windlass.metrics.reading import Device, DeviceSeries, Reading
from windlass.services.gpus.past_alarms import MOST_ALARMS, alarms_over

BEGIN = 1_000_000.0
MINUTE = 60.0
SETTINGS = Settings(idle_threshold=0.05, alarm_seconds=10 * MINUTE)


def told(*lives: Sequence[tuple[float, float | None]], step: float = 10.0) -> list[GpuAlarm]:
    """Alarms of devices that were so busy for so many minutes each."""
    devices, series, holdings = [], [], {}
    for rank, life in enumerate(lives):
        readings, at = [], BEGIN
        for minutes, engine in life:
            for _ in range(int(minutes * MINUTE / step)):
                at += step
                readings.append(Reading(at=at, engine=engine))
        name = f"GPU-{rank}"
        devices.append(Device(id=name, uuid=name, name="A100", source="job", index=rank))
        series.append(DeviceSeries(device_id=name, uuid=name, label=name, readings=readings, source="job", rank=rank))
        holdings[name] = Holding(job_id="j", name="resnet", rank=rank)
    end = max((line.readings[-1].at for line in series if line.readings), default=BEGIN)
    return alarms_over(devices, series, settings=SETTINGS, holdings=holdings, start=BEGIN, end=end)


def test_each_idle_time_is_told_once_with_its_beginning() -> None:
    first, second = told([(30, 0.9), (25, 0.01), (40, 0.8), (60, 0.0), (20, 0.7)])
    assert (first.kind, second.kind) == ("idle", "idle")
    assert abs(first.since.timestamp() - (BEGIN + 30 * MINUTE)) <= 2 * MINUTE
    assert abs(second.since.timestamp() - (BEGIN + 95 * MINUTE)) <= 2 * MINUTE
    assert first.id != second.id
    assert "GPU 0 of job resnet" in first.message


def test_what_still_stands_has_the_name_that_the_panel_has_for_it() -> None:
    (alarm,) = told([(30, 0.9), (25, 0.01)])
    assert alarm.id == "idle:GPU-0"


def test_a_rank_that_waits_for_another_is_told_apart_from_one_without_work() -> None:
    alarms = told([(40, 0.9)], [(40, 0.01)])
    assert {(alarm.kind, alarm.rank) for alarm in alarms} == {("waiting", 1)}


def test_a_busy_job_a_short_one_and_an_unknown_one_raise_none() -> None:
    assert told([(60, 0.9)]) == []
    assert told([(8, 0.0)]) == []
    assert told([(60, None)]) == []
    assert told() == []


def test_a_job_of_days_is_judged_by_readings_that_are_far_apart() -> None:
    (alarm,) = told([(24 * 60, 0.9), (48 * 60, 0.0)], step=160.0)
    assert abs(alarm.since.timestamp() - (BEGIN + 24 * 3600)) <= 30 * MINUTE


def test_alarms_are_not_without_end() -> None:
    assert len(told([(20, 0.9), (20, 0.0)] * 150, step=30.0)) <= MOST_ALARMS
