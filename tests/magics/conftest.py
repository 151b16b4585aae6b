"""A notebook's kernel, started by a real Jupyter server that has a password and no token of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

import httpx
import pytest
from jupyter_client import BlockingKernelClient
from jupyter_server.auth import passwd
from tests.desk import Desk, open_desk, until

from windlass.runtime_files import ServerRecord

PASSWORD = "correct horse"
EXECUTE_SECONDS = 90


@dataclass
class Result:
    """What running a cell brought."""

    text: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    failed: bool = False
    """Whether a front end that runs all cells would stop here."""


class Kernel:
    """A kernel, and everything it says on its output channel."""

    def __init__(self, connection_file: Path) -> None:
        self.client = BlockingKernelClient(connection_file=str(connection_file))
        self.client.load_connection_file()
        self.client.start_channels()
        self.heard: list[dict[str, Any]] = []
        until(self._is_ready, "the kernel's first answer", seconds=EXECUTE_SECONDS)

    def run(self, source: str) -> Result:
        """Run a cell to its end."""
        result = Result()
        asked = self.client.execute(source)
        while True:
            message = self._hear(EXECUTE_SECONDS)
            content, kind = message["content"], message["header"]["msg_type"]
            if message["parent_header"].get("msg_id") != asked:
                continue
            if kind == "stream":
                result.text += content["text"]
            elif kind in ("execute_result", "display_data"):
                result.data = content["data"]
            elif kind == "error":
                result.text += "\n".join(content["traceback"])
            elif kind == "status" and content["execution_state"] == "idle":
                result.failed = self._reply_to(asked)["status"] == "error"
                return result

    def value(self, expression: str) -> str:
        """The repr of an expression."""
        return str(self.run(f"print(repr({expression}))").text.strip())

    def hear_until(self, words: str) -> dict[str, Any]:
        """The first message about widgets, heard already or to come, that has these words in it."""

        def found() -> dict[str, Any] | None:
            return next((each for each in self.heard if words in str(each["content"])), None)

        def listen() -> dict[str, Any] | None:
            earlier = found()
            if earlier is None:
                self._hear(1.0, patient=False)
            return earlier

        return until(listen, f"a widget saying {words!r}")  # type: ignore[no-any-return]

    def click(self, comm_id: str) -> None:
        """Press a button."""
        data = {"method": "custom", "content": {"event": "click"}}
        self.client.shell_channel.send(self.client.session.msg("comm_msg", {"comm_id": comm_id, "data": data}))

    def _reply_to(self, asked: str) -> dict[str, Any]:
        while True:
            reply: dict[str, Any] = self.client.get_shell_msg(timeout=EXECUTE_SECONDS)
            if reply["parent_header"].get("msg_id") == asked:
                return dict(reply["content"])

    def _is_ready(self) -> bool:
        """Whether it answers on both channels. The client's own check takes a slow start for death."""
        self.client.kernel_info()
        try:
            self.client.get_shell_msg(timeout=1)
            self.client.get_iopub_msg(timeout=1)
        except Empty:
            return False
        return True

    def _hear(self, seconds: float, *, patient: bool = True) -> dict[str, Any]:
        try:
            message: dict[str, Any] = self.client.get_iopub_msg(timeout=seconds)
        except Empty:
            if patient:
                raise
            return {}
        if message["header"]["msg_type"].startswith("comm_"):
            self.heard.append(message)
        return message


class Server:
    """A Jupyter server with a password, logged in to as a browser does."""

    def __init__(self, *, desk: Desk, base_url: str) -> None:
        self.desk = desk
        self._base_url = base_url
        self._log = (desk.folder.parent / "jupyter.log").open("wb")
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "jupyter", "server", "--no-browser", "--allow-root", "--ServerApp.port=0",
                f"--ServerApp.base_url={base_url}", "--ServerApp.jpserver_extensions={'windlass': True}",
                "--IdentityProvider.token=", f"--PasswordIdentityProvider.hashed_password={passwd(PASSWORD)}",
                f"--ServerApp.root_dir={desk.folder}",
            ],
            env=desk.environment, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
        )  # fmt: skip
        self.record = until(self._record, "the server's start")
        self._http = httpx.Client(base_url=self.record.url, timeout=60)
        until(self._is_up, "the server's answer")
        self._log_in()

    def kernel(self, notebook: Path) -> Kernel:
        """The kernel of a notebook that is opened now."""
        name = notebook.relative_to(self.desk.folder)
        answer = self._http.post(
            "api/sessions",
            json={"path": name.as_posix(), "name": name.name, "type": "notebook", "kernel": {"name": "python3"}},
            headers={"X-XSRFToken": self._http.cookies["_xsrf"]},
        )
        answer.raise_for_status()
        runtime = Path(self.desk.environment["JUPYTER_RUNTIME_DIR"])
        return Kernel(runtime / f"kernel-{answer.json()['kernel']['id']}.json")

    def close(self) -> None:
        """End the server."""
        self._http.close()
        self._process.terminate()
        self._process.wait(30)
        self._log.close()

    def _record(self) -> ServerRecord | None:
        path = Path(self.desk.environment["JUPYTER_RUNTIME_DIR"]) / f"windlass-server-{self._process.pid}.json"
        if self._process.poll() is not None:
            pytest.fail((self.desk.folder.parent / "jupyter.log").read_text())
        return ServerRecord(**json.loads(path.read_text())) if path.is_file() else None

    def _is_up(self) -> bool:
        try:
            return self._http.get("login").is_success
        except httpx.HTTPError:
            return False

    def _log_in(self) -> None:
        self._http.get("login")
        form = {"password": PASSWORD, "_xsrf": self._http.cookies["_xsrf"]}
        answer = self._http.post("login", data=form)
        assert answer.status_code in (200, 302), answer.text
        assert self._http.get("api/status").status_code == 200


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with open_desk(tmp_path_factory.mktemp("magics")) as desk:
        started = Server(desk=desk, base_url="/user/ada/")
        yield started
        started.close()
