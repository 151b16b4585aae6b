"""Two hundred jobs at once through REST: all are taken, listed, told to every tab, and stopped."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.conftest import until
from tests.jupyter import Server, running

COUNT = 200
WAIT = "import pathlib, time\nwhile not pathlib.Path(gate).exists():\n    time.sleep(0.05)"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that runs one job at a time."""
    with running(tmp_path, "--WindlassApp.local_cpus=1") as server:
        yield server


def test_two_hundred_jobs_are_taken_listed_told_and_stopped(server: Server, tmp_path: Path) -> None:
    server.notebook("wait.ipynb", "# parameters\ngate = ''", WAIT)
    tab = server.tab()
    tab.say(type="subscribe_jobs")
    tab.hear("jobs")
    with server.client() as http, ThreadPoolExecutor(8) as pool:
        request = {"notebook": "wait.ipynb", "parameters": {"gate": str(tmp_path / "gate")}}
        answers = list(pool.map(lambda _: http.post("/jobs", json=request), range(COUNT)))
        assert {answer.status_code for answer in answers} == {201}
        sent = {answer.json()["id"] for answer in answers}
        assert len(sent) == COUNT

        def places() -> list[int]:
            items = http.get("/jobs", params={"limit": COUNT}).json()["items"]
            return sorted(job["queue_position"] for job in items if job["state"] == "queued")

        until(lambda: places() == list(range(1, COUNT)), what="every job's place in the list")
        first = next(job for job in http.get("/jobs?limit=200").json()["items"] if job["queue_position"] is None)
        assert first["state"] in ("pending", "running")

        told: dict[str, str] = {}
        stopped = list(pool.map(lambda job_id: http.post(f"/jobs/{job_id}/stop", json={}), sorted(sent)))
        assert {answer.status_code for answer in stopped} == {200}
        while set(told.values()) != {"stopped"} or told.keys() != sent:
            told |= {job["id"]: job["state"] for job in tab.hear("jobs")["jobs"]}
        capacity = http.get("/info").json()["engines"][0]["capacity"]
        assert (capacity["running"], capacity["queued"]) == (0, 0)
    tab.close()
