"""A job's GPUs over its life by REST: of jobs that run, have ended, were found again, or left nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from tests.conftest import until
from tests.jupyter import Server, end_all, running
from tests.nvml.driver import GIB, FakeDriver, Gpu, build

GIVEN = ("--WindlassApp.local_gpus=0", "--WindlassApp.local_gpus=1")
HOLDING = "import os, pathlib, time\nwhile not pathlib.Path({go_on!r}).exists(): time.sleep(0.02)"


class Watched:
    """A server on a machine with a driver."""

    def __init__(self, server: Server, driver: FakeDriver) -> None:
        self.server = server
        self.driver = driver

    def send(self, name: str, **request: Any) -> str:
        source = HOLDING.format(go_on=str(self.go_on(name)))
        return self.server.send(self.server.notebook(f"{name}.ipynb", source), **request)["id"]

    def go_on(self, name: str) -> Path:
        return self.server.base / f"go-on-{name}"

    def gpus(self, job_id: str, **query: Any) -> dict[str, Any]:
        with self.server.client() as http:
            return http.get(f"/jobs/{job_id}/gpus", params=query).raise_for_status().json()

    def until_seen(self, job_id: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            found = self.gpus(job_id)
            return found if found["history"]["lines"] else None

        return until(look, what="a reading")

    def end(self, name: str, job_id: str) -> None:
        self.go_on(name).touch()
        assert self.server.reaches(job_id)["state"] == "succeeded", self.server.log_text(job_id)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    base = tmp_path_factory.mktemp("gpus")
    gpus = [
        Gpu(uuid="GPU-0", util=90, used=8 * GIB, power=300_000),
        Gpu(uuid="GPU-1", util=2, used=GIB, power=60_000),
    ]
    driver = FakeDriver(folder=build(tmp_path_factory.getbasetemp()), state=base / "state", gpus=gpus)
    driver.write()
    with mock.patch.dict(os.environ, driver.variables), running(base, *GIVEN) as server:
        yield Watched(server, driver)


def known(values: list[float | None]) -> set[float]:
    return {value for value in values if value is not None}


def test_a_jobs_history_grows_while_it_runs_and_stays_when_it_has_ended(watched: Watched) -> None:
    job_id = watched.send("grows", gpus_per_worker=2)
    live = watched.until_seen(job_id)
    assert live["live"]
    card, other = live["history"]["lines"]
    assert (card["device_id"], card["source"], card["memory_total_bytes"]) == ("GPU-0", "job", 40 * GIB)
    assert (known(card["engine"]), known(card["memory_bytes"]), known(card["power_watts"])) == (
        {0.9},
        {8 * GIB},
        {300.0},
    )
    assert known(other["engine"]) == {0.02}
    watched.end("grows", job_id)
    ended = watched.gpus(job_id, points=20)
    assert not ended["live"]
    history = ended["history"]
    assert len(history["times"]) == len(history["lines"][0]["engine"]) == 20
    job = watched.server.job(job_id)
    assert history["end"] - history["start"] == pytest.approx(job["duration_seconds"], abs=0.01)
    usage = ended["usage"]
    assert (usage["devices"], usage["engine_peak"], usage["memory_peak_bytes"]) == (2, 0.9, 8 * GIB)
    assert usage["engine_mean"] == pytest.approx(0.46)
    assert usage["idle_fraction"] == pytest.approx(0.5)
    assert usage["covered"] > 0.3
    assert usage["seconds"] > live["usage"]["seconds"]


def test_two_processes_have_a_device_each(watched: Watched) -> None:
    job_id = watched.send("two", gpus_per_worker=2, processes_per_worker=2)
    lines = watched.until_seen(job_id)["history"]["lines"]
    assert [(line["rank"], line["label"]) for line in lines] == [(0, "rank 0, GPU 0"), (1, "rank 1, GPU 1")]
    watched.end("two", job_id)


def test_what_is_asked_wrongly_is_said_and_what_is_not_there_is_not_found(watched: Watched) -> None:
    with watched.server.client() as http:
        for points in ("0", "9", "100000", "many"):
            answer = http.get("/jobs/x/gpus", params={"points": points})
            assert (answer.status_code, answer.json()["fields"][0]["field"]) == (400, "points")
        assert http.get("/jobs/nowhere/gpus").status_code == 404
    with watched.server.client(Authorization="token wrong") as http:
        assert http.get("/jobs/nowhere/gpus").status_code in (401, 403)


def test_a_job_from_before_readings_were_kept_says_that_nothing_is_known(watched: Watched) -> None:
    job_id = watched.send("before", gpus_per_worker=1)
    watched.until_seen(job_id)
    watched.end("before", job_id)
    (watched.server.data / "jobs" / job_id / "ranks" / "0" / "gpus.jsonl").unlink()
    found = watched.gpus(job_id)
    (condition,) = found["history"]["conditions"]
    assert "left no readings" in condition["message"]
    assert (found["history"]["lines"], found["usage"], found["alarms"]) == ([], None, [])


def test_a_job_that_waits_has_nothing_and_says_so(watched: Watched) -> None:
    first = watched.send("first", gpus_per_worker=2)
    second = watched.send("second", gpus_per_worker=2)
    watched.server.reaches(second, "queued")
    found = watched.gpus(second)
    assert [each["message"] for each in found["history"]["conditions"]] == ["This job has not begun to run."]
    assert found["history"]["lines"] == []
    for name, job_id in (("first", first), ("second", second)):
        watched.end(name, job_id)


def test_a_driver_that_vanishes_leaves_a_gap_and_a_sentence(watched: Watched) -> None:
    job_id = watched.send("vanishes", gpus_per_worker=1)
    watched.until_seen(job_id)
    watched.driver.errors = [("nvmlDeviceGetMemoryInfo_v2", 9, None)]
    watched.driver.write()
    try:
        watched.end("vanishes", job_id)
    finally:
        watched.driver.errors = []
        watched.driver.write()
    found = watched.gpus(job_id, points=50)
    (line,) = found["history"]["lines"]
    assert 0 not in line["engine"]
    assert line["engine"][-1] is None
    assert any("driver is not loaded" in each["message"] for each in found["history"]["conditions"])
    assert found["usage"]["covered"] < 1


def test_readings_outlive_the_ledger_and_later_attempts_do_not_begin_anew(tmp_path: Path) -> None:
    tries = tmp_path / "tries"
    source = (
        f"import pathlib, time\ntries = pathlib.Path({str(tries)!r})\nfirst = not tries.exists()\ntries.touch()\n"
        "time.sleep(2.3 if first else 0)\nassert not first"
    )
    with running(tmp_path) as server:
        job_id = server.send(server.notebook("t.ipynb", source), retries=1)["id"]
        assert server.reaches(job_id)["state"] == "succeeded"
        path = server.data / "jobs" / job_id / "ranks" / "0" / "gpus.jsonl"
        attempts = {json.loads(line)["attempt"] for line in path.read_text().splitlines()}
        assert attempts == {0, 1}
        before = Watched(server, FakeDriver(folder=tmp_path, state=tmp_path / "none")).gpus(job_id)
        server.end()
        for file in server.data.glob("ledger.db*"):
            file.unlink()
        again = Server(base=tmp_path, name="again").start()
        try:
            after = Watched(again, FakeDriver(folder=tmp_path, state=tmp_path / "none")).gpus(job_id)
        finally:
            again.end()
            end_all(again.data)
    assert after["usage"] == before["usage"]
    assert after["usage"]["host_memory_peak_bytes"] > 1e6
    assert any("ended before" in each["message"] for each in after["history"]["conditions"])
