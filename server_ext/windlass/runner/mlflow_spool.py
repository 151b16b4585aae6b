"""Sends a pod's spool while the job runs, and at its end: the spool dies with the pod.

A job whose tracking server was away at its first call goes on in the spool to its end, since the ids of its runs are
the spool's. What is there is copied as soon as the server is back, again now and then, and at the end; each copy adds
to what the ones before it made. The copying is done by another process (mlflow_send): this one's MLflow clients write
to the spool. It patches nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .mlflow_backlog import counted
from .mlflow_place import JobLock, answers, without_credentials

_PROBE_SECONDS = 2.0
_FIRST_PAUSE_SECONDS = 5.0
_AWAY_SECONDS = 30.0
_COPIED_SECONDS = 300.0
_LONGEST_PAUSE_SECONDS = 3600.0
_COPY_SECONDS = 3600.0
_ANOTHERS_EXPERIMENT = ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME")


class SpoolSender:
    """Of each pod one rank sends while the job runs, and each at its own end."""

    def __init__(
        self,
        *,
        job_dir: Path,
        job_id: str,
        uri: str,
        say: Callable[[str], None],
        sent: Callable[[dict[str, Any]], None],
    ) -> None:
        """`sent` gets each run that was made at the server or added to."""
        self._spool = job_dir / "spool"
        self._note = self._spool / "sent.json"
        self._lock = JobLock(job_dir / "spool.lock")
        self._job_id = job_id
        self._uri = uri
        self._say = say
        self._sent = sent
        self._trouble = "it did not answer"
        self._process: subprocess.Popen[str] | None = None
        self._ending = threading.Event()
        self._mutex = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Send now and then, from a thread; may be called again."""
        with self._mutex:
            if self._thread is None:
                target = self._send_while_running
                self._thread = threading.Thread(target=target, name="windlass-mlflow-spool", daemon=True)
                self._thread.start()

    def finish(self, deadline: float) -> None:
        """Send what is left, until the time.monotonic() `deadline`."""
        if not self._is_used:
            return
        self._ending.set()
        sender = threading.Thread(target=self._send_at_end, args=(deadline,), name="windlass-mlflow-last", daemon=True)
        sender.start()
        sender.join(max(0.0, deadline - time.monotonic()))

    def tell_unsent(self) -> None:
        """Say what was not sent, and leave it at that."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._trouble = "it took too long"
        if not self._is_changed():
            return
        what = "What this job logged in a pod while MLflow was away"
        with contextlib.suppress(sqlite3.Error):
            what = f"{self._counted()} logged while MLflow was away"
        address = without_credentials(self._uri)
        self._say(f"{what} could not be sent to MLflow at {address} before the end: {self._trouble}.")

    @property
    def _is_used(self) -> bool:
        return (self._spool / "away.json").exists()

    def _send_while_running(self) -> None:
        pause, copied_pause = _FIRST_PAUSE_SECONDS, _COPIED_SECONDS
        while not self._ending.wait(pause):
            if self._is_changed() and answers(self._uri, _PROBE_SECONDS) and self._copy(_COPY_SECONDS):
                pause, copied_pause = copied_pause, min(2 * copied_pause, _LONGEST_PAUSE_SECONDS)
            else:
                pause = min(pause * 2, _AWAY_SECONDS)

    def _send_at_end(self, deadline: float) -> None:
        while self._is_changed() and (left := deadline - time.monotonic()) > 0:
            if not (answers(self._uri, min(left, _PROBE_SECONDS)) and self._copy(left)):
                time.sleep(min(1.0, left))

    def _copy(self, seconds: float) -> bool:
        """Copy once; whether that worked."""
        with self._lock:
            state = self._state()
            if state == self._noted():
                return True
            answer = self._run(seconds)
            if answer is None:
                return False
            self._note.write_text(json.dumps(state), encoding="utf-8")
        for run in answer.get("runs", {}).values():
            self._sent(run)
        return True

    def _run(self, seconds: float) -> dict[str, Any] | None:
        package = __name__.rpartition(".")[0]
        folder = Path(__file__).resolve().parents[len(package.split("."))]
        environment = {name: value for name, value in os.environ.items() if name not in _ANOTHERS_EXPERIMENT}
        environment["MLFLOW_TRACKING_URI"] = self._uri
        environment["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "3"
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(folder), environment.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"{package}.mlflow_send", str(self._spool), self._job_id],
            cwd=self._spool,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            output, errors = self._process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            self._trouble = "it took too long"
            return None
        lines = output.strip().splitlines()
        if self._process.returncode == 0 and lines:
            answer: dict[str, Any] = json.loads(lines[-1])
            return answer
        said = errors.strip().splitlines()
        self._trouble = said[-1][:300] if said else "it could not be copied"
        return None

    def _is_changed(self) -> bool:
        """Whether there is what was not sent."""
        return self._is_used and self._state() != self._noted()

    def _noted(self) -> list[Any] | None:
        try:
            noted: list[Any] = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return noted

    def _state(self) -> list[Any]:
        """Number, size and latest change of what is in the spool: it only ever grows."""
        count = size = latest = 0
        for folder, _folders, names in os.walk(self._spool):
            for name in names:
                if folder == str(self._spool) and name.endswith(".json"):
                    continue
                with contextlib.suppress(OSError):
                    about = (Path(folder) / name).stat()
                    count, size, latest = count + 1, size + about.st_size, max(latest, about.st_mtime_ns)
        return [count, size, latest]

    def _counted(self) -> str:
        with contextlib.closing(sqlite3.connect(f"file:{self._spool / 'mlflow.db'}?mode=ro", uri=True)) as database:
            tables = ("metrics", "params")
            counts = {table: database.execute(f"select count(*) from {table}").fetchone()[0] for table in tables}  # noqa: S608
            runs = database.execute("select count(*) from runs").fetchone()[0]
        words = counted(Counter(counts))
        return f"{words or 'Nothing but tags and files'} of {runs} {'run' if runs == 1 else 'runs'}"
