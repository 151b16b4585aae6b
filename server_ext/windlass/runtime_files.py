"""Where a running server says that it runs, and the token that opens its Windlass routes.

Written by the server extension, read by the command line and the magics, which may be of another environment. Nothing
is imported that costs time.
"""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

PREFIX = "windlass-server-"


@dataclass(frozen=True, kw_only=True)
class ServerRecord:
    """One running server. Times are POSIX seconds."""

    url: str
    """Base URL, ending in `/`, as this machine reaches it."""
    token: str
    pid: int
    create_time: float
    """When that process began: a pid is used again, the two together are not."""
    root_dir: str
    base_url: str
    started_at: float
    headless: bool
    host: str = ""
    """The machine (or container): home folders are shared between machines, processes are not."""

    def __repr__(self) -> str:
        return f"ServerRecord(url={self.url!r}, pid={self.pid}, root_dir={self.root_dir!r})"


def runtime_dir() -> Path:
    """Jupyter's runtime folder."""
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir())


def data_dir() -> Path:
    """The data folder: `WINDLASS_DATA_DIR`, else in Jupyter's data folder."""
    from jupyter_core.paths import jupyter_data_dir

    chosen = os.environ.get("WINDLASS_DATA_DIR")
    return Path(chosen).expanduser() if chosen else Path(jupyter_data_dir()) / "windlass"


def this_host() -> str:
    """The name of this machine or container."""
    return socket.gethostname()


def process_began_at(pid: int) -> float | None:
    """When a process of this machine began; None when there is none."""
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def write_record(record: ServerRecord) -> Path:
    """Write the file, readable by its owner alone from the first moment on. Raises OSError."""
    folder = runtime_dir()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{PREFIX}{record.pid}.json"
    temporary = path.with_suffix(f".{os.urandom(4).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(record), file)
    temporary.replace(path)
    return path


def living_records() -> list[ServerRecord]:
    """Servers of this machine whose process lives, the newest first; files of dead ones are removed."""
    living = []
    for path in sorted(runtime_dir().glob(f"{PREFIX}*.json")):
        record = _read(path)
        if record is None or record.host not in ("", this_host()):
            continue
        began_at = process_began_at(record.pid)
        if began_at is not None and abs(began_at - record.create_time) < 1.0:
            living.append(record)
        else:
            path.unlink(missing_ok=True)
    return sorted(living, key=lambda record: record.started_at, reverse=True)


def _read(path: Path) -> ServerRecord | None:
    """A record; None when the file is gone, unreadable, or of another version."""
    known = {entry.name for entry in fields(ServerRecord)}
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return ServerRecord(**{name: value for name, value in content.items() if name in known})
    except (OSError, ValueError, TypeError, AttributeError):
        return None
