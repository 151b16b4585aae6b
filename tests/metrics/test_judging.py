"""What is said of a device that does little: the right thing, and nothing where it is not known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from windlass.contract.gpus import GpuAlarm
from windlass.metrics.averaging import by_time, mean
from windlass.metrics.judging import Holding, Settings, alarms, idle_since, straggler
from windlass.metrics.ranks import spread
from windlass.metrics.reading import Device, DeviceSeries, Reading

NOW = 1_800_000_000.0
SETTINGS = Settings()
Figure = Callable[[float], float | None] | float | None


def history(engine: Figure, *, seconds: float = 900, every: float = 15, **figures: Figure) -> list[Reading]:
    """Readings until NOW; a figure is a constant, or follows from the seconds before NOW."""

    def at(figure: Figure, ago: float) -> Any:
        return figure(ago) if callable(figure) else figure

    times = [index * every for index in range(int(seconds / every) + 1)]
    return [
        Reading(at=NOW - ago, engine=at(engine, ago), **{name: at(figure, ago) for name, figure in figures.items()})
        for ago in times
    ]


def judged(*lines: Sequence[Reading], job: str | None = "resnet", settings: Settings = SETTINGS) -> list[GpuAlarm]:
    """Alarms of devices that are GPU 0, 1, … of the ranks 0, 1, … of one job."""
    devices = [Device(id=f"d{n}", uuid=f"d{n}", name="Tesla T4", source="nvml", index=n) for n in range(len(lines))]
    series = [
        DeviceSeries(device_id=f"d{n}", uuid=f"d{n}", label="", readings=readings, source="nvml")
        for n, readings in enumerate(lines)
    ]
    ranks = {f"d{n}": Holding(job_id="j", name=job, rank=n) for n in range(len(lines))} if job else {}
    return alarms(devices, series, settings, ranks, now=NOW)


def test_a_device_that_does_little_for_ten_minutes_is_told_of_by_its_name() -> None:
    (alarm,) = judged(history(0.04))
    assert (alarm.kind, alarm.device_id, alarm.job_id, alarm.rank) == ("idle", "d0", "j", 0)
    assert alarm.message == "GPU 0 of job resnet (rank 0) is at 4 % for 15 min: data loader?"
    assert alarm.engine == pytest.approx(0.04)
    assert alarm.since.timestamp() == NOW - 900
    (alarm,) = judged(history(0.0), job=None)
    assert alarm.message == "GPU 0 is at 0 % for 15 min: no work comes to it."
    assert (alarm.job_id, alarm.rank) == (None, None)


def test_bursts_of_a_stalling_loader_do_not_hide_it() -> None:
    (alarm,) = judged(history(lambda ago: 1.0 if int(ago) % 30 == 0 else 0.0, every=1))
    assert (alarm.kind, alarm.engine) == ("idle", pytest.approx(1 / 30, rel=0.05))


def test_much_coming_in_and_little_computed_is_input_bound() -> None:
    (alarm,) = judged(history(0.12, pcie_bytes_per_second=2.1e9))
    assert alarm.kind == "input-bound"
    assert alarm.message.endswith("is at 12 % for 15 min while 2.1 GB/s go over PCIe: data loader?")
    assert judged(history(0.12, pcie_bytes_per_second=1e7)) == []
    assert judged(history(0.12)) == []
    assert judged(history(0.6, pcie_bytes_per_second=9e9)) == []


def test_a_rank_beside_a_busy_one_waits() -> None:
    (alarm,) = judged(history(0.95), history(0.02))
    assert (alarm.kind, alarm.rank) == ("waiting", 1)
    assert alarm.message.endswith("is at 2 % for 10 min while rank 0 is at 95 %: it waits for other ranks.")


def test_a_rank_that_polls_at_a_hundred_percent_waits_for_the_one_without_data() -> None:
    low, polling = history(0.03, pcie_bytes_per_second=1e6), history(1.0, dram=0.001)
    idle, waiting = judged(low, polling)
    assert (idle.kind, idle.rank, waiting.kind, waiting.rank) == ("idle", 0, "waiting", 1)
    assert "the other ranks wait for it" in idle.message
    assert "moves no data while rank 0 is at 3 %" in waiting.message
    assert judged(history(1.0, dram=0.001), history(1.0, dram=0.001)) == []
    assert [alarm.kind for alarm in judged(history(1.0), history(1.0, dram=0.4))] == []


def test_further_devices_of_the_same_rank_do_not_wait_for_it() -> None:
    devices = [Device(id=name, uuid=name, name="T4", source="nvml", index=n) for n, name in enumerate("ab")]
    series = [
        DeviceSeries(device_id=name, uuid=name, label="", readings=history(engine), source="nvml")
        for name, engine in {"a": 0.9, "b": 0.0}.items()
    ]
    ranks = dict.fromkeys("ab", Holding(job_id="j", name="resnet", rank=0))
    (alarm,) = alarms(devices, series, SETTINGS, ranks, now=NOW)
    assert (alarm.kind, alarm.device_id) == ("idle", "b")
    other = ranks | {"b": Holding(job_id="other", name="other", rank=1)}
    (alarm,) = alarms(devices, series, SETTINGS, other, now=NOW)
    assert alarm.kind == "idle"


@pytest.mark.parametrize(
    "readings",
    [
        [],
        history(None),
        history(lambda ago: None if ago == 300 else 0.0),
        history(0.0, seconds=300),
        [reading for reading in history(0.0) if not 200 < NOW - reading.at < 320],
        [replace(reading, at=reading.at - 120) for reading in history(0.0)],
        history(0.0, every=450),
        history(lambda ago: 0.9 if 60 < ago < 140 else 0.0),
        history(0.2),
    ],
    ids=["none", "unknown", "once unknown", "too short", "a gap", "old", "too few", "worked meanwhile", "works"],
)
def test_nothing_is_said_of_what_is_not_known_or_not_so(readings: list[Reading]) -> None:
    assert judged(readings) == []


def test_time_and_threshold_are_configured() -> None:
    settings = Settings(alarm_seconds=120, idle_threshold=0.3)
    assert judged(history(0.2, seconds=180)) == []
    (alarm,) = judged(history(0.2, seconds=180), settings=settings)
    assert alarm.message.endswith("is at 20 % for 3 min: data loader?")
    assert judged(history(0.2, seconds=60), settings=settings) == []


def test_the_same_alarm_keeps_its_name_while_it_lasts() -> None:
    (early,) = judged(history(0.0))
    (late,) = judged(history(0.0, seconds=1800))
    assert early.id == late.id


def test_what_a_device_did_for_another_holder_is_not_this_ones() -> None:
    device = Device(id="d", uuid="d", name="Tesla T4", source="nvml", index=0)
    line = DeviceSeries(device_id="d", uuid="d", label="", readings=history(0.0), source="nvml")

    def told(since: float | None) -> list[float]:
        holdings = {"d": Holding(job_id="j", name="resnet", since=since)}
        return [alarm.since.timestamp() for alarm in alarms([device], [line], SETTINGS, holdings, now=NOW)]

    assert told(None) == [NOW - 900]
    assert told(NOW - 660) == [NOW - 660]
    assert told(NOW - 120) == []
    assert idle_since(line.readings, threshold=0.05, held_since=NOW - 120) == NOW - 120
    assert idle_since(line.readings, threshold=0.05, held_since=NOW - 30) is None


def test_a_slice_is_named_as_one() -> None:
    device = Device(
        id="s", uuid="s", name="A100", source="nvml", kind="slice", parent_uuid="c", mig_profile="2g.10gb", index=1
    )
    line = DeviceSeries(device_id="s", uuid="s", label="", readings=history(0.0), source="dcgm")
    (alarm,) = alarms([device], [line], SETTINGS, {}, now=NOW)
    assert alarm.message.startswith("MIG slice 1 (2g.10gb) is at 0 %")


def test_idle_since_is_the_first_of_the_last_unused_readings() -> None:
    readings = history(lambda ago: 0.5 if ago > 300 else 0.01)
    assert idle_since(readings, threshold=0.05) == NOW - 300
    assert idle_since(readings, threshold=0.005) is None
    assert idle_since(readings, threshold=0.05, least_seconds=301) is None
    assert idle_since(readings, threshold=0.05, now=NOW + 91) is None
    assert idle_since([], threshold=0.05) is None
    assert idle_since(history(lambda ago: None if ago == 0 else 0.0), threshold=0.05) is None
    gap = [reading for reading in history(0.0) if not 100 < NOW - reading.at < 250]
    assert idle_since(gap, threshold=0.05) == NOW - 90


figures = st.none() | st.floats(0, 1)
lines = st.lists(
    st.builds(Reading, at=st.floats(NOW - 1200, NOW), engine=figures, dram=figures),
    max_size=40,
    unique_by=lambda r: r.at,
)


@given(lines, st.randoms())
def test_the_order_of_readings_never_matters(readings: list[Reading], random: Any) -> None:
    shuffled = random.sample(readings, len(readings))
    assert judged(shuffled) == judged(readings)
    assert idle_since(shuffled, threshold=0.05) == idle_since(readings, threshold=0.05)


@given(lines, st.floats(NOW - 600, NOW), st.data())
def test_splitting_a_readings_time_changes_no_mean(readings: list[Reading], at: float, data: Any) -> None:
    ordered = by_time(readings)
    later = [reading for reading in ordered if reading.at > at]
    assume(later and all(reading.at != at for reading in ordered))
    split = by_time([*ordered, replace(later[0], at=at)])
    start, end = NOW - 600, NOW
    whole = mean(ordered, lambda reading: reading.engine, start=start, end=end, longest_gap_seconds=1e9)
    parts = mean(split, lambda reading: reading.engine, start=start, end=end, longest_gap_seconds=1e9)
    assert whole is parts is None or parts == pytest.approx(whole, abs=1e-9)


@given(lines, st.floats(1, 599))
def test_a_mean_of_the_whole_is_that_of_its_parts(readings: list[Reading], cut: float) -> None:
    ordered = by_time([*readings, Reading(at=NOW - 600, engine=0.5), Reading(at=NOW, engine=0.5)])

    def of(start: float, end: float) -> float | None:
        return mean(ordered, lambda reading: reading.engine, start=start, end=end, longest_gap_seconds=1e9)

    start = NOW - 600
    whole, first, second = of(start, NOW), of(start, start + cut), of(start + cut, NOW)
    if first is None or second is None:
        assert whole is None
    else:
        assert whole == pytest.approx((first * cut + second * (600 - cut)) / 600, abs=1e-6)


@given(st.integers(0, 39))
def test_one_unknown_reading_within_its_time_ends_every_alarm(place: int) -> None:
    readings = by_time(history(0.0))
    inside = [index for index, reading in enumerate(readings) if reading.at > NOW - 600]
    index = inside[place]
    assert judged(readings)
    readings[index] = replace(readings[index], engine=None)
    assert judged(readings) == []


@given(st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=12))
def test_a_spread_is_of_the_known_alone(values: list[float | None]) -> None:
    found, known = spread(values), [value for value in values if value is not None]
    assert found.known == len(known)
    if not known:
        assert (found.least, found.mean, found.most) == (None, None, None)
        return
    assert found.least is not None
    assert found.mean is not None
    assert found.most is not None
    assert found.least == min(known)
    assert found.most == max(known)
    assert found.least - 1e-9 <= found.mean <= found.most + 1e-9


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.9, 0.9, 0.9, 0.2], 3),
        ([0.1, 0.05, 0.9, 0.1], 2),
        ([0.9, 0.9, 0.75], None),
        ([0.9, 0.1], None),
        ([0.9, 0.1, None], None),
        ([0.9, 0.5, 0.1], None),
        ([0.9, None, 0.88, 0.3], 3),
        ([], None),
    ],
)
def test_a_straggler_is_far_from_all_others(values: list[float | None], expected: int | None) -> None:
    assert straggler(dict(enumerate(values))) == expected


@given(st.lists(st.none() | st.floats(0, 1), max_size=8), st.randoms())
def test_the_straggler_does_not_depend_on_order_or_on_unknown_ranks(values: list[float | None], random: Any) -> None:
    ranks = list(enumerate(values))
    shuffled = dict(random.sample(ranks, len(ranks)))
    assert straggler(shuffled) == straggler(dict(ranks))
    assert straggler(dict(ranks) | {99: None}) == straggler(dict(ranks))
