"""A real Jupyter server with the extension, as a process that can be killed and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import nbformat
import psutil
import websocket
from tests.conftest import until

FINAL = {"succeeded", "failed", "stopped", "lost"}
REPOSITORY = Path(__file__).parent.parent


@dataclass
class Server:
    """One server on a base folder; several may share the folder, as one user's servers do."""

    base: Path
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    record: dict[str, Any] = field(default_factory=dict)
    name: str = "jupyter"
    folder: str = "root"
    tracked: bool = False
    """Whether it starts an MLflow of its own; what is not about MLflow does without."""
    data_dir: Path | None = None
    kubeconfig: Path | None = None
    """Of a test's cluster; whoever runs the tests may have clusters of their own, which are none of the tests'."""
    variables: dict[str, str] = field(default_factory=dict)
    """More of its environment."""

    @property
    def root(self) -> Path:
        return self.base / self.folder

    @property
    def data(self) -> Path:
        return self.data_dir or self.base / "data"

    def environment(self) -> dict[str, str]:
        foreign = ("WINDLASS_", "JUPYTER_", "MLFLOW_", "JPY_")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        path = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "server_ext"), kept.get("PYTHONPATH", "")])
        return {
            **kept,
            "PYTHONPATH": path,
            "KUBECONFIG": str(self.kubeconfig or self.base / "no-kubeconfig"),
            "WINDLASS_DATA_DIR": str(self.data),
            "JUPYTER_RUNTIME_DIR": str(self.base / "runtime"),
            "JUPYTER_CONFIG_DIR": str(self.base / "config"),
            "JUPYTER_DATA_DIR": str(self.base / "jupyter"),
            "IPYTHONDIR": str(self.base / "ipython"),
            **self.variables,
        }

    def start(self) -> Server:
        for folder in (self.root, self.data, self.base / "runtime", self.base / "config"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "jupyter_server",
                    "--ServerApp.jpserver_extensions={'windlass': True, 'jupyterlab': False, 'notebook': False}",
                    f"--ServerApp.root_dir={self.root}",
                    "--ServerApp.port=0",
                    "--ServerApp.open_browser=False",
                    "--ServerApp.allow_root=True",
                    f"--WindlassApp.embedded_tracking={self.tracked}",
                    "--WindlassApp.stop_grace_seconds=1",
                    *self.options,
                ],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        pid = self.process.pid
        file = self.base / "runtime" / f"windlass-server-{pid}.json"
        until(
            lambda: file.exists() or self.process is None or self.process.poll() is not None, what="the server's start"
        )
        assert file.exists(), self.log.read_text(errors="replace")[-3000:]
        self.record = json.loads(file.read_text())
        return self

    @property
    def log(self) -> Path:
        return self.base / f"{self.name}.log"

    def kill(self) -> None:
        """As the kernel's memory killer does it."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(30)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(30)

    @property
    def url(self) -> str:
        return f"{self.record['url']}windlass/v1"

    def client(self, **headers: str) -> httpx.Client:
        given = headers or {"Authorization": f"windlass {self.record['token']}"}
        return httpx.Client(base_url=self.url, headers=given, timeout=60)

    def notebook(self, name: str, *cells: str, **metadata: Any) -> str:
        """Write a notebook with these code cells; one that begins with `# parameters` is tagged so."""
        document = nbformat.v4.new_notebook(metadata=metadata)
        for source in cells:
            tags = {"tags": ["parameters"]} if source.startswith("# parameters") else {}
            document.cells.append(nbformat.v4.new_code_cell(source, metadata=tags))
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(document, path)
        return name

    def send(self, notebook: str, *, key: str | None = None, **request: Any) -> dict[str, Any]:
        """Submit, and see that it was taken."""
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        with self.client() as http:
            answer = http.post("/jobs", json={"notebook": notebook, **request}, headers=headers)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def job(self, job_id: str) -> dict[str, Any]:
        with self.client() as http:
            return http.get(f"/jobs/{job_id}").raise_for_status().json()

    def reaches(self, job_id: str, *states: str, seconds: float = 60) -> dict[str, Any]:
        """The job, once it is in one of these states (else: ended)."""
        wanted = set(states) or FINAL

        def look() -> dict[str, Any] | None:
            job = self.job(job_id)
            assert job["state"] in wanted or job["state"] not in FINAL, job
            return job if job["state"] in wanted else None

        return until(look, seconds=seconds, what=f"{job_id} being {wanted}")

    def log_text(self, job_id: str, **query: Any) -> str:
        with self.client() as http:
            page = http.get(f"/jobs/{job_id}/logs", params=query).raise_for_status().json()
        return "".join(segment["text"] for segment in page["segments"])

    def tab(self, **headers: str) -> Tab:
        given = headers or {"Authorization": f"windlass {self.record['token']}"}
        address = self.url.replace("http", "ws", 1) + "/socket"
        header = [f"{name}: {value}" for name, value in given.items()]
        return Tab(websocket.create_connection(address, header=header, timeout=60, suppress_origin=True))


@dataclass
class Tab:
    """A browser tab's socket."""

    connection: websocket.WebSocket

    def say(self, **message: Any) -> None:
        self.connection.send(json.dumps(message))

    def hear(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """The next message of that kind, others passed over; it must come within the connection's time-out."""
        while True:
            message = json.loads(self.connection.recv())
            if message["type"] == kind and all(message.get(name) == value for name, value in wanted.items()):
                return message

    def jobs_until(self, job_id: str, *states: str) -> dict[str, Any]:
        """The `jobs` message that shows the job in one of these states."""
        while True:
            event = self.hear("jobs")
            if any(job["id"] == job_id and job["state"] in states for job in event["jobs"]):
                return event

    def close(self) -> None:
        self.connection.close()


def end_all(data_dir: Path) -> None:
    """Kill whatever was started for this data folder: servers, supervisors, ranks."""
    mine = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get("WINDLASS_DATA_DIR") == str(data_dir):
                mine.append(process)
        except (psutil.Error, OSError):
            continue
    for process in mine:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(mine, timeout=30)


@contextmanager
def running(base: Path, *options: str, **more: Any) -> Iterator[Server]:
    """A server, and at the end nothing that it started."""
    server = Server(base=base, options=options, **more)
    try:
        yield server.start()
    finally:
        server.end()
        end_all(server.data)
