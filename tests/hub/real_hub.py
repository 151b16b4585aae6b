"""A real JupyterHub with its real proxy, set up by `configure()`, for every test that needs one.

The proxy is a process of its own, as on Kubernetes, so that the hub can end and come back while users' servers run on.
Usage: the fixture `hub` (one for the whole run, see conftest.py), or `with running(base, ...) as hub:` for one's own.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from tests.conftest import until
from tests.hub.hub_config import CATALOGUE, PEOPLE, config_text

REPOSITORY = Path(__file__).parents[2]
PROXY = REPOSITORY / "node_modules" / ".bin" / "configurable-http-proxy"
MISSING = (
    "JupyterHub's proxy is not there: run `make setup`." if not PROXY.exists() or shutil.which("node") is None else ""
)
MARK = "WINDLASS_TEST_HUB"


@dataclass
class Hub:
    """A hub on the loopback interface. `url` ends with a slash; `token` is of a service that may do everything."""

    base: Path
    url: str
    token: str
    service_url: str
    proxy_token: str
    run_id: str
    process: subprocess.Popen[bytes] | None = None
    _tokens: dict[str, str] = field(default_factory=dict)

    @property
    def catalogue(self) -> Path:
        """The file the profiles are in; write it and the next spawn has it."""
        return self.base / "profiles.yaml"

    @property
    def log(self) -> str:
        return (self.base / "hub.log").read_text(errors="replace")

    def api(self, method: str, path: str, *, token: str | None = None, **options: Any) -> httpx.Response:
        """A request to the hub's REST interface, whatever it answers; with the tester's token unless told."""
        headers = {"Authorization": f"token {token or self.token}", **options.pop("headers", {})}
        return httpx.request(method, f"{self.url}hub/api/{path}", headers=headers, timeout=60, **options)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The same, and it must succeed."""
        answer = self.api(method, path, **options)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def token_of(self, user: str) -> str:
        """A token with everything that user may do, custom scopes included."""
        if user not in self._tokens:
            self._tokens[user] = self.ask("POST", f"users/{user}/tokens", json={}).json()["token"]
        return self._tokens[user]

    def service(self, method: str, path: str, *, user: str, **options: Any) -> httpx.Response:
        """A request to the Windlass hub service through the proxy, `path` below /services/windlass/, as a user."""
        headers = {"Authorization": f"token {self.token_of(user)}", **options.pop("headers", {})}
        return httpx.request(method, f"{self.url}services/windlass/{path}", headers=headers, timeout=60, **options)

    def wait_for_service(self) -> None:
        """Until the Windlass hub service answers; the hub itself answers before."""
        until(lambda: self.service("GET", "api/me", user="ann").status_code == 200, what="the hub service's start")

    def start_server(self, user: str, options: Mapping[str, Any] | None = None, *, name: str = "") -> None:
        """Start a user's server and wait until it is ready; a refusal is an AssertionError with its sentence."""
        path = f"users/{user}/servers/{name}" if name else f"users/{user}/server"
        body = {} if options is None else {"json": {"user_options": dict(options)}}
        self.ask("POST", path, **body)
        until(lambda: self.server(user, name=name).get("ready"), what=f"the start of {user}'s server")

    def server(self, user: str, *, name: str = "") -> dict[str, Any]:
        """What the hub says about a server; empty when there is none."""
        servers: dict[str, dict[str, Any]] = self.ask("GET", f"users/{user}").json()["servers"]
        return servers.get(name, {})

    def stop_server(self, user: str, *, name: str = "", remove: bool = False) -> None:
        """Stop a server, if it runs, and wait until it is gone."""
        path = f"users/{user}/servers/{name}" if name else f"users/{user}/server"
        answer = self.api("DELETE", path, json={"remove": True} if remove else None)
        assert answer.status_code in (202, 204, 400, 404), answer.text
        until(lambda: self.is_stopped(user, name=name), what=f"the end of {user}'s server")

    def is_stopped(self, user: str, *, name: str = "") -> bool:
        found = self.server(user, name=name)
        return not found.get("ready") and not found.get("pending")

    def tidy(self) -> None:
        """No server left, the usual profiles, the hub running: what the next test expects."""
        if self.process is None or self.process.poll() is not None:
            self.process = None
            self.start()
        if self.catalogue.read_text() != CATALOGUE:
            self.catalogue.write_text(CATALOGUE)
        left = [(user["name"], name) for user in self.ask("GET", "users").json() for name in user["servers"]]
        for user, name in left:  # all at once: each takes a second to end
            self.api("DELETE", f"users/{user}/servers/{name}" if name else f"users/{user}/server")
        for user, name in left:
            self.stop_server(user, name=name, remove=bool(name))

    def address(self, user: str, *, name: str = "") -> str:
        """Of the Windlass REST interface of a user's server."""
        return f"{self.url}user/{user}/{name + '/' if name else ''}windlass/v1"

    def client(self, user: str, *, of: str | None = None, name: str = "") -> httpx.Client:
        """That interface, asked with the hub token `of` a user."""
        headers = {"Authorization": f"token {self.token_of(of or user)}"}
        return httpx.Client(base_url=self.address(user, name=name), headers=headers, timeout=60)

    @contextmanager
    def browser(self, user: str) -> Iterator[httpx.Client]:
        """A browser without JavaScript that has logged in."""
        with httpx.Client(follow_redirects=True, timeout=60) as browser:
            browser.get(f"{self.url}hub/login")
            login = {"username": user, "password": self.token, "_xsrf": browser.cookies["_xsrf"]}
            answer = browser.post(f"{self.url}hub/login", data=login, params={"next": "/hubs/hub/home"})
            assert answer.status_code == 200, answer.text
            yield browser

    def start(self) -> None:
        """Start the hub's process (again) and wait until it answers."""
        assert self.process is None
        with (self.base / "hub.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "-f", str(self.base / "config.py")],
                cwd=self.base,
                env={**environment(self.run_id), "CONFIGPROXY_AUTH_TOKEN": self.proxy_token},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        process = self.process
        until(lambda: _answers(f"{self.url}hub/api/") or process.poll() is not None, what="the hub's start")
        assert process.poll() is None, self.log[-3000:]

    def end(self, *, kill: bool = False) -> None:
        """End the hub's process and its service, and nothing else: users' servers and the proxy stay.

        With `kill` it dies as by an out-of-memory kill, without saying good-bye to anybody.
        """
        process, self.process = self.process, None
        if process is None:
            return
        services = [other for other in _children(process.pid) if "windlass_hub.service" in " ".join(_command(other))]
        process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(30)
        for other in services:
            with suppress(psutil.NoSuchProcess):
                other.kill()
                other.wait(30)

    def restart(self, *, kill: bool = False) -> None:
        """A new hub process in the middle; users' servers run on."""
        self.end(kill=kill)
        self.start()

    def user_environment(self, user: str) -> dict[str, str]:
        """What a terminal or a kernel of that user's server has."""
        home = self.base / user
        return {
            **environment(self.run_id),
            "HOME": str(home),
            "JUPYTER_RUNTIME_DIR": str(home / ".local/share/jupyter/runtime"),
            "JUPYTER_DATA_DIR": str(home / ".local/share/jupyter"),
            "WINDLASS_DATA_DIR": str(home / ".local/share/jupyter/windlass"),
        }


def environment(run_id: str) -> dict[str, str]:
    """This process's environment without what would make a server take another for its own; marked, to be found."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "WINDLASS_", "JPY_"))}
    paths = [str(REPOSITORY / "server_ext"), str(REPOSITORY / "spawner"), os.environ.get("PYTHONPATH", "")]
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, paths)), MARK: run_id}


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in sockets:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in sockets]


@contextmanager
def running(
    base: Path,
    *,
    catalogue: str | None = CATALOGUE,
    people: Mapping[str, Sequence[str]] = PEOPLE,
    settings: Mapping[str, Any] | None = None,
    extra: str = "",
) -> Iterator[Hub]:
    """A hub of one's own, and at the end nothing that it started.

    Args:
        base: an empty folder.
        catalogue: the text of the profiles' file; None: there is no such file.
        people: users with their groups. `root` is hub admin. Groups `platform` and `finance` edit and read profiles.
        settings: what differs from the usual `windlass_hub.Settings`.
        extra: appended to jupyterhub_config.py.
    """
    public, hub_port, proxy, service = free_ports(4)
    secret, proxy_token = secrets.token_hex(16), secrets.token_hex(16)
    if catalogue is not None:
        (base / "profiles.yaml").write_text(catalogue)
    chosen = {
        "spawner": "local",
        "profiles": f"file:{base}/profiles.yaml",
        "service_url": f"http://127.0.0.1:{service}",
        "database": f"sqlite:///{base}/windlass-hub.sqlite",
        "isolation": "none",
        "admin_groups": ["platform"],
        "reader_groups": ["finance"],
        **(settings or {}),
    }
    hub = Hub(
        base=base,
        url=f"http://127.0.0.1:{public}/hubs/",
        token=secret,
        service_url=str(chosen["service_url"]),
        proxy_token=proxy_token,
        run_id=f"{os.getpid()}-{secrets.token_hex(8)}",
    )
    (base / "config.py").write_text(
        config_text(
            base=str(base),
            password=secret,
            settings=chosen,
            people=people,
            ports=(public, hub_port, proxy),
            mark=(MARK, hub.run_id),
            extra=extra,
        )
    )
    proxy_process = _start_proxy(hub, public=public, api=proxy, hub_port=hub_port)
    try:
        hub.start()
        for user in people:
            (base / user).mkdir(exist_ok=True)
            hub.api("POST", f"users/{user}")
        yield hub
    finally:
        try:
            hub.end()
        finally:
            end_all(hub.run_id)
            proxy_process.wait(30)


def _start_proxy(hub: Hub, *, public: int, api: int, hub_port: int) -> subprocess.Popen[bytes]:
    target = f"http://127.0.0.1:{hub_port}"
    command = [str(PROXY), "--ip", "127.0.0.1", "--port", str(public), "--api-ip", "127.0.0.1", "--api-port", str(api)]
    command += ["--default-target", target, "--error-target", f"{target}/hubs/hub/error"]
    with (hub.base / "proxy.log").open("wb") as log:
        return subprocess.Popen(
            command,
            cwd=hub.base,
            env={**environment(hub.run_id), "CONFIGPROXY_AUTH_TOKEN": hub.proxy_token},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def end_all(run_id: str) -> None:
    """Kill whatever was started for this hub: it all carries the mark, and children inherit it."""
    mine = []
    for other in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if other.pid != os.getpid() and other.environ().get(MARK) == run_id:
                mine.append(other)
    for other in mine:
        with suppress(psutil.NoSuchProcess):
            other.kill()
    psutil.wait_procs(mine, timeout=30)


def _children(pid: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).children(recursive=True)
    return []


def _command(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return process.cmdline()
    return []


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.HTTPError:
        return False
