"""Under a real JupyterHub: two users, each with a server of their own behind the hub's proxy and login."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import nbformat
import pytest
import websocket
from tests.conftest import until
from tests.hub.real_hub import Hub

USERS = ("ann", "bob")


@pytest.fixture(scope="module")
def hub(shared_hub: Hub) -> Iterator[Hub]:
    """A hub with the servers of two users up."""
    for user in USERS:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(f"print('this is {user}')")])
        nbformat.write(notebook, shared_hub.base / user / "train.ipynb")
        shared_hub.start_server(user, {"profile": "cpu"})
    yield shared_hub
    shared_hub.tidy()


def ended(http: httpx.Client, job_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        job = http.get(f"/jobs/{job_id}").raise_for_status().json()
        return job if job["ended_at"] else None

    return until(look, what="the job's end")


def test_a_job_runs_through_the_proxy_with_the_hubs_login(hub: Hub) -> None:
    with hub.client("ann") as http:
        info = http.get("/info").raise_for_status().json()
        assert info["user"] == "ann"
        assert info["on_hub"] is True
        answer = http.post("/jobs", json={"notebook": "train.ipynb"})
        assert answer.status_code == 201, answer.text
        assert answer.headers["Location"] == f"/hubs/user/ann/windlass/v1/jobs/{answer.json()['id']}"
        job = ended(http, answer.json()["id"])
        assert (job["state"], job["owner"]) == ("succeeded", "ann")
        page = http.get(f"/jobs/{job['id']}/logs").json()
        assert "this is ann" in "".join(segment["text"] for segment in page["segments"])


def test_a_job_outlives_the_users_server_as_the_server_says(hub: Hub) -> None:
    """Hub and servers are neighbours here, in whatever container: the end of one server ends no job."""
    gate = hub.base / "gate"
    cells = [
        "# parameters\ngate = ''",
        "import pathlib, time\nwhile not pathlib.Path(gate).exists():\n    time.sleep(0.02)",
    ]
    document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    document.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(document, hub.base / "bob" / "gated.ipynb")
    with hub.client("bob") as http:
        assert http.get("/info").json()["job_survives_server"] is True
        checks = {check["name"]: check for check in http.get("/doctor").json()["items"]}
        assert checks["job lifetime"]["ok"] is True
        job = http.post("/jobs", json={"notebook": "gated.ipynb", "parameters": {"gate": str(gate)}}).json()
        assert not any("your server's" in notice for notice in job["notices"])
        until(lambda: http.get(f"/jobs/{job['id']}").json()["state"] == "running", what="the job's start")
    hub.stop_server("bob")
    gate.touch()
    hub.start_server("bob")
    with hub.client("bob") as http:
        assert ended(http, job["id"])["state"] == "succeeded"


def test_nobody_sees_or_touches_anothers_jobs_or_server(hub: Hub) -> None:
    with hub.client("ann") as ann, hub.client("ann", of="bob") as intruder, hub.client("bob") as bob:
        job_id = ann.post("/jobs", json={"notebook": "train.ipynb"}).raise_for_status().json()["id"]
        for method, path in (
            ("GET", "/jobs"),
            ("GET", f"/jobs/{job_id}"),
            ("GET", f"/jobs/{job_id}/bundle"),
            ("POST", f"/jobs/{job_id}/stop"),
            ("POST", "/jobs"),
            ("DELETE", f"/jobs/{job_id}"),
        ):
            refused = intruder.request(method, path, json={} if method == "POST" else None)
            assert refused.status_code in (401, 403), (method, path, refused.status_code)
            assert job_id not in refused.text or refused.json().get("instance", "").endswith(path)
        assert job_id not in [job["id"] for job in bob.get("/jobs").json()["items"]]
        assert bob.get(f"/jobs/{job_id}").status_code == 404
        assert ended(ann, job_id)["state"] == "succeeded"


def test_the_socket_opens_for_its_user_alone(hub: Hub) -> None:
    address = hub.address("ann").replace("http", "ws", 1) + "/socket"

    def opened(user: str) -> websocket.WebSocket:
        header = [f"Authorization: token {hub.token_of(user)}"]
        return websocket.create_connection(address, header=header, timeout=20, suppress_origin=True)

    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        opened("bob")
    assert refused.value.status_code in (401, 403)
    tab = opened("ann")
    assert json.loads(tab.recv())["type"] == "hello"
    tab.close()


def test_a_stranger_is_sent_to_the_login_or_away(hub: Hub) -> None:
    answer = httpx.get(f"{hub.address('ann')}/jobs", timeout=20)
    assert answer.status_code in (302, 401, 403)
    assert "train.ipynb" not in answer.text


def test_a_browser_that_has_logged_in_reads_and_with_its_xsrf_token_writes(hub: Hub) -> None:
    with hub.browser("ann") as browser:
        browser.get(f"{hub.url}user/ann/files/train.ipynb")  # A page, not REST: it sends to the login and back.
        (xsrf,) = [cookie.value for cookie in browser.cookies.jar if cookie.name == "_xsrf" and "/ann" in cookie.path]
        headers = {"X-XSRFToken": xsrf or ""}  # JupyterLab sends it with every request.
        answer = browser.get(f"{hub.address('ann')}/info", headers=headers)
        assert answer.json().get("user") == "ann", answer.text
        request = {"notebook": "train.ipynb"}
        assert browser.post(f"{hub.address('ann')}/jobs/preview", json=request).status_code == 403
        taken = browser.post(f"{hub.address('ann')}/jobs/preview", json=request, headers=headers)
        assert taken.status_code == 200, taken.text
        assert browser.get(f"{hub.address('bob')}/jobs", headers=headers).status_code in (401, 403)


def test_the_command_line_finds_the_users_own_server(hub: Hub) -> None:
    command = [sys.executable, "-m", "windlass.cli", "train", "train.ipynb", "--wait", "--json"]
    done = subprocess.run(
        command, cwd=hub.base / "bob", env=hub.user_environment("bob"), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    job = json.loads(done.stdout)
    assert (job["state"], job["owner"]) == ("succeeded", "bob")
    with hub.client("bob") as http:
        assert http.get(f"/jobs/{job['id']}").json()["state"] == "succeeded"


def test_the_doctor_of_the_command_line_asks_that_server(hub: Hub) -> None:
    command = [sys.executable, "-m", "windlass.cli", "doctor", "--json"]
    done = subprocess.run(
        command, cwd=hub.base / "bob", env=hub.user_environment("bob"), capture_output=True, text=True, timeout=60
    )
    assert done.stdout, done.stderr
    checks = json.loads(done.stdout)
    found = {check["name"]: check for check in (checks["items"] if isinstance(checks, dict) else checks)}
    assert found["job lifetime"]["ok"] is True
    assert found["data folder"]["ok"] is True
    assert hub.token_of("bob") not in done.stdout + done.stderr


def test_the_file_of_one_users_server_opens_no_other(hub: Hub) -> None:
    (file,) = (hub.base / "bob" / ".local/share/jupyter/runtime").glob("windlass-server-*.json")
    record = json.loads(file.read_text())
    assert record["base_url"] == "/hubs/user/bob/"
    assert record["url"].endswith("/hubs/user/bob/")
    bearer = {"Authorization": f"windlass {record['token']}"}
    assert httpx.get(f"{record['url']}windlass/v1/info", headers=bearer).json()["user"] == "bob"
    assert httpx.get(f"{hub.address('ann')}/info", headers=bearer).status_code in (302, 401, 403)
