"""The embedded MLflow server as the Jupyter server sees it: one per user, there when it is asked for.

The address is known at once: the listening socket is made here and handed to the keeper process, so that connections
queue in the kernel while MLflow starts. It imports no MLflow and waits for none.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psutil

from windlass.tracking.server_file import ServerHome, ServerState

_BACKLOG = 256


class EmbeddedServer:
    """Starts the keeper when there is none; any number of Jupyter servers may race to."""

    def __init__(self, *, data_dir: Path, python: str, keeper_options: tuple[str, ...] = ()) -> None:
        self._home = ServerHome(data_dir)
        self._python = python
        self._keeper_options = keeper_options

    def state(self) -> ServerState | None:
        """What is known of it, without asking it anything."""
        return self._home.read()

    def ensure(self, *, job_id: str | None = None) -> ServerState:
        """Have it started, and counted on by this process (and a job): answers its address before it is up.

        Takes milliseconds. Raises OSError when the data folder cannot be written.
        """
        self._home.create()
        with self._home.lock():
            self._home.register_server()
            if job_id is not None:
                self._home.register_job(job_id)
            state = self._home.read()
            if state is None or not state.is_kept:
                state = self._start_keeper(state)
        return state

    def release(self) -> None:
        """This process needs it no more."""
        self._home.unregister_server()

    def _start_keeper(self, last: ServerState | None) -> ServerState:
        with _listen(last.port if last is not None else 0) as listener:
            port = listener.getsockname()[1]
            process = self._spawn(listener)
        state = ServerState(
            url=f"http://127.0.0.1:{port}",
            port=port,
            state="starting",
            pid=process.pid,
            create_time=self._began(process.pid),
            server_pid=last.server_pid if last is not None else None,
            server_create_time=last.server_create_time if last is not None else None,
        )
        self._home.write(state)
        return state

    def _began(self, pid: int) -> float:
        """When the keeper began. Raises OSError when it has ended already."""
        try:
            return psutil.Process(pid).create_time()
        except psutil.Error:
            raise OSError(f"its keeper ended at once; {self._home.path / 'keeper.log'} says why") from None

    def _spawn(self, listener: socket.socket) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "windlass.tracking.keeper", str(self._home.data_dir.resolve())]
        command += ["--python", self._python, "--fd", str(listener.fileno()), *self._keeper_options]
        environment = {name: value for name, value in os.environ.items() if name != "WINDLASS_JOB_ID"}
        with (self._home.path / "keeper.log").open("ab") as output:
            process = subprocess.Popen(
                command,
                cwd=self._home.path,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(listener.fileno(),),
                start_new_session=True,
            )
        # It outlives this process; while both live, somebody has to take note of its end.
        threading.Thread(target=process.wait, name="windlass-keeper-end", daemon=True).start()
        return process


def _listen(preferred_port: int) -> socket.socket:
    """A listening socket on loopback, at the port of last time where that is free: notebooks may name it."""
    for port in dict.fromkeys((preferred_port, 0)):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            continue
        return listener
    raise OSError("No port is free on 127.0.0.1 for the embedded MLflow server.")
