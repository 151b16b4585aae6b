"""The one socket of a tab: what it is told, that nothing is lost over a reconnect, and the save hand-shake."""

from __future__ import annotations

import json
import socket as sockets
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import until
from tests.jupyter import Server, Tab

from windlass.services.saving import NO_ANSWER, NO_BROWSER, NOT_OPEN

GATE = "# parameters\ngate = ''\nn = 3"
WAIT = "import pathlib, time\nprint('begun', flush=True)\nwhile not pathlib.Path(gate).exists():\n    time.sleep(0.02)"
SPEAK = "for i in range(n):\n    print('line', i, flush=True)"


@pytest.fixture
def gate(server: Server, tmp_path: Path) -> Iterator[Path]:
    """Jobs of `gated.ipynb` wait until this file is there."""
    server.notebook("gated.ipynb", GATE, WAIT, SPEAK)
    gate = tmp_path / "gate"
    yield gate
    gate.touch()  # A test that failed before it did so would leave jobs that keep the CPUs from the tests after it.


def test_a_tab_is_greeted_and_gets_the_list_first(server: Server) -> None:
    server.notebook("short.ipynb", "print(1)")
    job = server.send("short.ipynb")
    tab = server.tab()
    assert tab.hear("hello")["server_version"]
    tab.say(type="subscribe_jobs")
    event = tab.hear("jobs")
    assert event["reset"] is True
    assert job["id"] in [entry["id"] for entry in event["jobs"]]
    tab.close()


def test_three_tabs_see_a_job_come_run_and_end(server: Server, gate: Any) -> None:
    tabs = [server.tab() for _ in range(3)]
    for tab in tabs:
        tab.say(type="subscribe_jobs")
        tab.hear("jobs")
    job = server.send("gated.ipynb", parameters={"gate": str(gate)})
    for tab in tabs:
        tab.jobs_until(job["id"], "running")
    gate.touch()
    for tab in tabs:
        event = tab.jobs_until(job["id"], "succeeded")
        assert event["reset"] is False
    versions = [server.job(job["id"])["version"], next(e["version"] for e in event["jobs"] if e["id"] == job["id"])]
    assert versions[0] >= versions[1]
    for tab in tabs:
        tab.close()


def test_a_tab_that_comes_back_gets_only_what_has_changed(server: Server) -> None:
    server.notebook("short.ipynb", "print(1)")
    old = server.reaches(server.send("short.ipynb")["id"], "succeeded")
    doomed = server.reaches(server.send("short.ipynb")["id"], "succeeded")
    tab = server.tab()
    tab.say(type="subscribe_jobs")
    cursor = tab.hear("jobs")["cursor"]
    tab.close()
    new = server.reaches(server.send("short.ipynb")["id"], "succeeded")
    with server.client() as http:
        assert http.delete(f"/jobs/{doomed['id']}").status_code == 204
    tab = server.tab()
    tab.say(type="subscribe_jobs", cursor=cursor)
    event = tab.hear("jobs")
    tab.close()
    assert event["reset"] is False
    assert doomed["id"] in event["removed"]
    changed = [job["id"] for job in event["jobs"]]
    assert new["id"] in changed
    assert old["id"] not in changed


@pytest.mark.parametrize("cursor", ["nonsense", "0123456789abcdef.3", "a.99999999999999999999999", ".", "é.١"])
def test_an_unknown_cursor_brings_the_whole_list(server: Server, cursor: str) -> None:
    tab = server.tab()
    tab.say(type="subscribe_jobs", cursor=cursor)
    assert tab.hear("jobs")["reset"] is True
    tab.close()


def follow_log(tab: Tab, job_id: str, offset: int = 0, **wanted: Any) -> str:
    """The job's output from an offset to its end, each byte once."""
    tab.say(type="subscribe_log", job_id=job_id, offset=offset, **wanted)
    text = ""
    while True:
        page = tab.hear("log", job_id=job_id)["page"]
        assert page["offset"] == offset
        offset = page["next_offset"]
        text += "".join(segment["text"] for segment in page["segments"])
        if page["complete"]:
            return text


