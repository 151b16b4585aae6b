"""The server dies at the worst moments, and nothing is lost."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.conftest import until
from tests.jupyter import Server, end_all

GATE = "# parameters\ngate = ''"
WAIT = "import pathlib, time\nprint('begun', flush=True)\nwhile not pathlib.Path(gate).exists():\n    time.sleep(0.02)"
SPEAK = "for i in range(100):\n    print('line', i, flush=True)"
WHOLE = "begun\n" + "".join(f"line {i}\n" for i in range(100))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of this test alone, to be killed."""
    server = Server(base=tmp_path)
    try:
        server.start().notebook("gated.ipynb", GATE, WAIT, SPEAK)
        yield server
    finally:
        server.end()
        end_all(tmp_path / "data")


def test_a_killed_server_finds_its_jobs_again_and_their_logs_go_on(server: Server, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    running = server.send("gated.ipynb", key="survivor", parameters={"gate": str(gate)})
    done = server.reaches(server.send("gated.ipynb", parameters={"gate": str(server.root)})["id"], "succeeded")
    until(lambda: "begun" in server.log_text(running["id"]), what="the first line")
    tab = server.tab()
    tab.say(type="subscribe_jobs")
    cursor = tab.hear("jobs")["cursor"]
    tab.say(type="subscribe_log", job_id=running["id"])
    offset = tab.hear("log")["page"]["next_offset"]

    server.kill()
    tab.close()
    gate.touch()
    server.start()

    assert server.send("gated.ipynb", key="survivor", parameters={"gate": str(gate)})["id"] == running["id"]
    tab = server.tab()
    tab.say(type="subscribe_jobs", cursor=cursor)
    event = tab.hear("jobs")
    assert event["reset"] is False
    assert done["id"] not in [job["id"] for job in event["jobs"]]
    tab.say(type="subscribe_log", job_id=running["id"], offset=offset)
    rest = ""
    while True:
        page = tab.hear("log")["page"]
        rest += "".join(segment["text"] for segment in page["segments"])
        if page["complete"]:
            break
    assert WHOLE[:offset] + rest == WHOLE
    server.reaches(running["id"], "succeeded")
    with server.client() as http:
        listed = {job["id"]: job["state"] for job in http.get("/jobs").json()["items"]}
    assert listed == {running["id"]: "succeeded", done["id"]: "succeeded"}
    tab.close()


def test_a_job_written_down_but_not_handed_over_is_handed_over_by_the_next_server(server: Server) -> None:
    job = server.reaches(server.send("gated.ipynb", parameters={"gate": str(server.root)})["id"], "succeeded")
    server.kill()
    end_all(server.data)
    with sqlite3.connect(server.data / "ledger.db") as ledger:
        left_behind = (
            "UPDATE jobs SET id = 'j000000left0000', state = 'submitted', started_at = NULL, ended_at = NULL, "
            "status = '{}', created_us = created_us - 60000000 WHERE id = ?"
        )
        assert ledger.execute(left_behind, (job["id"],)).rowcount == 1
    server.start()
    assert server.reaches("j000000left0000", "succeeded")["bundle_sha256"] == job["bundle_sha256"]
    assert server.log_text("j000000left0000") == WHOLE


def test_a_damaged_ledger_is_moved_aside_and_rebuilt_from_the_jobs(server: Server, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    done = server.reaches(server.send("gated.ipynb", parameters={"gate": str(server.root)})["id"], "succeeded")
    running = server.send("gated.ipynb", parameters={"gate": str(gate)})
    server.reaches(running["id"], "running")
    server.kill()
    for suffix in ("-wal", "-shm"):
        Path(f"{server.data}/ledger.db{suffix}").unlink(missing_ok=True)
    (server.data / "ledger.db").write_bytes(b"this is no database " * 1000)
    server.start()
    with server.client() as http:
        jobs = {job["id"]: job for job in http.get("/jobs").json()["items"]}
        checks = {check["name"]: check for check in http.get("/doctor").json()["items"]}
    assert jobs.keys() == {done["id"], running["id"]}
    assert jobs[done["id"]]["state"] == "succeeded"
    assert jobs[done["id"]]["parameters"] == done["parameters"]
    assert any("rebuilt" in notice for notice in jobs[done["id"]]["notices"])
    assert checks["damaged ledgers"]["ok"] is None
    gate.touch()
    server.reaches(running["id"], "succeeded")
    assert server.log_text(running["id"]) == WHOLE


def test_a_newer_ledger_is_left_alone_and_said_to_be_one(server: Server) -> None:
    with server.client() as http:
        http.get("/jobs").raise_for_status()
    server.kill()
    with sqlite3.connect(server.data / "ledger.db") as ledger:
        ledger.execute("UPDATE alembic_version SET version_num = '9999'")
    server.start()
    with server.client() as http:
        answer = http.get("/jobs")
        assert answer.status_code == 503
        assert "newer version of Windlass" in answer.json()["detail"]
        assert http.get("/info").status_code == 200
        checks = {check["name"]: check for check in http.get("/doctor").json()["items"]}
    assert checks["ledger"]["ok"] is False
    with sqlite3.connect(server.data / "ledger.db") as ledger:
        assert ledger.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)


def test_a_killed_supervisor_makes_a_lost_job_and_no_process_is_left(server: Server, tmp_path: Path) -> None:
    job = server.send("gated.ipynb", parameters={"gate": str(tmp_path / "never")})
    until(lambda: "begun" in server.log_text(job["id"]), what="the first line")
    supervisors = [process for process in psutil.process_iter() if job["id"] in " ".join(_words(process))]
    supervisor = next(process for process in supervisors if "windlass.engines.local.supervisor" in _words(process))
    supervisor.kill()
    assert server.reaches(job["id"], "lost", "failed")["reason"]
    until(lambda: not _of_job(job["id"]), what="the end of its processes")


def test_a_server_that_is_asked_to_end_leaves_its_jobs_and_no_token(server: Server, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    job = server.send("gated.ipynb", parameters={"gate": str(gate)})
    server.reaches(job["id"], "running")
    assert server.process is not None
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(30) == 0
    assert not list((server.base / "runtime").glob("windlass-server-*"))
    assert _of_job(job["id"])
    log = server.log.read_text(errors="replace")
    assert "Traceback" not in log
    assert "Task was destroyed" not in log
    gate.touch()
    server.start()
    server.reaches(job["id"], "succeeded")


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _of_job(job_id: str) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get("WINDLASS_JOB_ID") == job_id:
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue
    return found
