from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.metrics.keeping import COARSE_SECONDS, KeptReadings, mean_reading
from windlass.metrics.reading import Reading
from windlass.metrics.thinning import grid, thin


def kept_of(seconds: int, *, keep: float = 60.0, record: bool = False, step: float = 1.0) -> KeptReadings:
    kept = KeptReadings(keep_seconds=keep, record=record)
    at = 0.0
    while at < seconds:
        kept.add(Reading(at=at, engine=at / seconds, memory_bytes=int(at)))
        at += step
    return kept


def test_only_the_last_minutes_are_kept_when_nothing_is_recorded() -> None:
    assert [reading.at for reading in kept_of(200).since(0)] == [float(at) for at in range(139, 200)]


def test_longer_ago_means_are_kept_when_it_is_recorded() -> None:
    kept = kept_of(600, record=True)
    assert [reading.at for reading in kept.since(560)] == [float(at) for at in range(560, 600)]
    means = kept.since(0)
    assert means[0].at == COARSE_SECONDS - 1
    assert means[0].memory_bytes == 7
    assert len(means) == 600 / COARSE_SECONDS - 1


def test_a_reading_that_is_not_newer_changes_nothing() -> None:
    kept = kept_of(10)
    kept.add(Reading(at=3.0, engine=1.0))
    assert len(kept.since(0)) == 10


readings = st.lists(
    st.builds(
        Reading,
        at=st.just(5.0),
        engine=st.none() | st.floats(0, 1),
        memory_bytes=st.none() | st.integers(0, 2**40),
    ),
    min_size=1,
)


@given(readings)
def test_a_mean_lies_between_what_is_known_and_nothing_known_stays_unknown(given_: list[Reading]) -> None:
    mean = mean_reading(given_)
    known = [reading.engine for reading in given_ if reading.engine is not None]
    if known:
        assert mean.engine is not None
        assert min(known) - 1e-9 <= mean.engine <= max(known) + 1e-9
    else:
        assert mean.engine is None
    assert mean.power_watts is None


def test_there_is_no_mean_of_nothing() -> None:
    with pytest.raises(ValueError, match="no mean of nothing"):
        mean_reading([])


@given(st.floats(0, 1e9), st.floats(0.1, 1e6), st.integers(1, 500))
def test_a_grid_ends_at_its_end_and_has_equal_steps(start: float, length: float, points: int) -> None:
    times = grid(start=start, end=start + length, points=points)
    assert len(times) == points
    assert times[-1] == start + length
    assert all(earlier <= later for earlier, later in zip([start, *times], times, strict=False))


def test_nothing_is_drawn_over_a_time_in_which_nobody_looked() -> None:
    looked = [Reading(at=float(at), engine=0.5) for at in [*range(1, 31), *range(91, 121)]]
    drawn = thin(looked, lambda reading: reading.engine, times=grid(start=0, end=120, points=12), start=0)
    assert [value is None for value in drawn] == [False] * 3 + [True] * 7 + [False] * 2


def test_each_point_is_the_mean_since_the_one_before() -> None:
    looked = [Reading(at=float(at), engine=0.0 if at <= 10 else 1.0) for at in range(1, 21)]
    times = grid(start=0, end=20, points=2)
    assert thin(looked, lambda reading: reading.engine, times=times, start=0) == pytest.approx([0.0, 1.0])
