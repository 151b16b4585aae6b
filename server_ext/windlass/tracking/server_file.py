"""What the embedded MLflow server and everyone who uses it tell each other, in files of `<data dir>/mlflow`.

Used by the Jupyter server and by the keeper process: standard library and psutil only.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

_FINAL_STATES = frozenset({"succeeded", "failed", "stopped", "lost"})
UNSUBMITTED_SECONDS = 600.0
"""A job that has no folder this long after its environment was made was never submitted."""


@dataclass(frozen=True, kw_only=True)
class ServerState:
    """server.json: where the embedded server is, and which process keeps it."""

    url: str
    port: int
    state: str
    """`starting`, `up`, `down` (it cannot start: see `message`) or `stopped`."""
    pid: int | None = None
    """The keeper, which owns the address."""
    create_time: float | None = None
    server_pid: int | None = None
    """Leader of MLflow's own process group."""
    server_create_time: float | None = None
    message: str | None = None

    @property
    def is_kept(self) -> bool:
        """Whether the keeper lives: then the address is good, even while MLflow itself starts again."""
        return is_alive(self.pid, self.create_time)


def is_alive(pid: int | None, create_time: float | None) -> bool:
    """Whether this very process (not a later one with its number) is running."""
    if pid is None or create_time is None:
        return False
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - create_time) < 2 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def write_atomically(path: Path, text: str) -> None:
    """Replace a file's content so that a reader sees the old or the new, with mode 0600."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file; it is let go with the process. Blocks for as long as another holds it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


class ServerHome:
    """The folder `<data dir>/mlflow`."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.path = data_dir / "mlflow"

    def create(self) -> None:
        """Make the folders, closed to other users."""
        for folder in (self.data_dir, self.path, self.path / "users", self.path / "artifacts"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Held, briefly, by whoever starts or ends the keeper."""
        return locked(self.path / "start.lock")

    def read(self) -> ServerState | None:
        """The server's state as last written; None when there is none that can be read."""
        try:
            return ServerState(**json.loads((self.path / "server.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, state: ServerState) -> None:
        """Publish the server's state."""
        write_atomically(self.path / "server.json", json.dumps(asdict(state)))

    def register_server(self) -> None:
        """Say that this process (a Jupyter server) uses MLflow, until it ends or says otherwise."""
        me = psutil.Process()
        text = json.dumps({"pid": me.pid, "create_time": me.create_time()})
        write_atomically(self.path / "users" / f"server-{me.pid}.json", text)

    def unregister_server(self) -> None:
        """This process uses MLflow no more."""
        with contextlib.suppress(OSError):
            (self.path / "users" / f"server-{os.getpid()}.json").unlink()

    def register_job(self, job_id: str) -> None:
        """Say that a job was given the address and may use it until it has ended."""
        write_atomically(self.path / "users" / f"job-{job_id}", "")

    def users(self, *, now: float) -> int:
        """How many Jupyter servers and jobs still count on MLflow (`now` in POSIX seconds); forgets the others."""
        count = 0
        for entry in list((self.path / "users").iterdir()):
            uses = self._job_lives(entry, now=now) if entry.name.startswith("job-") else _process_lives(entry)
            if uses:
                count += 1
            else:
                entry.unlink(missing_ok=True)
        return count

    def _job_lives(self, entry: Path, *, now: float) -> bool:
        folder = self.data_dir / "jobs" / entry.name.removeprefix("job-")
        try:
            state = json.loads((folder / "state.json").read_text(encoding="utf-8")).get("state")
        except (OSError, ValueError, AttributeError):
            return now - _modified(entry) < UNSUBMITTED_SECONDS
        if state in _FINAL_STATES:
            return False
        supervisor = folder / "supervisor.json"
        return not supervisor.exists() or _process_lives(supervisor)


def _process_lives(path: Path) -> bool:
    try:
        process = json.loads(path.read_text(encoding="utf-8"))
        return is_alive(process["pid"], process["create_time"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
