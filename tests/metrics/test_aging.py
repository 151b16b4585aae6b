"""Readings of months in bounded room, and on disk."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.metrics.aging import DAY, STEPS, AgingReadings, averaged
from windlass.metrics.reading import Reading
from windlass.metrics.thinning import grid, thin

MOST = sum(step.kept_seconds / step.seconds for step in STEPS)
QUARTER = STEPS[0].seconds


def recorded(days: float, *, start: float = 0.0, step: float = QUARTER, engine: float | None = None) -> AgingReadings:
    """Means since `start`, busy through the first half of each day unless `engine` says otherwise."""
    kept = AgingReadings()
    for place in range(1, int(days * DAY / step) + 1):
        at = start + place * step
        kept.add(Reading(at=at, engine=engine if engine is not None else float(at % DAY <= DAY / 2), memory_bytes=8))
    return kept


@pytest.fixture(scope="module")
def ten_days() -> AgingReadings:
    return recorded(10)


def test_the_older_they_are_the_farther_apart_they_stand(ten_days: AgingReadings) -> None:
    moments = [reading.at for reading in ten_days]
    apart = {at: later - at for at, later in pairwise(moments)}
    assert {round(gap) for at, gap in apart.items() if at > 9.1 * DAY} == {15}
    assert {round(gap) for at, gap in apart.items() if 3.1 * DAY < at < 8.9 * DAY} == {150}
    assert {round(gap) for at, gap in apart.items() if 0.1 * DAY < at < 2.9 * DAY} == {900}
    assert len(moments) < MOST


def test_a_chart_of_any_length_is_drawn_without_holes_and_with_the_same_means(ten_days: AgingReadings) -> None:
    for days in (0.5, 3, 10):
        start = (10 - days) * DAY
        times = grid(start=start, end=10 * DAY, points=20)
        drawn = thin(ten_days.since(start), lambda reading: reading.engine, times=times, start=start)
        assert None not in drawn, days
        mean = sum(value for value in drawn if value is not None) / 20
        assert mean == pytest.approx(0.0 if days == 0.5 else 0.5, abs=0.02)


def test_a_time_in_which_nobody_looked_stays_a_hole_however_old() -> None:
    kept = recorded(1, engine=0.5)
    for place in range(1, 4 * 24 * 60 * 4):
        kept.add(Reading(at=1.25 * DAY + place * QUARTER, engine=0.5))
    times = grid(start=0, end=2 * DAY, points=16)
    drawn = thin(kept.since(0), lambda reading: reading.engine, times=times, start=0)
    assert [value is None for value in drawn] == [False] * 8 + [True] * 2 + [False] * 6


def test_what_is_older_than_a_quarter_is_forgotten() -> None:
    kept = AgingReadings(Reading(at=place * 900.0, engine=0.1) for place in range(120 * 96))
    assert kept.first_at == pytest.approx(28 * DAY, abs=3600)
    assert len(kept) < MOST


@given(
    engines=st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=200),
    step=st.floats(1, 1000),
)
def test_averaging_never_leaves_what_is_known_and_never_counts_more(engines: list[float | None], step: float) -> None:
    given_ = [Reading(at=float(place), engine=engine) for place, engine in enumerate(engines)]
    means = averaged(given_, step)
    known = [engine for engine in engines if engine is not None]
    assert len(means) <= len(given_)
    assert means[-1].at == given_[-1].at
    for mean in means:
        assert mean.engine is None or min(known) - 1e-9 <= mean.engine <= max(known) + 1e-9
