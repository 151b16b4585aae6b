"""Under a real JupyterHub: two users, each with a server of their own behind the hub's proxy and login."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import nbformat
import psutil
import pytest
import websocket
from tests.conftest import until

REPOSITORY = Path(__file__).parents[2]
PROXY = REPOSITORY / "node_modules" / ".bin" / "configurable-http-proxy"
USERS = ("ann", "bob")

pytestmark = pytest.mark.skipif(
    not PROXY.exists() or shutil.which("node") is None, reason="JupyterHub's proxy is not there: run `make setup`."
)

CONFIG = """
import os, pathlib
from jupyterhub.spawner import SimpleLocalProcessSpawner

class Spawner(SimpleLocalProcessSpawner):
    "Each user in folders of their own, as pods and system users have them."

    def get_env(self):
        home = pathlib.Path({base!r}, self.user.name)
        own = {{
            "WINDLASS_DATA_DIR": home / "data",
            "JUPYTER_RUNTIME_DIR": home / "runtime",
            "JUPYTER_CONFIG_DIR": home / "config",
            "JUPYTER_DATA_DIR": home / "jupyter",
            "IPYTHONDIR": home / "ipython",
            "PYTHONPATH": {python_path!r},
        }}
        return super().get_env() | {{name: str(path) for name, path in own.items()}}

c = get_config()
c.JupyterHub.spawner_class = Spawner
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.bind_url = "http://127.0.0.1:{public}/hubs/"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy}"
c.ConfigurableHTTPProxy.command = {command!r}
c.JupyterHub.db_url = "sqlite:///{base}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{base}/cookie_secret"
c.ConfigurableHTTPProxy.pid_file = "{base}/proxy.pid"
c.JupyterHub.cleanup_servers = True
c.JupyterHub.load_roles = [
    {{"name": "tester", "services": ["tester"], "scopes": ["admin:users", "admin:servers", "tokens", "access:servers"]}}
]
c.JupyterHub.services = [{{"name": "tester", "api_token": "{token}"}}]
c.DummyAuthenticator.password = "{token}"
c.Authenticator.allow_all = True
c.Authenticator.admin_users = set()
c.Spawner.home_dir_template = "{base}/{{username}}"
c.Spawner.notebook_dir = "{base}/{{username}}"
c.Spawner.default_url = "/windlass/v1/info"
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = [
    "--allow-root",
    "--ServerApp.jpserver_extensions={{'windlass': True, 'jupyterlab': False, 'notebook': False}}",
    "--WindlassApp.embedded_tracking=False",
]
c.Spawner.environment = {{"JUPYTERHUB_SINGLEUSER_APP": "jupyter-server"}}
c.Spawner.start_timeout = 60
"""


@dataclass
class Hub:
    """A hub on the loopback interface."""

    base: Path
    url: str
    token: str
    tokens: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"token {self.token}"}
        answer = httpx.request(method, f"{self.url}hub/api/{path}", headers=headers, timeout=60, **options)
        answer.raise_for_status()
        return answer

    def address(self, user: str) -> str:
        return f"{self.url}user/{user}/windlass/v1"

    def client(self, user: str, *, of: str | None = None) -> httpx.Client:
        """The REST interface of a user's server, asked with the hub token `of` a user."""
        headers = {"Authorization": f"token {self.tokens[of or user]}"}
        return httpx.Client(base_url=self.address(user), headers=headers, timeout=60)

    def environment(self, user: str) -> dict[str, str]:
        """What a terminal or a kernel of that user's server has."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "WINDLASS_"))}
        home = self.base / user
        return {
            **kept,
            "HOME": str(home),
            "PYTHONPATH": python_path(),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "JUPYTER_DATA_DIR": str(home / "jupyter"),
            "WINDLASS_DATA_DIR": str(home / "data"),
        }


def python_path() -> str:
    return os.pathsep.join(filter(None, [str(REPOSITORY / "server_ext"), os.environ.get("PYTHONPATH", "")]))


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub with the servers of two users up."""
    base = tmp_path_factory.mktemp("hub")
    public, hub_port, proxy = free_ports(3)
    token = os.urandom(16).hex()
    for user in USERS:
        (base / user).mkdir()
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(f"print('this is {user}')")])
        nbformat.write(notebook, base / user / "train.ipynb")
    (base / "config.py").write_text(
        CONFIG.format(
            base=str(base),
            python_path=python_path(),
            public=public,
            hub=hub_port,
            proxy=proxy,
            token=token,
            command=[str(PROXY)],
            python=sys.executable,
        )
    )
    found = Hub(base=base, url=f"http://127.0.0.1:{public}/hubs/", token=token)
    with running(found):
        for user in USERS:
            found.ask("POST", f"users/{user}")
            found.ask("POST", f"users/{user}/server")
        for user in USERS:
            until(lambda user=user: found.ask("GET", f"users/{user}").json()["server"], what=f"{user}'s server")
            found.tokens[user] = found.ask("POST", f"users/{user}/tokens").json()["token"]
        yield found