def test_a_log_is_followed_to_its_end_by_every_tab(server: Server, gate: Any) -> None:
    job = server.send("gated.ipynb", parameters={"gate": str(gate), "n": 2000})
    tabs = [server.tab() for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        texts = [pool.submit(follow_log, tab, job["id"]) for tab in tabs]
        until(lambda: "begun" in server.log_text(job["id"]), what="the first line")
        gate.touch()
        expected = "begun\n" + "".join(f"line {i}\n" for i in range(2000))
        assert [text.result(60) for text in texts] == [expected] * 3
    late = server.tab()
    assert follow_log(late, job["id"], offset=6, rank=0) == expected[6:]
    for tab in [*tabs, late]:
        tab.close()


def told(message: dict[str, Any]) -> list[tuple[str, str]]:
    return [(job["id"], job["state"]) for job in message.get("jobs", [])]


def test_an_unfollowed_log_is_silent(server: Server, gate: Any) -> None:
    job = server.send("gated.ipynb", parameters={"gate": str(gate)})
    tab = server.tab()
    tab.say(type="subscribe_log", job_id=job["id"])
    tab.hear("log")
    tab.say(type="unsubscribe_log", job_id=job["id"])
    tab.say(type="subscribe_jobs")
    tab.hear("jobs")
    gate.touch()
    heard = []
    while not heard or (job["id"], "succeeded") not in told(heard[-1]):
        heard.append(json.loads(tab.connection.recv()))
    assert {message["type"] for message in heard} == {"jobs"}
    tab.close()


def test_the_executed_notebook_is_announced_as_it_fills(server: Server, gate: Any) -> None:
    job = server.send("gated.ipynb", parameters={"gate": str(gate)})
    tab = server.tab()
    tab.say(type="subscribe_notebook", job_id=job["id"])
    first = tab.hear("notebook", job_id=job["id"])["version"]
    gate.touch()
    server.reaches(job["id"], "succeeded")
    with server.client() as http:
        last = http.get(f"/jobs/{job['id']}/notebook").headers["ETag"].strip('"')
    version = first
    while version != last:
        version = tab.hear("notebook", job_id=job["id"])["version"]
    tab.say(type="subscribe_notebook", job_id=job["id"])
    assert tab.hear("notebook", job_id=job["id"])["version"] == last
    tab.close()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"type": "dance"}', '{"type": "subscribe_log"}', "null", "\ud7ff" * 9]
)
def test_a_message_that_is_not_understood_is_answered_and_the_socket_stays(server: Server, text: str) -> None:
    tab = server.tab()
    tab.connection.send(text)
    assert tab.hear("problem")["problem"]["status"] == 400
    tab.say(type="subscribe_jobs")
    tab.hear("jobs")
    tab.close()


def test_what_follows_a_job_that_is_not_there_is_a_problem(server: Server) -> None:
    tab = server.tab()
    for kind in ("subscribe_log", "subscribe_notebook"):
        tab.say(type=kind, job_id="j000")
        problem = tab.hear("problem", job_id="j000")["problem"]
        assert problem["status"] == 404
    tab.close()


def test_a_tab_that_does_not_read_costs_no_memory_and_the_others_go_on(server: Server) -> None:
    import psutil

    server.notebook("loud.ipynb", "line = 'x' * 1999\nfor i in range(15_000):\n    print(line)")
    job = server.reaches(server.send("loud.ipynb")["id"], "succeeded", seconds=300)
    assert server.process is not None
    process = psutil.Process(server.process.pid)
    asleep = [server.tab() for _ in range(3)]
    for tab in asleep:
        tab.connection.sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    before = process.memory_info().rss
    for tab in asleep:
        for rank in (0, None):
            tab.say(type="subscribe_log", job_id=job["id"], rank=rank)
    awake = server.tab()
    text = follow_log(awake, job["id"])
    assert text.count("\n") == 15_000
    assert process.memory_info().rss - before < 60_000_000
    awake.close()
    for tab in asleep:
        tab.connection.sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        tab.connection.sock.close()
    with server.client() as http:
        assert http.get("/info").status_code == 200


