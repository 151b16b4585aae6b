"""A device is one device, however many sources tell of it and in whatever order."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from windlass.metrics.merging import SHARED, merge, merge_series, share_id, slice_id
from windlass.metrics.reading import Device, DeviceSeries, Look, Process, Reading

CARD = "GPU-604ac76c-d9cf-fef3-62e9-d92044ab6e50"
GIB = 1024**3


def nvml(**more: Any) -> Device:
    given = {"id": CARD, "uuid": CARD, "name": "NVIDIA H100 80GB HBM3", "source": "nvml", "index": 0, **more}
    return Device(**given)


def dcgm(**more: Any) -> Device:
    held = {"node": "node-7", "namespace": "team-a", "pod": "train-0", "container": "main"}
    return nvml(**{"source": "dcgm", **held, **more})


def look(*devices: Device, at: float = 100.0) -> Look:
    return Look(at=at, devices=devices)


def test_what_one_source_lacks_another_fills() -> None:
    processes = (Process(pid=7, name="python", memory_bytes=GIB),)
    near = nvml(processes=processes, memory_total_bytes=80 * GIB, reading=Reading(at=100, engine=0.5, memory_bytes=GIB))
    far = dcgm(reading=Reading(at=90, engine=0.9, dram=0.3, tensor=0.4, pcie_bytes_per_second=1e9, xid=0))
    (device,) = merge([look(far), look(near)])
    assert (device.id, device.pod, device.node, device.processes) == (CARD, "train-0", "node-7", processes)
    assert (device.source, device.also) == ("nvml", ("dcgm",))
    assert device.reading == Reading(
        at=100, engine=0.5, memory_bytes=GIB, dram=0.3, tensor=0.4, pcie_bytes_per_second=1e9, xid=0
    )


def test_an_old_reading_does_not_fill_a_new_one() -> None:
    (device,) = merge([look(nvml(reading=Reading(at=1000, engine=0.5))), look(dcgm(reading=Reading(at=900, dram=0.3)))])
    assert device.reading == Reading(at=1000, engine=0.5)


def test_what_nobody_knows_stays_unknown_with_its_reason() -> None:
    near = nvml(problem="The driver does not say how it is used.", reading=Reading(at=100, memory_bytes=GIB))
    (device,) = merge([look(near), look(dcgm(reading=Reading(at=95)))])
    assert device.reading is not None
    assert device.reading.engine is None
    assert device.problem == "The driver does not say how it is used."
    (device,) = merge([look(near), look(dcgm(reading=Reading(at=95, engine=0.0)))])
    assert device.reading is not None
    assert (device.reading.engine, device.problem) == (0.0, None)


def test_a_slice_is_found_by_its_card_and_instance_where_its_own_uuid_is_not_told() -> None:
    own = {"kind": "slice", "parent_uuid": CARD, "gpu_instance": 3, "mig_profile": "2g.10gb"}
    near = nvml(**own | {"id": "MIG-1", "uuid": "MIG-1", "reading": Reading(at=100, memory_bytes=GIB)})
    identity = slice_id(CARD, 3)
    far = dcgm(**own | {"id": identity, "uuid": identity, "reading": Reading(at=99, engine=0.7)})
    other = dcgm(**own | {"id": slice_id(CARD, 4), "uuid": slice_id(CARD, 4), "gpu_instance": 4})
    card = nvml()
    devices = merge([look(far, other), look(card, near)])
    assert [device.id for device in devices] == [CARD, slice_id(CARD, 4), "MIG-1"]
    reading = devices[2].reading
    assert reading is not None
    assert (reading.engine, reading.memory_bytes, devices[2].pod) == (0.7, GIB, "train-0")
    lines = merge_series([line(identity, "dcgm", 10, 20), line("MIG-1", "nvml", 30)], devices)
    assert [(one.device_id, [reading.at for reading in one.readings]) for one in lines] == [("MIG-1", [10, 20, 30])]


def test_a_shared_cards_figures_are_no_pods_own() -> None:
    share = dcgm(kind="share", id=share_id(CARD, "train-0"), problem=SHARED)
    near = nvml(
        processes=(Process(pid=7, name="python", memory_bytes=GIB), Process(pid=8, name="python", memory_bytes=GIB)),
        reading=Reading(at=100, engine=0.99, memory_bytes=70 * GIB, power_watts=600),
    )
    (device,) = merge([look(share), look(near)], own_pod="train-0")
    assert (device.kind, device.pod, device.problem) == ("share", "train-0", SHARED)
    assert device.reading == Reading(at=100, memory_bytes=2 * GIB)
    assert merge_series([line(CARD, "nvml", 1, 2)], [device]) == []


def test_a_share_of_another_pod_is_not_this_pods() -> None:
    share = dcgm(kind="share", id=share_id(CARD, "train-0"), problem=SHARED)
    near = nvml(processes=(), reading=Reading(at=100, engine=0.99))
    devices = merge([look(share), look(near)], own_pod="jupyter-ann")
    assert sorted((device.pod, device.kind, device.reading) for device in devices) == [
        ("jupyter-ann", "share", None),
        ("train-0", "share", None),
    ]


def test_a_share_whose_processes_sizes_are_hidden_has_no_memory_figure() -> None:
    share = dcgm(kind="share", id=share_id(CARD, "train-0"), problem=SHARED)
    hidden = (Process(pid=7, name="", memory_bytes=GIB), Process(pid=8, name="", memory_bytes=None))
    (device,) = merge([look(share, nvml(processes=hidden, reading=Reading(at=100)))], own_pod="train-0")
    assert device.reading == Reading(at=100)


def line(identity: str, source: Any, *times: float, engine: float | None = 0.5) -> DeviceSeries:
    readings = [Reading(at=at, engine=engine) for at in times]
    return DeviceSeries(device_id=identity, uuid=identity, label="GPU 0", readings=readings, source=source)


def test_lines_of_two_sources_follow_each_other_and_are_not_mixed() -> None:
    (merged,) = merge_series([line(CARD, "dcgm", 10, 40, 70, 100, 130), line(CARD, "nvml", 60, 61, 62)])
    assert [reading.at for reading in merged.readings] == [10, 40, 60, 61, 62, 70, 100, 130]
    (merged,) = merge_series([line(CARD, "dcgm", 10, 40, 70), line(CARD, "nvml", 35, 60, 90)])
    assert [reading.at for reading in merged.readings] == [10, 35, 60, 90]


def test_of_a_device_that_went_from_pod_to_pod_only_the_last_pods_line_is_kept() -> None:
    before, after = (replace(line(CARD, "dcgm", *times), pod=pod) for pod, times in {"b": (1, 2), "a": (3, 4)}.items())
    (merged,) = merge_series([before, after, line(CARD, "nvml", 2.5, 3.5)])
    assert (merged.pod, [reading.at for reading in merged.readings]) == ("a", [2.5, 3.5, 4])


fraction = st.none() | st.floats(0, 1)
readings = st.builds(
    Reading,
    at=st.floats(0, 300),
    engine=fraction,
    dram=fraction,
    memory_bytes=st.none() | st.integers(0, 80 * GIB),
    power_watts=st.none() | st.floats(0, 700),
)
devices = st.builds(
    lambda make, uuid, reading: make(id=uuid, uuid=uuid, reading=reading),
    st.sampled_from([nvml, dcgm]),
    st.sampled_from(["GPU-a", "GPU-b", "GPU-c"]),
    st.none() | readings,
)


@given(st.lists(devices, max_size=8, unique_by=lambda device: (device.uuid, device.source)), st.randoms())
def test_the_order_of_sources_never_matters_and_no_device_is_lost_or_doubled(found: list[Device], random: Any) -> None:
    merged = merge([look(device) for device in found])
    shuffled = random.sample(found, len(found))
    half = len(shuffled) // 2
    assert merge([look(*shuffled[:half]), look(*shuffled[half:])]) == merged
    assert {device.id for device in merged} == {device.id for device in found}
    assert len(merged) == len({device.id for device in found})
    assert merge([look(*merged)]) == merged


@given(st.lists(devices, max_size=8, unique_by=lambda device: (device.uuid, device.source)))
def test_a_figure_is_never_made_up_and_never_lost_from_the_newest(found: list[Device]) -> None:
    for device in merge([look(*found)]):
        told = [other.reading for other in found if other.uuid == device.uuid and other.reading is not None]
        if device.reading is None:
            assert not told
            continue
        newest = max(reading.at for reading in told)
        assert device.reading.at == newest
        for name in (each.name for each in fields(Reading)):
            value = getattr(device.reading, name)
            assert value is None or value in [getattr(reading, name) for reading in told]
            if any(reading.at == newest and getattr(reading, name) is not None for reading in told):
                assert value is not None


@given(st.lists(st.floats(0, 1000), unique=True), st.lists(st.floats(0, 1000), unique=True))
def test_a_merged_line_keeps_all_of_the_nearest_source_in_order(near: list[float], far: list[float]) -> None:
    lines = [line(CARD, "dcgm", *far), line(CARD, "nvml", *near)]
    (merged,) = merge_series(lines)
    times = [reading.at for reading in merged.readings]
    assert times == sorted(set(times))
    assert set(near) <= set(times) <= set(near) | set(far)
    assert merge_series([replace(lines[1], readings=list(reversed(lines[1].readings))), lines[0]]) == [merged]
