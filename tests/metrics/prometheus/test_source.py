"""Pods' devices from a real Prometheus that scrapes exporters, however they spell and whatever they leave out."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from tests.metrics.prometheus.replay import Replay, needs_prometheus

from windlass.metrics.merging import SHARED
from windlass.metrics.prometheus.queries import Pods
from windlass.metrics.prometheus.source import PrometheusSource
from windlass.metrics.reading import Device, GpuSource, Look

pytestmark = needs_prometheus
MIB = 1024 * 1024
WORKERS = ["wl-demo-3f2a-worker-0", "wl-demo-3f2a-worker-1"]


@asynccontextmanager
async def source(
    replay: Replay, *pods: Pods, clock: Callable[[], float] = time.time
) -> AsyncIterator[PrometheusSource]:
    async def asked() -> list[Pods]:
        return list(pods)

    made = PrometheusSource(url=replay.url, pods=asked, clock=clock)
    try:
        yield made
    finally:
        await made.close()


async def look(replay: Replay, *namespaces: str) -> Look:
    async with source(replay, *(Pods(namespace=namespace) for namespace in namespaces)) as made:
        assert isinstance(made, GpuSource)
        return await made.look()


def by_pod(found: Look) -> dict[str | None, Device]:
    return {device.pod: device for device in found.devices}


@pytest.mark.parametrize("namespace", ["team-honored", "team-kept", "team-twice"])
async def test_a_pods_device_is_known_under_every_spelling_of_its_labels(replay: Replay, namespace: str) -> None:
    found = await look(replay, namespace)
    assert sorted(device.pod or "" for device in found.devices) == WORKERS
    first = by_pod(found)[WORKERS[0]]
    assert (first.kind, first.node, first.index, first.container) == ("card", "node-7", 0, "pytorch")
    assert (first.name, first.namespace, first.problem) == ("NVIDIA H100 80GB HBM3", namespace, None)
    assert first.uuid == first.id == f"GPU-{namespace}c76c-d9cf-fef3-62e9-d92044ab6e50"
    assert first.memory_total_bytes == 81559 * MIB
    reading = first.reading
    assert reading is not None
    assert abs(reading.at - time.time()) < 60
    assert (reading.engine, reading.memory_bytes, reading.power_watts) == (0.93, 68912 * MIB, 612.4)
    assert (reading.temperature_celsius, reading.sm_clock_mhz, reading.xid) == (61, 1980, 0)
    assert (reading.dram, reading.tensor) == (0.38, 0.41)
    assert reading.pcie_bytes_per_second == 812345678 + 512345678


async def test_the_older_names_are_known_too_and_what_they_lack_is_not_made_up(replay: Replay) -> None:
    first = by_pod(await look(replay, "team-version1"))[WORKERS[0]]
    assert (first.namespace, first.container, first.problem) == ("team-version1", "pytorch", None)
    assert first.reading is not None
    assert (first.reading.engine, first.reading.memory_bytes, first.reading.power_watts) == (0.97, 68912 * MIB, 612.4)
    assert (first.reading.dram, first.reading.tensor, first.reading.pcie_bytes_per_second) == (None, None, None)
    assert first.memory_total_bytes == (68912 + 12011) * MIB


async def test_only_the_pods_asked_for_are_told_of(replay: Replay) -> None:
    named = [Pods(namespace="team-honored", pod=name) for name in (*WORKERS, "no-such.pod")]
    async with source(replay, Pods(namespace="team-bob", pod=WORKERS[1]), Pods(namespace="team-kept"), *named) as made:
        found = await made.look()
    assert sorted((device.namespace, device.pod) for device in found.devices) == [
        ("team-bob", WORKERS[1]),
        ("team-honored", WORKERS[0]),
        ("team-honored", WORKERS[1]),
        ("team-kept", WORKERS[0]),
        ("team-kept", WORKERS[1]),
    ]


async def test_of_a_mig_slice_only_what_is_its_own_is_shown(replay: Replay) -> None:
    first = by_pod(await look(replay, "team-mig"))[WORKERS[0]]
    assert (first.kind, first.mig_profile, first.gpu_instance) == ("slice", "2g.10gb", 3)
    assert first.parent_uuid == first.id.removesuffix("/gi-3")
    assert first.reading is not None
    assert (first.reading.engine, first.reading.tensor, first.reading.memory_bytes) == (0.93, 0.41, 68912 * MIB)
    assert (first.reading.power_watts, first.reading.xid, first.reading.pcie_bytes_per_second) == (None, None, None)


async def test_a_slice_without_profiling_fields_is_unknown_and_never_idle(replay: Replay) -> None:
    first = by_pod(await look(replay, "team-mig-plain"))[WORKERS[0]]
    assert first.reading is not None
    assert first.reading.engine is None
    assert "DCGM_FI_PROF_GR_ENGINE_ACTIVE" in (first.problem or "")


async def test_a_card_without_profiling_fields_is_told_by_its_utilisation(replay: Replay) -> None:
    first = by_pod(await look(replay, "team-plain"))[WORKERS[0]]
    assert first.reading is not None
    assert (first.reading.engine, first.reading.tensor, first.problem) == (0.97, None, None)
    mute = by_pod(await look(replay, "team-mute"))[WORKERS[0]]
    assert mute.reading is not None
    assert (mute.reading.engine, mute.reading.memory_bytes) == (None, 68912 * MIB)
    assert "does not say how it is used" in (mute.problem or "")


@pytest.mark.parametrize("namespace", ["team-vgpu", "team-two", "team-node"])
async def test_a_shared_cards_figures_are_left_off_the_pod(replay: Replay, namespace: str) -> None:
    found = await look(replay, namespace)
    assert found.devices
    for device in found.devices:
        assert (device.kind, device.reading, device.problem) == ("share", None, SHARED)
        assert device.id == f"{device.uuid}/{device.pod}"
    async with source(replay, Pods(namespace=namespace)) as made:
        now = time.time()
        assert await made.history(start=now - 60, end=now, step=5) == []


async def test_old_figures_are_not_those_of_now(replay: Replay) -> None:
    async with source(replay, Pods(namespace="team-old"), clock=lambda: replay.begun) as made:
        (first,) = (await made.look()).devices
    assert first.reading is None
    assert "4 min old" in (first.problem or "")
    assert "node-7" in (first.problem or "")


async def test_a_number_that_no_card_can_have_is_none(replay: Replay) -> None:
    first = by_pod(await look(replay, "team-blank"))[WORKERS[0]]
    assert first.reading is not None
    assert (first.reading.power_watts, first.reading.engine) == (None, 0.93)


async def test_cpu_and_memory_of_the_pods_stand_beside_it(replay: Replay) -> None:
    (pod,) = (await look(replay, "team-honored")).pods
    assert (pod.namespace, pod.pod, pod.memory_bytes) == ("team-honored", WORKERS[0], 2 * 1024 * MIB)
    assert pod.cpu_cores == pytest.approx(2.5, rel=0.2)
    async with source(replay, Pods(namespace="team-honored")) as made:
        now = time.time()
        uses = await made.pod_history(start=now - 30, end=now, step=5)
    assert {use.pod for use in uses} == {WORKERS[0]}
    # Of a pod that is younger than a rate's window no rate is told: it would be too low.
    assert all(use.cpu_cores is None or use.cpu_cores == pytest.approx(2.5, rel=0.2) for use in uses)


async def test_pods_that_hold_gpus_nobody_tells_of_are_named(replay: Replay) -> None:
    found = await look(replay, "team-silent")
    assert found.devices == ()
    (condition,) = found.conditions
    assert (condition.source, condition.code) == ("dcgm", "partial")
    assert f"GPUs of {WORKERS[0]}:" in condition.message
    assert "waits" not in condition.message
    assert (await look(replay, "team-honored")).conditions == ()


async def test_no_device_at_all_is_said_to_be_none_told_of(replay: Replay) -> None:
    found = await look(replay, "team-nowhere")
    assert [condition.code for condition in found.conditions] == ["no-devices"]


async def test_without_a_namespace_there_is_nothing_to_ask_for(replay: Replay) -> None:
    found = await look(replay)
    assert [condition.code for condition in found.conditions] == ["not-configured"]


async def test_a_history_has_means_and_leaves_gaps_where_nothing_was_read(replay: Replay) -> None:
    async with source(replay, Pods(namespace="team-past")) as made:
        end = replay.begun
        (line,) = await made.history(start=end - 1500, end=end, step=60)
        assert await made.history(start=end + 1000, end=end + 2000, step=60) == []
    assert (line.device_id, line.pod, line.label, line.source) == ("GPU-past", "train-0", "GPU 0", "dcgm")
    ages = [end - reading.at for reading in line.readings]
    assert not [age for age in ages if 330 < age < 560], "nothing was read for seven minutes"
    whole = [reading for reading in line.readings if 780 < end - reading.at < 1400]
    assert len(whole) >= 9
    for reading in whole:
        assert reading.engine is not None
        assert 0.2 < reading.engine < 0.8, "each point is the mean of its minute"
        assert reading.power_watts is None or reading.power_watts == pytest.approx(250, rel=0.01)
    assert len([reading for reading in whole if reading.power_watts is not None]) >= 8


async def test_all_figures_of_all_pods_are_one_query(replay: Replay) -> None:
    async with source(replay, *(Pods(namespace=f"team-{name}") for name in ("honored", "kept", "twice"))) as made:
        before = _asked(replay)
        found = await made.look()
        # Devices; CPU, memory, what pods ask for; which nodes share.
        assert _asked(replay) - before == 5
    assert len(found.devices) == 6


def _asked(replay: Replay) -> float:
    for line in httpx.get(f"{replay.url}/metrics", timeout=10).text.splitlines():
        if line.startswith('prometheus_http_requests_total{code="200",handler="/api/v1/query"}'):
            return float(line.rpartition(" ")[2])
    return 0.0
