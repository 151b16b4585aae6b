"""A job's life over REST, with real processes behind it."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import until
from tests.jupyter import FINAL, Server

COUNT = "# parameters\nwords = 'none'\nn: int = 2"
SPEAK = "for i in range(n):\n    print('line', i, words, flush=True)"
SLEEP = "import time\nprint('asleep', flush=True)\ntime.sleep(600)"


@pytest.fixture(scope="module")
def ended(server: Server) -> dict[str, Any]:
    """A job that has succeeded."""
    server.notebook("project/count.ipynb", COUNT, SPEAK)
    return server.reaches(server.send("project/count.ipynb", parameters={"n": 3})["id"], "succeeded")


def test_a_notebook_runs_as_a_job_and_comes_back_filled(server: Server, ended: dict[str, Any]) -> None:
    assert ended["name"] == "count"
    assert ended["parameters"]["n"] == 3
    assert ended["exit_code"] == 0
    assert ended["progress"]["fraction"] == 1.0
    assert ended["started_at"] <= ended["ended_at"]
    assert server.log_text(ended["id"]).splitlines() == ["line 0 none", "line 1 none", "line 2 none"]
    with server.client() as http:
        executed = http.get("/" + ended["executed_notebook"])
    notebook = nbformat.reads(executed.text, as_version=4)
    nbformat.validate(notebook)
    assert any("line 2 none" in output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))


def test_the_answer_to_a_submission_says_where_the_job_is(server: Server) -> None:
    server.notebook("where.ipynb", "print(1)")
    with server.client() as http:
        answer = http.post("/jobs", json={"notebook": "where.ipynb"})
        assert answer.status_code == 201
        assert answer.headers["Location"] == f"/windlass/v1/jobs/{answer.json()['id']}"
        assert answer.json()["state"] in {"queued", "pending", "running"}


def test_modules_of_a_src_layout_and_above_the_notebook_are_found(server: Server) -> None:
    for name, source in {
        "layout/above.py": "x = 'above'",
        "layout/src/package/__init__.py": "from package.deep import x",
        "layout/src/package/deep.py": "x = 'in src'",
    }.items():
        (server.root / name).parent.mkdir(parents=True, exist_ok=True)
        (server.root / name).write_text(source)
    server.notebook("layout/notebooks/train.ipynb", "import above, package\nprint(above.x, package.x)")
    job_id = server.send("layout/notebooks/train.ipynb")["id"]
    assert server.reaches(job_id)["state"] == "succeeded", server.log_text(job_id)
    assert server.log_text(job_id) == "above in src\n"


def test_shell_syntax_and_odd_names_are_text_and_nothing_else(server: Server) -> None:
    words = "$(touch pwned) `touch pwned`; touch pwned; ' \" \\ \u202f é \n {x}"
    name = "odd $(touch pwned) ;'\u202fé.ipynb"
    server.notebook(name, COUNT, "print(repr(words))")
    job = server.reaches(server.send(name, parameters={"words": words}, name="a 'name' $(x)")["id"], "succeeded")
    assert repr(words) in server.log_text(job["id"])
    assert not list(server.base.rglob("pwned"))


def test_the_same_key_twenty_times_at_once_makes_one_job(server: Server) -> None:
    server.notebook("once.ipynb", "print(1)")
    request = {"notebook": "once.ipynb", "name": "only once"}

    def submit(_: int) -> Any:
        with server.client() as http:
            return http.post("/jobs", json=request, headers={"Idempotency-Key": "twenty"})

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(submit, range(20)))
    assert sorted({answer.status_code for answer in answers}) == [200, 201]
    assert [answer.status_code for answer in answers].count(201) == 1
    assert len({answer.json()["id"] for answer in answers}) == 1
    with server.client() as http:
        assert len(http.get("/jobs", params={"q": "only once"}).json()["items"]) == 1


def test_the_same_key_at_two_servers_at_once_makes_one_job(server: Server) -> None:
    server.notebook("twice.ipynb", "print(1)")
    beside = Server(base=server.base, name="beside").start()
    try:

        def submit(which: Server) -> Any:
            with which.client() as http:
                return http.post("/jobs", json={"notebook": "twice.ipynb"}, headers={"Idempotency-Key": "two servers"})

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(submit, [server, beside] * 4))
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert [answer.status_code for answer in answers].count(201) == 1
        assert (
            beside.reaches(answers[0].json()["id"], "succeeded")["owner"]
            == server.job(answers[0].json()["id"])["owner"]
        )
    finally:
        beside.end()


def test_a_key_that_was_used_for_something_else_is_a_conflict(server: Server) -> None:
    server.notebook("keyed.ipynb", COUNT, SPEAK)
    first = server.send("keyed.ipynb", key="taken")
    with server.client() as http:
        headers = {"Idempotency-Key": "taken"}
        other = http.post("/jobs", json={"notebook": "keyed.ipynb", "parameters": {"n": 9}}, headers=headers)
        again = http.post("/jobs", json={"notebook": "keyed.ipynb"}, headers=headers)
    assert other.status_code == 409
    assert (again.status_code, again.json()["id"]) == (200, first["id"])


def test_a_refused_submission_leaves_nothing_behind(server: Server) -> None:
    server.notebook("secret.ipynb", "key = 'AKIAIOSFODNN7EXAMPLQ'\nprint(1)")
    with server.client() as http:
        before = {job["id"] for job in http.get("/jobs").json()["items"]}
        bundles = set((server.data / "bundles").iterdir())
        refused = http.post("/jobs", json={"notebook": "secret.ipynb"}, headers={"Idempotency-Key": "secret"})
        assert refused.status_code == 422
        findings = refused.json()["extra"]["findings"]
        assert "secret" in [finding["rule"] for finding in findings]
        assert "AKIAIOSFODNN7EXAMPLQ" not in refused.text
        assert {job["id"] for job in http.get("/jobs").json()["items"]} == before
        assert set((server.data / "bundles").iterdir()) == bundles
        preview = http.post("/jobs/preview", json={"notebook": "secret.ipynb"})
        assert preview.json()["can_submit"] is False
        assert "AKIAIOSFODNN7EXAMPLQ" not in preview.text
        taken = http.post("/jobs", json={"notebook": "secret.ipynb", "allow_secrets": True})
        assert taken.status_code == 201


def test_a_preview_shows_what_is_sent(server: Server) -> None:
    server.notebook("previewed/a.ipynb", COUNT, "import helper\n" + SPEAK)
    (server.root / "previewed" / "helper.py").write_text("x = 1\n")
    with server.client() as http:
        preview = http.post("/jobs/preview", json={"notebook": "previewed/a.ipynb", "parameters": {"n": 4}}).json()
    assert [file["path"] for file in preview["files"]] == ["previewed/a.ipynb", "previewed/helper.py"]
    assert {field["name"]: field["value"] for field in preview["parameters"]} == {"words": "none", "n": 4}
    assert preview["can_submit"] is True
    job = server.send("previewed/a.ipynb", parameters={"n": 4})
    assert job["bundle_sha256"] == preview["bundle_sha256"]


def test_stop_is_final_and_a_live_job_cannot_be_deleted(server: Server) -> None:
    server.notebook("sleep.ipynb", SLEEP)
    job = server.send("sleep.ipynb")
    until(lambda: "asleep" in server.log_text(job["id"]), what="the first line")
    with server.client() as http:
        assert http.delete(f"/jobs/{job['id']}").status_code == 409
        stopped = http.post(f"/jobs/{job['id']}/stop", json={"reason": "enough"})
        assert stopped.status_code == 200
        assert "enough" in server.reaches(job["id"], "stopped")["reason"]
        assert http.post(f"/jobs/{job['id']}/stop").json()["state"] == "stopped"
        assert http.delete(f"/jobs/{job['id']}").status_code == 204
        assert http.get(f"/jobs/{job['id']}").status_code == 404
        assert http.delete(f"/jobs/{job['id']}").status_code == 404
    assert not (server.data / "jobs" / job["id"]).exists()


def test_a_job_runs_again_with_other_parameters_and_the_same_code(server: Server, ended: dict[str, Any]) -> None:
    server.notebook("project/count.ipynb", COUNT, "print('edited since')")
    with server.client() as http:
        same = http.post(f"/jobs/{ended['id']}/rerun")
        other = http.post(f"/jobs/{ended['id']}/rerun", json={"parameters": {"words": "again"}})
        assert (same.status_code, other.status_code) == (201, 201)
        assert same.json()["bundle_sha256"] == ended["bundle_sha256"] != other.json()["bundle_sha256"]
        assert same.json()["rerun_of"] == other.json()["rerun_of"] == ended["id"]
        bad = http.post(f"/jobs/{ended['id']}/rerun", json={"parameters": {"nobody": 1}})
        assert bad.status_code in (400, 422)
        keyed = [http.post(f"/jobs/{ended['id']}/rerun", headers={"Idempotency-Key": "r"}).json()["id"] for _ in "ab"]
        assert keyed[0] == keyed[1]
    job = server.reaches(other.json()["id"], "succeeded")
    assert "line 1 again" in server.log_text(job["id"])


def test_the_diff_says_what_was_edited_since(server: Server) -> None:
    server.notebook("diffed.ipynb", "a = 1", "b = 2")
    job = server.send("diffed.ipynb")
    with server.client() as http:
        assert http.get(f"/jobs/{job['id']}/diff").json()["identical"] is True
        server.notebook("diffed.ipynb", "a = 1", "b = 3")
        changes = http.get(f"/jobs/{job['id']}/diff").json()
        assert changes["identical"] is False
        assert [(cell["then_source"], cell["now_source"]) for cell in changes["cells"]][1] == ("b = 2", "b = 3")
        (server.root / "diffed.ipynb").write_text("{")
        assert http.get(f"/jobs/{job['id']}/diff").json()["exists"] is False
        (server.root / "diffed.ipynb").unlink()
        gone = http.get(f"/jobs/{job['id']}/diff").json()
    assert gone["exists"] is False
    assert gone["message"]


def test_the_bundle_can_be_had_and_is_what_its_hash_says(server: Server, ended: dict[str, Any]) -> None:
    with server.client() as http:
        answer = http.get(f"/jobs/{ended['id']}/bundle")
    assert answer.headers["Content-Type"] == "application/gzip"
    assert f"count-{ended['id']}.tar.gz" in answer.headers["Content-Disposition"]
    assert hashlib.sha256(answer.content).hexdigest() == ended["bundle_sha256"]
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        assert "files/project/count.ipynb" in archive.getnames()


def test_the_executed_notebook_is_sent_once_per_version(server: Server, ended: dict[str, Any]) -> None:
    with server.client() as http:
        first = http.get(f"/jobs/{ended['id']}/notebook")
        again = http.get(f"/jobs/{ended['id']}/notebook", headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert http.get(f"/jobs/{ended['id']}/notebook", headers={"If-None-Match": '"other"'}).status_code == 200


def test_json_is_compressed_for_those_who_take_it(server: Server, ended: dict[str, Any]) -> None:
    with server.client() as http:
        packed = http.get("/jobs", headers={"Accept-Encoding": "gzip"})
        plain = http.get("/jobs", headers={"Accept-Encoding": "identity"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert [job["id"] for job in packed.json()["items"]] == [job["id"] for job in plain.json()["items"]]


def test_a_log_is_read_on_from_where_it_was_left(server: Server, ended: dict[str, Any]) -> None:
    text, offset = "", 0
    with server.client() as http:
        while True:
            query = {"offset": offset, "limit_bytes": 7, "rank": 0}
            page = http.get(f"/jobs/{ended['id']}/logs", params=query).json()
            text += "".join(segment["text"] for segment in page["segments"])
            offset = page["next_offset"]
            if page["complete"]:
                break
        assert text == server.log_text(ended["id"])
        assert http.get(f"/jobs/{ended['id']}/logs", params={"rank": 7}).status_code == 404


def test_the_list_is_filtered_by_state_notebook_and_text(server: Server, ended: dict[str, Any]) -> None:
    server.notebook("fails.ipynb", "raise ValueError('no')")
    failed = server.reaches(server.send("fails.ipynb", name="Größe 100%_x")["id"], "failed")
    assert (failed["error"]["ename"], failed["error"]["cell"], failed["error"]["line"]) == ("ValueError", 0, 1)
    with server.client() as http:

        def ids(**query: Any) -> list[str]:
            return [job["id"] for job in http.get("/jobs", params=query).raise_for_status().json()["items"]]

        assert ids(q="grÖSSE 100%_") == [failed["id"]]
        assert ids(q="100%%") == []
        assert ids(q=failed["id"][:-2]) == [failed["id"]]
        assert ended["id"] in ids(notebook="project/count.ipynb", state="succeeded")
        assert failed["id"] not in ids(state=["succeeded", "running"])
        assert http.get("/jobs", params={"state": "nonsense"}).status_code == 400
        assert http.get("/jobs", params={"cursor": "nonsense"}).status_code == 400


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_pages_of_any_size_show_each_job_once_newest_first(
    server: Server, ended: dict[str, Any], sizes: list[int]
) -> None:
    with server.client() as http:
        whole = [job["id"] for job in http.get("/jobs", params={"limit": 500}).json()["items"]]
        seen: list[str] = []
        cursor, turn = None, 0
        while turn == 0 or cursor:
            query = {"limit": sizes[turn % len(sizes)], **({"cursor": cursor} if cursor else {})}
            page = http.get("/jobs", params=query).json()
            seen += [job["id"] for job in page["items"]]
            cursor, turn = page["next_cursor"], turn + 1
    assert seen == whole
    assert ended["id"] in seen


def test_the_notebooks_kernel_is_the_environment_and_an_unknown_one_is_said(server: Server) -> None:
    kernel = {"name": "gone-kernel", "display_name": "Gone", "language": "python"}
    server.notebook("kernel.ipynb", "print(1)", kernelspec=kernel)
    with server.client() as http:
        preview = http.post("/jobs/preview", json={"notebook": "kernel.ipynb"}).json()
        environments = http.get("/environments").json()
    assert any("gone-kernel" in notice for notice in preview["notices"])
    assert preview["environment"]["name"] is None
    assert environments["default"] in [entry["name"] for entry in environments["items"] if entry["usable"]]


def test_info_and_doctor_speak(server: Server) -> None:
    with server.client() as http:
        info = http.get("/info").json()
        checks = http.get("/doctor").json()["items"]
    assert info["engines"][0]["available"] is True
    assert info["tracking"]["mode"] == "off"
    assert {"data folder", "disk room", "ledger", "engine local", "MLflow"} <= {check["name"] for check in checks}
    assert all(check["fix"] for check in checks if check["ok"] is False), json.dumps(checks, indent=1)
    assert all(check["fix"] != check["message"] for check in checks), json.dumps(checks, indent=1)


def test_a_notebook_with_no_code_or_broken_json_is_refused_at_the_field(server: Server) -> None:
    server.notebook("empty.ipynb")
    (server.root / "broken.ipynb").write_text('{"cells": [')
    with server.client() as http:
        for name in ("empty.ipynb", "broken.ipynb"):
            answer = http.post("/jobs", json={"notebook": name})
            assert answer.status_code == 422
            assert answer.json()["fields"][0]["field"] == "notebook"


def test_a_queue_forms_and_its_places_are_shown(server: Server) -> None:
    server.notebook("sleep.ipynb", SLEEP)
    ids = [server.send("sleep.ipynb", processes_per_worker=1, name=f"queued {index}")["id"] for index in range(6)]
    try:

        def places() -> list[int] | None:
            """Those that wait, once nothing that was sent earlier waits before them."""
            found = [job["queue_position"] for job in map(server.job, ids) if job["state"] == "queued"]
            return found if found[:1] == [1] else None

        waiting = until(places, what="the queue of these jobs alone")
        assert waiting == sorted(waiting)
    finally:
        with server.client() as http:
            for job_id in ids:
                http.post(f"/jobs/{job_id}/stop")
    assert {server.reaches(job_id, *FINAL)["state"] for job_id in ids} == {"stopped"}
