"""GPUs over HTTP and the socket: a real server, its real NVML client, a driver that the tests built."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import pytest
from tests.conftest import until
from tests.jupyter import Server, running
from tests.nvml import driver as codes
from tests.nvml.driver import GIB, FakeDriver, build, two_gpus

ALARM_MINUTES = 0.1
TOKEN = "of the tests"
WAIT = "import pathlib, time\nwhile not pathlib.Path(gate).exists():\n    time.sleep(0.02)"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> FakeDriver:
    """The machine's driver."""
    base = tmp_path_factory.mktemp("driver")
    return FakeDriver(folder=build(base), state=base / "gpus")


@pytest.fixture(scope="module")
def gpu_server(machine: FakeDriver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on a machine with two cards, the first of which jobs may have."""
    options = (f"--WindlassApp.gpu_alarm_minutes={ALARM_MINUTES}", "--WindlassApp.local_gpus=0")
    token = f"--IdentityProvider.token={TOKEN}"
    with running(tmp_path_factory.mktemp("gpus"), *options, token, variables=machine.variables) as server:
        yield server


@pytest.fixture
def driver(machine: FakeDriver) -> Iterator[FakeDriver]:
    """Two cards, one of them cut in slices; nobody looks any more when the test ends."""
    machine.gpus, machine.processes, machine.errors, machine.slow = two_gpus(), [], [], []
    machine.write()
    yield machine
    until(lambda: not machine.is_held, what="the server letting go of the driver")


def jupyter(server: Server) -> httpx.Client:
    """Jupyter's own interface."""
    return httpx.Client(base_url=server.record["url"], headers={"Authorization": f"token {TOKEN}"}, timeout=60)


def seen(server: Server) -> dict[str, Any]:
    with server.client() as http:
        return http.get("/gpus").raise_for_status().json()


def by_uuid(snapshot: dict[str, Any]) -> dict[str, Any]:
    return {device["uuid"][:5]: device for device in snapshot["devices"]}


def test_a_question_is_answered_with_what_is_known_and_null_for_what_is_not(
    gpu_server: Server, driver: FakeDriver
) -> None:
    snapshot = seen(gpu_server)
    found = by_uuid(snapshot)
    assert found["GPU-a"]["now"]["engine"] == 0.87
    assert found["GPU-a"]["now"]["memory_bytes"] == 8 * GIB
    assert found["GPU-a"]["owners"] == []
    part = found["MIG-2"]
    assert (part["kind"], part["parent_uuid"], part["mig_profile"]) == ("slice", found["GPU-b"]["uuid"], "2g.10gb")
    assert part["now"]["engine"] is None
    assert part["problem"]
    assert (snapshot["engine"], snapshot["conditions"]) == (0.87, [])


def test_a_driver_that_is_away_is_a_condition_and_no_zeros(machine: FakeDriver, tmp_path: Path) -> None:
    away = replace(machine, state=tmp_path / "gpus", gpus=two_gpus(), errors=[])
    away.errors = [("nvmlInitWithFlags", codes.DRIVER_NOT_LOADED, None)]
    away.write()
    with running(tmp_path / "server", variables=away.variables) as server:
        snapshot = seen(server)
        assert (snapshot["devices"], snapshot["engine"]) == ([], None)
        told = [(condition["source"], condition["code"]) for condition in snapshot["conditions"]]
        assert told == [("nvml", "no-driver")]


def test_a_tab_sees_a_bar_move_each_tab_the_same_and_nobody_asks_when_they_leave(
    gpu_server: Server, driver: FakeDriver
) -> None:
    tabs = [gpu_server.tab() for _ in range(3)]
    for tab in tabs:
        tab.say(type="subscribe_gpus")
    first = [tab.hear("gpus") for tab in tabs]
    uuid = driver.gpus[0].uuid
    assert all(by_uuid(event["snapshot"])["GPU-a"]["now"]["engine"] == 0.87 for event in first)
    recent = first[0]["recent"]
    assert len(recent["times"]) == len(recent["lines"][0]["engine"])
    assert driver.is_held
    driver.gpus[0].util = 12
    driver.write()
    moved = []
    for tab in tabs:
        reading = tab.hear("gpu_readings")["readings"][uuid]
        while reading["engine"] != 0.12:
            reading = tab.hear("gpu_readings")["readings"][uuid]
        moved.append(reading)
    assert moved[0] == moved[1] == moved[2]
    for tab in tabs[:2]:
        tab.say(type="unsubscribe_gpus")
    tabs[2].close()
    until(lambda: not driver.is_held, what="the end of looking")
    for tab in tabs[:2]:
        tab.close()


def test_a_change_that_is_no_reading_brings_all_of_it(gpu_server: Server, driver: FakeDriver) -> None:
    tab = gpu_server.tab()
    tab.say(type="subscribe_gpus")
    tab.hear("gpus")
    driver.errors = [("nvmlDeviceGetMemoryInfo", codes.GPU_IS_LOST, 0)]
    driver.write()
    lost = by_uuid(tab.hear("gpus")["snapshot"])["GPU-a"]
    assert (lost["now"], "lost" in lost["problem"]) == (None, True)
    driver.errors = []
    driver.write()
    back = by_uuid(tab.hear("gpus")["snapshot"])["GPU-a"]
    assert (back["now"]["engine"], back["problem"]) == (0.87, None)
    tab.close()


def start_kernel(server: Server, path: str) -> tuple[str, psutil.Process]:
    """A session as a browser makes it. Returns its id, and the kernel's process."""
    assert server.process is not None
    before = {child.pid for child in psutil.Process(server.process.pid).children(recursive=True)}
    with jupyter(server) as http:
        body = {"path": path, "name": "", "type": "notebook", "kernel": {"name": "python3"}}
        session = http.post("api/sessions", json=body).raise_for_status().json()
    made = [
        child
        for child in psutil.Process(server.process.pid).children(recursive=True)
        if child.pid not in before and any("ipykernel" in word for word in child.cmdline())
    ]
    return session["id"], made[0]


def test_a_kernels_process_is_its_notebook(gpu_server: Server, driver: FakeDriver) -> None:
    gpu_server.notebook("work/explore.ipynb", "1")
    session, kernel = start_kernel(gpu_server, "work/explore.ipynb")
    driver.processes = [("0", kernel.pid, 3 * GIB), ("1.1", psutil.Process().pid, None)]
    driver.write()
    found = by_uuid(seen(gpu_server))
    (owner,) = found["GPU-a"]["owners"]
    assert (owner["kind"], owner["label"], owner["notebook"]) == ("kernel", "explore.ipynb", "work/explore.ipynb")
    assert (owner["pid"], owner["memory_bytes"]) == (kernel.pid, 3 * GIB)
    (stranger,) = found["MIG-2"]["owners"]
    assert (stranger["kind"], stranger["notebook"], stranger["memory_bytes"]) == ("other", None, None)
    assert found["GPU-b"]["owners"] == [], "what is on a slice is not told of its card a second time"
    with jupyter(gpu_server) as http:
        http.delete(f"api/sessions/{session}").raise_for_status()


def test_a_job_holds_its_card_before_it_uses_it_and_its_rank_is_named_when_it_does(
    gpu_server: Server, driver: FakeDriver, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    gpu_server.notebook("resnet.ipynb", "# parameters\ngate = ''", WAIT)
    job = gpu_server.send("resnet.ipynb", parameters={"gate": str(gate)}, gpus_per_worker=1, name="resnet")
    gpu_server.reaches(job["id"], "running")

    def card() -> dict[str, Any]:
        return by_uuid(seen(gpu_server))["GPU-a"]

    until(lambda: card()["job_id"] == job["id"], what="the job's holding of its card")
    assert card()["owners"] == []
    status = gpu_server.data / "jobs" / job["id"] / "ranks" / "0" / "status.json"
    pid = until(lambda: status.exists() and json.loads(status.read_text()).get("pid"), what="the rank's status")
    driver.processes = [("0", pid, GIB)]
    driver.write()
    until(lambda: card()["owners"], what="the look that sees the process")
    snapshot = seen(gpu_server)
    (owner,) = by_uuid(snapshot)["GPU-a"]["owners"]
    assert (owner["kind"], owner["label"], owner["job_id"], owner["rank"]) == ("job", "resnet, rank 0", job["id"], 0)
    (group,) = snapshot["groups"]
    assert (group["job_id"], group["name"], group["devices"]) == (job["id"], "resnet", 1)
    assert (group["engine"]["mean"], group["engine"]["known"]) == (0.87, 1)
    gate.touch()
    gpu_server.reaches(job["id"], "succeeded")


def test_a_card_that_is_held_and_does_nothing_is_told_until_that_is_dismissed(
    gpu_server: Server, driver: FakeDriver
) -> None:
    gpu_server.notebook("idle.ipynb", "1")
    session, kernel = start_kernel(gpu_server, "idle.ipynb")
    driver.gpus[0] = replace(driver.gpus[0], util=0, pcie_tx=0, pcie_rx=0)
    driver.processes = [("0", kernel.pid, 3 * GIB)]
    driver.write()
    tab = gpu_server.tab()
    tab.say(type="subscribe_gpus")
    deadline = time.monotonic() + 60
    alarms: list[dict[str, Any]] = []
    while not alarms:
        assert time.monotonic() < deadline
        alarms = tab.hear("gpus")["snapshot"]["alarms"]
    (alarm,) = alarms
    assert (alarm["kind"], alarm["device_id"], alarm["engine"]) == ("idle", driver.gpus[0].uuid, 0.0)
    with gpu_server.client() as http:
        answer = http.post(f"/gpus/alarms/{quote(alarm['id'], safe='')}/dismiss")
        assert answer.status_code == 204
        assert http.post("/gpus/alarms/idle%3AGPU-none/dismiss").status_code == 404
    while alarms:
        assert time.monotonic() < deadline
        alarms = tab.hear("gpus")["snapshot"]["alarms"]
    tab.close()
    with jupyter(gpu_server) as http:
        http.delete(f"api/sessions/{session}").raise_for_status()


def test_history_has_lines_of_the_devices_asked_for_and_gaps_where_nobody_looked(
    gpu_server: Server, driver: FakeDriver
) -> None:
    tab = gpu_server.tab()
    tab.say(type="subscribe_gpus")
    tab.hear("gpus")
    tab.hear("gpu_readings")
    uuid = driver.gpus[0].uuid
    with gpu_server.client() as http:
        history = http.get("/gpus/history", params={"device": uuid, "seconds": 3600, "points": 60}).json()
    tab.close()
    (line,) = history["lines"]
    assert (line["device_id"], line["label"], line["source"]) == (uuid, "GPU 0", "nvml")
    assert len(history["times"]) == len(line["engine"]) == len(line["memory_bytes"]) == 60
    assert line["engine"][0] is None, "an hour ago nobody looked"


@pytest.mark.parametrize("query", ["seconds=1", "seconds=x", "points=1", "points=99999", "seconds=9999999999"])
def test_a_history_that_makes_no_sense_is_refused_with_a_sentence(gpu_server: Server, query: str) -> None:
    with gpu_server.client() as http:
        answer = http.get(f"/gpus/history?{query}")
    assert answer.status_code == 400
    assert "whole number" in answer.json()["detail"]
