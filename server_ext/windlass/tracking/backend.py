"""The MLflow server process itself, behind a Unix socket in the current folder.

Started as MLflow's own command line starts it, in a process group of its own, so that nothing of it is left when it
ends. The current folder is `<data dir>/mlflow`: every path is relative, whatever characters the data folder's has.
Standard library and psutil only: it lives in the keeper process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import time
from pathlib import Path

import psutil

from windlass.tracking.server_file import is_alive

_START_SECONDS = 180.0
_STOP_SECONDS = 5.0
_LOG_BYTES = 5 << 20
_DATABASE = "mlflow.db"
_OUTDATED = "out-of-date database schema"
# The command is held by its standard input: when the keeper is gone, however it went, that ends, and with it the group.
_HELD = 'exec 3<&0 </dev/null; { cat <&3 >/dev/null; kill -KILL 0; } & exec 3<&-; exec "$@"'
_DROPPED_PREFIXES = ("MLFLOW_", "_MLFLOW_", "WINDLASS_")
_DROPPED = ("PYTHONDONTWRITEBYTECODE", "JPY_API_TOKEN", "JUPYTERHUB_API_TOKEN")


def server_environment(environment: dict[str, str]) -> dict[str, str]:
    """The environment MLflow runs in: none of its settings by accident, nothing that calls home, one process."""
    kept = {
        name: value
        for name, value in environment.items()
        if name not in _DROPPED and not name.startswith(_DROPPED_PREFIXES)
    }
    return kept | {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "GIT_PYTHON_REFRESH": "quiet",
    }


class Backend:
    """One MLflow server process at a time."""

    socket_name = "server.sock"

    def __init__(self, *, home: Path, python: str, port: int) -> None:
        self._home = home
        self._python = python
        self._port = port
        self._process: asyncio.subprocess.Process | None = None
        # Open at the other end for as long as this process lives; children get this end alone.
        self._hold, self._held_by_me = os.pipe()
        self.pid: int | None = None
        self.create_time: float | None = None

    def command(self) -> list[str]:
        """What is started, argument by argument."""
        return [
            *(self._python, "-m", "mlflow", "server", "--workers", "1"),
            *("--host", "127.0.0.1", "--port", str(self._port)),
            *("--backend-store-uri", f"sqlite:///{_DATABASE}", "--artifacts-destination", "./artifacts"),
            *("--uvicorn-opts", f"--uds {self.socket_name}"),
        ]

    async def start(self) -> None:
        """Start the process; returns before it answers."""
        with contextlib.suppress(FileNotFoundError):
            (self._home / self.socket_name).unlink()
        self._process = await self._spawn(self.command())
        self.pid = self._process.pid
        with contextlib.suppress(psutil.Error):
            self.create_time = psutil.Process(self.pid).create_time()

    async def _spawn(self, command: list[str]) -> asyncio.subprocess.Process:
        path = self._home / "server.log"
        with contextlib.suppress(OSError):
            if path.stat().st_size > _LOG_BYTES:
                path.replace(path.with_suffix(".log.1"))
        with path.open("ab") as output:
            return await asyncio.create_subprocess_exec(
                *("/bin/sh", "-c", _HELD, "sh", *command),
                stdin=self._hold,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                cwd=self._home,
                env=server_environment(dict(os.environ)),
                start_new_session=True,
            )

    async def wait_until_ready(self) -> bool:
        """Whether it came to answer; False when it ended, or did not answer within three minutes."""
        assert self._process is not None
        deadline = time.monotonic() + _START_SECONDS
        while self._process.returncode is None and time.monotonic() < deadline:
            if await self._answers():
                return True
            await asyncio.sleep(0.1)
        await self.stop()
        return False

    async def _answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_unix_connection(self.socket_name)
        except OSError:
            return False
        try:
            writer.write(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
            return b" 200 " in await asyncio.wait_for(reader.readline(), 10)
        except (OSError, asyncio.TimeoutError):
            return False
        finally:
            writer.close()

    async def wait(self) -> int:
        """The exit status, once it has ended; what it left behind of its group is killed."""
        assert self._process is not None
        code = await self._process.wait()
        self._signal_group(signal.SIGKILL)
        return code

    async def stop(self) -> None:
        """End it and its group: TERM, a grace period, KILL."""
        if self._process is None:
            return
        self._signal_group(signal.SIGTERM)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
        self._signal_group(signal.SIGKILL)
        await self._process.wait()

    def _signal_group(self, number: signal.Signals) -> None:
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def kill_leftover(self, pid: int | None, create_time: float | None) -> None:
        """End the MLflow that a killed keeper left behind: two on one database would be one too many."""
        if pid is not None and is_alive(pid, create_time):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)

    async def explain_failure(self) -> str:
        """Why it did not start, in a sentence; mends a database of an older MLflow on the way (keeping a copy)."""
        said = self._tail()
        if _OUTDATED in said:
            stamp = time.strftime("%Y%m%d-%H%M%S")
            await asyncio.to_thread(shutil.copy2, self._home / _DATABASE, self._home / f"mlflow-{stamp}.db")
            upgrade = await self._spawn([self._python, "-m", "mlflow", "db", "upgrade", f"sqlite:///{_DATABASE}"])
            await upgrade.wait()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(upgrade.pid, signal.SIGKILL)
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        reason = lines[-1][:300] if lines else "it said nothing"
        return f"The embedded MLflow server does not start: {reason} (see {self._home / 'server.log'})."

    def _tail(self) -> str:
        with contextlib.suppress(OSError), (self._home / "server.log").open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
            return file.read().decode("utf-8", "replace")
        return ""
