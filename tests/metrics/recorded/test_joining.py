"""Two sources of one device: the finer one's readings, the other's in its gaps, and never both for one time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from windlass.metrics.merging import share_id, slice_id
from windlass.metrics.reading import Device, DeviceSeries, Reading, SourceName
from windlass.metrics.recorded.joining import join

FINE, COARSE = 0.25, 0.75


def series(
    source: SourceName, readings: list[Reading], *, uuid: str = "GPU-0", name: str | None = None
) -> DeviceSeries:
    return DeviceSeries(device_id=name or uuid, uuid=uuid, label=uuid, readings=readings, source=source, rank=0)


def line(step: float, engine: float, *, start: float = 0.0, count: int = 60) -> list[Reading]:
    return [Reading(at=start + step * (number + 1), engine=engine) for number in range(count)]


def test_the_finer_wins_and_the_other_stands_before_between_and_after() -> None:
    fine = [
        Reading(at=100.0),
        *line(10, FINE, start=100, count=10),
        Reading(at=400.0),
        *line(10, FINE, start=400, count=5),
    ]
    (joined,) = join([series("job", fine)], [series("dcgm", line(30, COARSE, count=20))], [])
    assert joined.source == "job"
    coarse = [reading.at for reading in joined.readings if reading.engine == COARSE]
    assert coarse == [30, 60, 90, 210, 240, 270, 300, 330, 360, 390, 480, 510, 540, 570, 600]
    assert sum(reading.engine == FINE for reading in joined.readings) == 15


def test_an_exporter_that_is_finer_wins_over_a_long_jobs_lines() -> None:
    (joined,) = join([series("job", line(80, FINE, count=10))], [series("dcgm", line(15, COARSE, count=40))], [])
    assert joined.source == "dcgm"
    assert [reading.at for reading in joined.readings if reading.engine == FINE] == [640, 720, 800]


def test_a_slice_has_two_names_and_a_share_is_no_card() -> None:
    known = Device(
        id="MIG-1", uuid="MIG-1", name="A100", source="job", kind="slice", parent_uuid="GPU-0", gpu_instance=3
    )
    own = series("job", line(10, FINE), uuid="MIG-1")
    scraped = series("dcgm", line(30, COARSE), uuid="GPU-0", name=slice_id("GPU-0", 3))
    assert [each.device_id for each in join([own], [scraped], [known])] == ["MIG-1"]
    share = series("dcgm", line(30, COARSE), name=share_id("GPU-0", "resnet-0"))
    assert [each.device_id for each in join([series("job", line(10, FINE))], [share], [])] == [share.device_id]


@given(
    st.lists(st.tuples(st.integers(1, 900), st.none() | st.just(FINE)), max_size=30),
    st.lists(st.integers(1, 3000), max_size=30),
)
def test_no_time_is_told_twice(fine: list[tuple[int, float | None]], coarse: list[int]) -> None:
    at, own = 0.0, []
    for apart, engine in fine:
        at += apart
        own.append(Reading(at=at, engine=engine))
    other = [Reading(at=float(moment), engine=COARSE) for moment in sorted(set(coarse))]
    (joined,) = join([series("job", own)], [series("dcgm", other)], []) or [series("job", [])]
    moments = [reading.at for reading in joined.readings]
    assert moments == sorted(moments)
    kept = {(reading.at, reading.engine) for reading in (own if joined.source == "job" else other)}
    assert kept <= {(reading.at, reading.engine) for reading in joined.readings}
