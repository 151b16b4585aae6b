from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time

import pytest
from tests.nvml import driver as codes
from tests.nvml.driver import GIB, FakeDriver, Gpu

from windlass.metrics.nvml.devices import profile_gigabytes
from windlass.metrics.nvml.library import STOCK_SECONDS
from windlass.metrics.nvml.source import NvmlSource
from windlass.metrics.reading import Device, GpuSource, Look


def by_uuid(look: Look) -> dict[str, Device]:
    return {device.uuid[:5]: device for device in look.devices}


async def test_a_card_is_told_with_all_it_says_of_itself(source: NvmlSource) -> None:
    assert isinstance(source, GpuSource)
    look = await source.look()
    assert look.conditions == ()
    card = by_uuid(look)["GPU-a"]
    assert (card.kind, card.name, card.index, card.problem) == ("card", "NVIDIA A100-SXM4-40GB", 0, None)
    assert card.memory_total_bytes == 40 * GIB
    reading = card.reading
    assert reading is not None
    assert (reading.engine, reading.dram, reading.memory_bytes) == (0.87, 0.41, 8 * GIB)
    assert (reading.power_watts, reading.temperature_celsius, reading.sm_clock_mhz) == (312.4, 61.0, 1410.0)
    assert reading.at == look.at


async def test_traffic_over_pcie_is_both_ways_in_bytes(source: NvmlSource) -> None:
    await source.look()
    reading = by_uuid(await source.look())["GPU-a"].reading
    assert reading is not None
    assert reading.pcie_bytes_per_second == 3_000_000


async def test_slices_stand_under_their_card_with_memory_of_their_own_and_no_made_up_use(source: NvmlSource) -> None:
    found = by_uuid(await source.look())
    card, small, larger = found["GPU-b"], found["MIG-1"], found["MIG-2"]
    assert card.reading is not None
    assert card.reading.engine is None, "a card in MIG mode has no use of its own; 0 would be a lie"
    assert card.problem is None
    assert [(part.kind, part.parent_uuid, part.mig_profile, part.gpu_instance) for part in (small, larger)] == [
        ("slice", card.uuid, "1g.5gb", 7),
        ("slice", card.uuid, "2g.10gb", 3),
    ]
    assert larger.reading is not None
    assert (larger.reading.engine, larger.reading.memory_bytes, larger.reading.power_watts) == (None, GIB, None)
    assert larger.problem is not None
    assert "DCGM" in larger.problem


async def test_slices_of_a_card_that_gives_performance_samples_tell_their_use(
    driver: FakeDriver, source: NvmlSource
) -> None:
    driver.gpus[1].gpm = 1
    driver.gpus[1].parts[1].gpm, driver.gpus[1].parts[1].gpm_engine = 1, 62.5
    driver.gpus[1].parts[1].gpm_tensor, driver.gpus[1].parts[1].gpm_dram = 30.0, 12.5
    driver.write()
    first = by_uuid(await source.look())["MIG-2"]
    assert first.reading is not None
    assert first.reading.engine is None, "what lies between two samples is not known after one"
    second = by_uuid(await source.look())["MIG-2"]
    assert second.reading is not None
    assert (second.reading.engine, second.reading.tensor, second.reading.dram) == (0.625, 0.3, 0.125)
    assert second.problem is None


@pytest.mark.parametrize(
    ("attributes_mib", "card_gib", "gigabytes"),
    [(4864, 39.59, 5), (9856, 39.59, 10), (19968, 39.59, 20), (9728, 79.25, 10), (40192, 79.25, 40), (9984, 79.65, 10)],
)
def test_a_slice_is_named_as_nvidia_names_its_profile(attributes_mib: int, card_gib: float, gigabytes: int) -> None:
    assert profile_gigabytes(slice_mebibytes=attributes_mib, card_bytes=int(card_gib * GIB)) == gigabytes


async def test_a_profile_follows_from_its_size_where_an_old_driver_does_not_name_it(
    driver: FakeDriver, source: NvmlSource
) -> None:
    driver.gpus[1].parts[1].name = "NVIDIA A100-SXM4-40GB"
    driver.write()
    assert by_uuid(await source.look())["MIG-2"].mig_profile == "2g.10gb"


