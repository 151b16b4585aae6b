"""The idle share of each day of a job."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.metrics.reading import DeviceSeries, Reading
from windlass.metrics.recorded.days import DAY_SECONDS, idle_by_day

MIDNIGHT = 1_790_035_200.0
"""2026-09-22, in UTC."""


def series(*engines: float | None, start: float, step: float, name: str = "GPU-0") -> DeviceSeries:
    """A device with a reading each `step`; the first one only begins the time."""
    readings = [Reading(at=start)]
    readings += [Reading(at=start + step * (place + 1), engine=engine) for place, engine in enumerate(engines)]
    return DeviceSeries(device_id=name, uuid=name, label=name, readings=readings, source="job")


def test_each_day_is_told_by_its_own_readings_cut_at_midnight() -> None:
    # Half an hour before midnight and an hour and a half after it; the reading over midnight counts on both days.
    line = series(0.0, 0.9, 0.0, 0.9, start=MIDNIGHT - 2700, step=1800)
    found = idle_by_day([line], started=MIDNIGHT - 2700, until=MIDNIGHT + 4500, devices=1, idle_threshold=0.05)
    assert [(each.day, each.covered) for each in found] == [(date(2026, 9, 21), 1.0), (date(2026, 9, 22), 1.0)]
    assert found[0].idle_fraction == pytest.approx(1800 / 2700)
    assert found[1].idle_fraction == pytest.approx(1800 / 4500)


def test_a_day_without_readings_is_told_as_one_and_a_device_that_nobody_looked_at_is_not_covered() -> None:
    line = series(0.0, 0.0, start=MIDNIGHT, step=DAY_SECONDS / 2)
    found = idle_by_day([line], started=MIDNIGHT, until=MIDNIGHT + 2 * DAY_SECONDS, devices=2, idle_threshold=0.05)
    assert [(each.covered, each.idle_fraction) for each in found] == [(0.5, 1.0), (0.0, None)]


@given(
    start=st.floats(MIDNIGHT - 2 * DAY_SECONDS, MIDNIGHT + 2 * DAY_SECONDS),
    step=st.floats(1, 40_000),
    engines=st.lists(st.none() | st.floats(0, 1), min_size=2, max_size=30),
)
def test_days_add_up_to_the_whole(start: float, step: float, engines: list[float | None]) -> None:
    until = start + step * len(engines)
    found = idle_by_day(
        [series(*engines, start=start, step=step)], started=start, until=until, devices=1, idle_threshold=0.5
    )
    ran = [
        min(until, (place + 1) * DAY_SECONDS) - max(start, place * DAY_SECONDS)
        for place in range(int(start // DAY_SECONDS), int(start // DAY_SECONDS) + len(found))
    ]
    idle = sum((each.idle_fraction or 0) * each.covered * seconds for each, seconds in zip(found, ran, strict=True))
    known = [engine for engine in engines if engine is not None]
    assert idle == pytest.approx(sum(engine < 0.5 for engine in known) * step, abs=1e-3)
    assert sum(ran) == pytest.approx(until - start)