class Browser:
    """A tab that answers `save` in its own way."""

    def __init__(self, server: Server, *results: str, before: Any = None, message: str | None = None) -> None:
        self.tab = server.tab()
        self.tab.hear("hello")
        self.asked: list[str] = []
        self._results = results
        self._before = before
        self._message = message
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        for result in self._results:
            try:
                question = self.tab.hear("save")
            except (OSError, ValueError):
                return
            self.asked.append(question["path"])
            if self._before:
                self._before()
            if result != "silence":
                self.tab.say(type="saved", nonce=question["nonce"], result=result, message=self._message)

    def close(self) -> None:
        self._thread.join(10)
        self.tab.close()


def test_what_runs_is_what_was_on_the_screen(server: Server) -> None:
    server.notebook("screen.ipynb", "print('as on disk')")
    browser = Browser(server, "saved", before=lambda: server.notebook("screen.ipynb", "print('as on screen')"))
    job = server.send("screen.ipynb", ask_browser_to_save=True)
    browser.close()
    assert browser.asked == ["screen.ipynb"]
    assert job["notices"] == []
    server.reaches(job["id"], "succeeded")
    assert server.log_text(job["id"]) == "as on screen\n"


def test_one_tab_that_saves_is_enough_and_the_others_may_not_have_it(server: Server) -> None:
    server.notebook("screen.ipynb", "print(1)")
    browsers = [Browser(server, "not_open"), Browser(server, "saved"), Browser(server, "not_open")]
    assert server.send("screen.ipynb", ask_browser_to_save=True)["notices"] == []
    for browser in browsers:
        browser.close()


def test_without_a_browser_nobody_waits_and_the_user_is_told(server: Server) -> None:
    server.notebook("screen.ipynb", "print(1)")
    assert NO_BROWSER in server.send("screen.ipynb", ask_browser_to_save=True)["notices"]


def test_tabs_that_do_not_have_it_open_end_the_wait(server: Server) -> None:
    server.notebook("screen.ipynb", "print(1)")
    browsers = [Browser(server, "not_open"), Browser(server, "not_open")]
    assert NOT_OPEN in server.send("screen.ipynb", ask_browser_to_save=True)["notices"]
    for browser in browsers:
        browser.close()


def test_a_silent_browser_is_waited_for_no_longer_than_promised(server: Server) -> None:
    server.notebook("screen.ipynb", "print(1)")
    browser = Browser(server, "silence")
    began = time.monotonic()
    assert NO_ANSWER in server.send("screen.ipynb", ask_browser_to_save=True)["notices"]
    assert time.monotonic() - began > 4
    browser.close()


def test_a_browser_that_could_not_save_stops_the_submission(server: Server) -> None:
    server.notebook("screen.ipynb", "print(1)")
    browser = Browser(server, "failed", message="The file is read-only.")
    with server.client() as http:
        answer = http.post("/jobs", json={"notebook": "screen.ipynb", "name": "unsaved", "ask_browser_to_save": True})
        assert answer.status_code == 409
        assert "The file is read-only" in answer.json()["detail"]
        assert http.get("/jobs", params={"q": "unsaved"}).json()["items"] == []
    browser.close()


def test_a_tab_that_closes_instead_of_answering_ends_the_wait(server: Server) -> None:
    server.notebook("screen.ipynb", "print(1)")
    tab = server.tab()
    tab.hear("hello")
    with ThreadPoolExecutor(1) as pool:
        sending: Future[dict[str, Any]] = pool.submit(server.send, "screen.ipynb", ask_browser_to_save=True)
        tab.hear("save")
        tab.close()
        assert NO_ANSWER in sending.result(60)["notices"]


def test_another_users_tab_is_not_asked(shared_server: Server) -> None:
    shared_server.notebook("screen.ipynb", "print(1)")
    other = shared_server.tab(**{"X-User": "bob"})
    other.hear("hello")
    with shared_server.client(**{"X-User": "ann"}) as http:
        job = http.post("/jobs", json={"notebook": "screen.ipynb", "ask_browser_to_save": True}).json()
    assert NO_BROWSER in job["notices"]
    other.close()