async def test_processes_are_named_with_their_memory_where_that_is_told(driver: FakeDriver, source: NvmlSource) -> None:
    driver.processes = [("0", os.getpid(), 3 * GIB), ("1.1", 1_999_999_999, None)]
    driver.write()
    found = by_uuid(await source.look())
    mine = found["GPU-a"].processes
    assert mine is not None
    assert [(process.pid, process.memory_bytes) for process in mine] == [(os.getpid(), 3 * GIB)]
    assert "python" in mine[0].name or "pytest" in mine[0].name
    foreign = found["MIG-2"].processes
    assert foreign is not None
    assert [(process.name, process.memory_bytes) for process in foreign] == [("process-1999999999", None)]


async def test_no_process_means_nobody_only_where_processes_of_the_machine_can_be_seen(
    driver: FakeDriver, source: NvmlSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    for sees, expected in ((True, ()), (False, None)):
        monkeypatch.setattr("windlass.metrics.nvml.measuring.sees_host_processes", lambda sees=sees: sees)
        card = by_uuid(await source.look())["GPU-a"]
        assert card.processes == expected
        assert (card.problem is None) is sees


@pytest.mark.parametrize(
    ("call", "field", "named"),
    [
        ("nvmlDeviceGetUtilizationRates", "engine", "utilisation"),
        ("nvmlDeviceGetMemoryInfo", "memory_bytes", "memory"),
        ("nvmlDeviceGetPowerUsage", "power_watts", "power"),
        ("nvmlDeviceGetTemperature", "temperature_celsius", "temperature"),
        ("nvmlDeviceGetClockInfo", "sm_clock_mhz", "clock"),
    ],
)
async def test_a_figure_that_is_refused_is_unknown_and_costs_no_other(
    driver: FakeDriver, source: NvmlSource, call: str, field: str, named: str
) -> None:
    for code, sentence in ((codes.NO_PERMISSION, f"may not read its {named}"), (999, f"does not say its {named}")):
        driver.errors = [(call, code, 0)]
        driver.write()
        card = by_uuid(await source.look())["GPU-a"]
        assert card.reading is not None
        assert getattr(card.reading, field) is None
        assert card.problem is not None
        assert sentence in card.problem
        others = {"engine", "memory_bytes", "power_watts", "temperature_celsius", "sm_clock_mhz"} - {field}
        assert all(getattr(card.reading, other) is not None for other in others)


async def test_what_a_card_does_not_support_is_unknown_without_complaint(
    driver: FakeDriver, source: NvmlSource
) -> None:
    driver.errors = [("nvmlDeviceGetPowerUsage", codes.NOT_SUPPORTED, None)]
    driver.write()
    card = by_uuid(await source.look())["GPU-a"]
    assert card.reading is not None
    assert (card.reading.power_watts, card.problem) == (None, None)


async def test_who_uses_a_card_is_unknown_where_that_is_refused(driver: FakeDriver, source: NvmlSource) -> None:
    driver.errors = [("nvmlDeviceGetComputeRunningProcesses_v3", codes.NO_PERMISSION, 0)]
    driver.write()
    found = by_uuid(await source.look())
    assert found["GPU-a"].processes is None
    assert "processes" in (found["GPU-a"].problem or "")
    assert found["GPU-b"].processes is not None


async def test_a_lost_card_stays_in_the_list_without_figures_and_the_others_go_on(
    driver: FakeDriver, source: NvmlSource
) -> None:
    await source.look()
    driver.errors = [("nvmlDeviceGetMemoryInfo", codes.GPU_IS_LOST, 0)]
    driver.write()
    found = by_uuid(await source.look())
    assert (found["GPU-a"].reading, found["GPU-a"].processes) == (None, None)
    assert "lost this GPU" in (found["GPU-a"].problem or "")
    assert found["MIG-2"].reading is not None


async def test_a_card_that_cannot_even_be_named_is_a_condition_beside_the_others(
    driver: FakeDriver, source: NvmlSource
) -> None:
    driver.errors = [("nvmlDeviceGetHandleByIndex_v2", codes.NO_PERMISSION, 0)]
    driver.write()
    look = await source.look()
    assert set(by_uuid(look)) == {"GPU-b", "MIG-1", "MIG-2"}
    assert [condition.code for condition in look.conditions] == ["partial"]
    assert "GPU 0" in look.conditions[0].message


@pytest.mark.parametrize(
    ("broken", "code", "words"),
    [
        (("nvmlInitWithFlags", codes.DRIVER_NOT_LOADED), "no-driver", "not loaded"),
        (("nvmlInitWithFlags", codes.NO_PERMISSION), "no-permission", "/dev/nvidia"),
        (("nvmlInitWithFlags", codes.VERSION_MISMATCH), "no-driver", "Restart the machine"),
        (("nvmlInitWithFlags", 999), "failed", "nvidia-smi"),
        (("nvmlDeviceGetCount_v2", 999), "failed", "Unknown"),
    ],
)
async def test_a_driver_that_cannot_be_used_is_a_condition_and_comes_back(
    driver: FakeDriver, source: NvmlSource, broken: tuple[str, int], code: str, words: str
) -> None:
    driver.errors = [(*broken, None)]
    driver.write()
    look = await source.look()
    assert look.devices == ()
    assert [condition.code for condition in look.conditions] == [code]
    assert words in look.conditions[0].message
    away_for = source.interval_seconds
    driver.errors = []
    driver.write()
    assert len((await source.look()).devices) == 4
    assert source.interval_seconds < away_for, "an absent driver is asked for less often"


async def test_a_driver_that_goes_away_while_it_is_watched_is_begun_again(
    driver: FakeDriver, source: NvmlSource
) -> None:
    assert len((await source.look()).devices) == 4
    driver.errors = [("nvmlDeviceGetMemoryInfo", 1, None)]
    driver.write()
    assert (await source.look()).devices == ()
    driver.errors = []
    driver.write()
    assert len((await source.look()).devices) == 4


async def test_a_machine_with_a_driver_and_no_card_says_so(driver: FakeDriver, source: NvmlSource) -> None:
    driver.gpus = []
    driver.write()
    assert [condition.code for condition in (await source.look()).conditions] == ["no-devices"]


def test_a_machine_without_the_library_says_so() -> None:
    """In a process of its own: a library once loaded stays."""
    program = (
        "import asyncio; from windlass.metrics.nvml.source import NvmlSource\n"
        "look = asyncio.run(NvmlSource().look())\n"
        "print(look.devices, [c.code for c in look.conditions], look.conditions[0].message)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    if "no-driver" not in done.stdout:
        pytest.skip("This machine has a driver of its own.")
    assert done.stdout.startswith("() ['no-driver'] ")
    assert "libnvidia-ml.so.1" in done.stdout


async def test_slices_that_are_cut_anew_are_found(
    driver: FakeDriver, source: NvmlSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await source.look()
    driver.gpus[1].parts.pop()
    driver.write()
    monkeypatch.setattr("time.time", lambda: first.at + STOCK_SECONDS)
    assert set(by_uuid(await source.look())) == {"GPU-a", "GPU-b", "MIG-1"}


async def test_an_error_the_driver_reports_is_kept_and_none_is_made_up(driver: FakeDriver, source: NvmlSource) -> None:
    before = by_uuid(await source.look())["GPU-a"].reading
    assert before is not None
    assert before.xid is None
    driver.gpus[0].xid = 79
    driver.write()
    for _ in range(2):
        after = by_uuid(await source.look())
        assert after["GPU-a"].reading is not None
        assert after["GPU-a"].reading.xid == 79
    assert after["GPU-b"].reading is not None
    assert after["GPU-b"].reading.xid is None


async def test_a_driver_that_hangs_keeps_its_thread_and_not_the_server(driver: FakeDriver) -> None:
    driver.slow = [("nvmlDeviceGetUtilizationRates", 1500)]
    driver.write()
    source = NvmlSource(patience_seconds=0.05)
    look = await source.look()
    assert [condition.code for condition in look.conditions] == ["away"]
    assert "not answered" in look.conditions[0].message
    again = await source.look()
    assert again.devices == ()
    asking = [thread for thread in threading.enumerate() if thread.name.startswith("windlass-nvml")]
    assert len(asking) == 1, "a second look must not ask a second time"
    driver.slow = []
    driver.write()
    deadline = time.monotonic() + 20
    while not (await source.look()).devices:
        assert time.monotonic() < deadline
    await source.close()


async def test_resting_while_a_look_is_on_its_way_lets_go_after_it(driver: FakeDriver, source: NvmlSource) -> None:
    driver.slow = [("nvmlDeviceGetUtilizationRates", 200)]
    driver.write()
    looking = asyncio.create_task(source.look())
    deadline = time.monotonic() + 20
    while not driver.is_held:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    looking.cancel()
    await source.rest()
    assert not driver.is_held


async def test_resting_lets_go_of_the_driver_and_the_thread(driver: FakeDriver, source: NvmlSource) -> None:
    await source.look()
    await source.rest()
    deadline = time.monotonic() + 20
    while any(thread.name.startswith("windlass-nvml") for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    driver.gpus = [Gpu(uuid="GPU-new", util=10)]
    driver.write()
    assert [device.uuid for device in (await source.look()).devices] == ["GPU-new"]
