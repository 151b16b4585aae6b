"""From an answer's series to devices: what is not known stays so, whatever comes in whatever order."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from windlass.contract.hub import Metric, Metrics, MetricSeries
from windlass.metrics.prometheus.devices import conditions, devices, histories, pod_uses
from windlass.metrics.prometheus.fields import QUERIES

NOW = 1_800_000_000.0


def answer(*series: tuple[str, dict[str, str], list[tuple[float, float | None]]], step: float | None = None) -> Metrics:
    items: dict[str, list[MetricSeries]] = {}
    for name, labels, points in series:
        items.setdefault(name, []).append(MetricSeries(labels=labels, points=points))
    metrics = [
        Metric(name=name, unit=QUERIES[name].unit, description="", series=lines) for name, lines in items.items()
    ]
    return Metrics(start=NOW - 600, end=NOW, step_seconds=step, items=metrics)


def of(uuid: str = "GPU-1", pod: str = "train-0", **more: str) -> dict[str, str]:
    return {"namespace": "team-a", "pod": pod, "UUID": uuid, "gpu": "0", "Hostname": "n", **more}


def test_a_device_that_went_to_another_pod_is_that_pods_alone() -> None:
    found = devices(
        answer(
            ("gpu_engine_active", of(pod="before"), [(NOW, 0.9)]),
            ("gpu_sampled_at", of(pod="before"), [(NOW, NOW - 100)]),
            ("gpu_engine_active", of(pod="after"), [(NOW, 0.2)]),
            ("gpu_sampled_at", of(pod="after"), [(NOW, NOW - 10)]),
        )
    )
    assert [(device.kind, device.pod, device.reading and device.reading.engine) for device in found] == [
        ("card", "after", 0.2)
    ]


def test_a_device_of_two_pods_at_once_is_shared() -> None:
    series = [
        (name, of(pod=pod), [(NOW, value)])
        for pod in ("a", "b")
        for name, value in {"gpu_engine_active": 0.9, "gpu_sampled_at": NOW - 10}.items()
    ]
    assert [(device.kind, device.reading) for device in devices(answer(*series))] == [("share", None)] * 2


def test_a_device_of_two_pods_is_shared_in_the_first_points_of_a_history_already() -> None:
    moments = [NOW - 10, NOW - 5]
    both = answer(*(("gpu_engine_active", of(pod=pod), [(at, 0.9) for at in moments]) for pod in ("a", "b")), step=5.0)
    assert histories(both) == []
    after_each_other = answer(
        *(("gpu_engine_active", of(pod=pod), [(at, 0.9)]) for pod, at in zip("ab", moments, strict=True)),
        ("gpu_memory_used", of(pod="a"), [(moments[0], 1.0)]),
        ("gpu_memory_used", of(pod="b"), [(at, 1.0) for at in moments]),
        step=5.0,
    )
    assert [line.pod for line in histories(after_each_other)] == ["a", "b"]


def test_devices_of_a_node_that_shares_them_are_shared() -> None:
    found = answer(("gpu_engine_active", of(), [(NOW, 0.9)]))
    assert [device.kind for device in devices(found)] == ["card"]
    assert [device.kind for device in devices(found, shared_nodes={"n"})] == ["share"]
    assert [device.kind for device in devices(found, shared_nodes={"other"})] == ["card"]


def test_slices_of_one_card_are_devices_of_their_own() -> None:
    found = devices(
        answer(
            *(
                ("gpu_engine_active", of(pod=f"p{n}", GPU_I_ID=str(n), GPU_I_PROFILE="1g.5gb"), [(NOW, n / 10)])
                for n in (1, 2)
            )
        )
    )
    assert [(device.id, device.parent_uuid, device.pod) for device in found] == [
        ("GPU-1/gi-1", "GPU-1", "p1"),
        ("GPU-1/gi-2", "GPU-1", "p2"),
    ]


def test_the_utilisation_of_a_card_in_mig_mode_is_not_taken_for_its_use() -> None:
    part = of(pod="p1", GPU_I_ID="1", GPU_I_PROFILE="1g.5gb")
    card, own = devices(
        answer(
            ("gpu_utilization", of(), [(NOW, 0.0)]),
            ("gpu_memory_used", of(), [(NOW, 1.0)]),
            ("gpu_utilization", part, [(NOW, 0.0)]),
            ("gpu_engine_active", part, [(NOW, 0.7)]),
        )
    )
    assert card.reading is not None
    assert card.reading.engine is None, "it reads 0 there, whatever the slices do"
    assert card.problem is not None
    assert own.reading is not None
    assert own.reading.engine == 0.7


def test_power_follows_from_energy_where_it_is_not_told_and_the_meter_ran_on() -> None:
    joules = [(NOW - 240, 0.0), (NOW - 180, 6000.0), (NOW - 120, 5.0), (NOW - 60, None), (NOW, 6000.0)]
    (line,) = histories(
        answer(("gpu_energy", of(), joules), ("gpu_engine_active", of(), [(at, 0.5) for at, _ in joules]), step=60)
    )
    assert [reading.power_watts for reading in line.readings] == [None, 100.0, None, None, None]


def test_a_pod_with_a_container_that_is_not_known_has_no_sum() -> None:
    def pod(name: str, container: str) -> dict[str, str]:
        return {"namespace": "team-a", "pod": name, "container": container}

    uses = pod_uses(
        answer(
            ("cpu_cores", pod("a", "main"), [(NOW, 1.5)]),
            ("cpu_cores", pod("a", "sidecar"), [(NOW, 0.5)]),
            ("cpu_cores", pod("b", "main"), [(NOW, 1.5)]),
            ("cpu_cores", pod("b", "sidecar"), [(NOW, None)]),
            ("memory_used", pod("b", "main"), [(NOW, 7.0)]),
        )
    )
    assert [(use.pod, use.cpu_cores, use.memory_bytes) for use in uses] == [("a", 2.0, None), ("b", None, 7)]


def test_many_pods_without_a_device_are_named_in_part() -> None:
    asked = [
        ("gpu_requested", {"namespace": "team-a", "pod": f"p{n}", "resource": "nvidia_com_gpu"}, [(NOW, 1.0)])
        for n in range(9)
    ]
    found: list[tuple[str, dict[str, str], list[tuple[float, float | None]]]] = [
        (name, labels, list(points)) for name, labels, points in asked
    ]
    (condition,) = conditions(answer(*found), [])
    assert "p0, p1, p2, p3, p4 and 4 more" in condition.message


values = st.none() | st.floats(allow_nan=False) | st.sampled_from([0.0, 0.5, 1.0, 140737488355328.0, -1.0])
names = st.sampled_from([name for name in QUERIES if name.startswith("gpu_")])
labels = st.builds(
    lambda uuid, pod, instance: of(uuid, pod, **({"GPU_I_ID": instance} if instance else {})),
    st.sampled_from(["GPU-1", "GPU-2"]),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["", "1", "2"]),
)
told = st.lists(st.tuples(names, labels, st.tuples(st.just(NOW), values).map(lambda point: [point])), max_size=30)


@given(told, st.randoms())
def test_no_order_of_series_matters_and_no_figure_is_impossible(series: list[Any], random: Any) -> None:
    once = {(name, tuple(sorted(labels.items()))): (name, labels, points) for name, labels, points in series}
    found = devices(answer(*once.values()))
    assert devices(answer(*random.sample(list(once.values()), len(once)))) == found
    assert len({device.id for device in found}) == len(found)
    for device in found:
        assert device.reading is not None or device.problem
        if device.reading is None:
            continue
        fractions = (device.reading.engine, device.reading.dram, device.reading.tensor)
        assert all(value is None or 0 <= value <= 1 for value in fractions)
        assert device.reading.engine is not None or device.problem
        if device.kind == "slice":
            assert device.reading.power_watts is device.reading.xid is device.reading.pcie_bytes_per_second is None


@given(st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=30), st.data())
def test_a_history_holds_what_was_told_and_nothing_between(engine: list[float | None], data: Any) -> None:
    points = [(NOW - 60 * index, value) for index, value in enumerate(engine)]
    lines = histories(answer(("gpu_engine_active", of(), data.draw(st.permutations(points))), step=60))
    found = [(reading.at, reading.engine) for line in lines for reading in line.readings]
    assert found == [point for point in reversed(points) if point[1] is not None]