@contextmanager
def running(hub: Hub) -> Iterator[None]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "WINDLASS_"))}
    with ExitStack() as stack:
        log = stack.enter_context((hub.base / "hub.log").open("wb"))
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", str(hub.base / "config.py")],
            cwd=hub.base,
            env={**kept, "PYTHONPATH": python_path(), "CONFIGPROXY_AUTH_TOKEN": os.urandom(16).hex()},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        stack.callback(end_tree, process, hub.base)
        until(lambda: answers(hub) or process.poll() is not None, what="the hub's start")
        assert process.poll() is None, (hub.base / "hub.log").read_text(errors="replace")[-3000:]
        yield


def answers(hub: Hub) -> bool:
    try:
        return httpx.get(f"{hub.url}hub/api/", timeout=5).is_success
    except httpx.HTTPError:
        return False


def end_tree(process: subprocess.Popen[bytes], base: Path) -> None:
    """End the hub, its proxy, the users' servers, and what outlives those: supervisors and jobs."""
    tree = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(20)
    for other in psutil.process_iter():
        try:
            if other.environ().get("WINDLASS_DATA_DIR", "").startswith(str(base)):
                tree.append(other)
        except (psutil.Error, OSError):
            continue
    for other in tree:
        try:
            other.kill()
        except psutil.NoSuchProcess:
            continue


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in sockets:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in sockets]


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
    hub.ask("DELETE", "users/bob/server")
    until(lambda: not hub.ask("GET", "users/bob").json()["servers"], what="the server's end")
    gate.touch()
    hub.ask("POST", "users/bob/server")
    until(lambda: hub.ask("GET", "users/bob").json()["server"], what="the server's return")
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
        header = [f"Authorization: token {hub.tokens[user]}"]
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
    with httpx.Client(follow_redirects=True, timeout=60) as browser:
        browser.get(f"{hub.url}hub/login")
        login = {"username": "ann", "password": hub.token, "_xsrf": browser.cookies["_xsrf"]}
        browser.post(f"{hub.url}hub/login", data=login)
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
        command, cwd=hub.base / "bob", env=hub.environment("bob"), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    job = json.loads(done.stdout)
    assert (job["state"], job["owner"]) == ("succeeded", "bob")
    with hub.client("bob") as http:
        assert http.get(f"/jobs/{job['id']}").json()["state"] == "succeeded"


def test_the_doctor_of_the_command_line_asks_that_server(hub: Hub) -> None:
    command = [sys.executable, "-m", "windlass.cli", "doctor", "--json"]
    done = subprocess.run(
        command, cwd=hub.base / "bob", env=hub.environment("bob"), capture_output=True, text=True, timeout=60
    )
    assert done.stdout, done.stderr
    checks = json.loads(done.stdout)
    found = {check["name"]: check for check in (checks["items"] if isinstance(checks, dict) else checks)}
    assert found["job lifetime"]["ok"] is True
    assert found["data folder"]["ok"] is True
    assert hub.tokens["bob"] not in done.stdout + done.stderr


def test_the_file_of_one_users_server_opens_no_other(hub: Hub) -> None:
    (file,) = (hub.base / "bob" / "runtime").glob("windlass-server-*.json")
    record = json.loads(file.read_text())
    assert record["base_url"] == "/hubs/user/bob/"
    assert record["url"].endswith("/hubs/user/bob/")
    bearer = {"Authorization": f"windlass {record['token']}"}
    assert httpx.get(f"{record['url']}windlass/v1/info", headers=bearer).json()["user"] == "bob"
    assert httpx.get(f"{hub.address('ann')}/info", headers=bearer).status_code in (302, 401, 403)
