"""Where this job's MLflow calls go: to the tracking server, or to a spool in the job's folder while that is away.

Decided once per job, at the first call that needs the server, by whichever rank comes first: the ranks of a job must
not end up in two places. It patches nothing itself and knows no runs.
"""

from __future__ import annotations

import contextlib
import fcntl
import inspect
import json
import os
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ATTEMPT_SECONDS = 5.0
_PORTS = {"http": 80, "https": 443}


def server_key(uri: str) -> tuple[str, str, int, str]:
    """What makes two tracking addresses the same server: scheme, host, port and path; not credentials."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return "", "", 0, uri
    host = (parts.hostname or "").lower()
    host = "127.0.0.1" if host in _LOOPBACK else host
    try:
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        port = 0
    return parts.scheme, host, port, parts.path.rstrip("/")


def without_credentials(uri: str) -> str:
    """The address with user name, password and query taken out."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return uri.rpartition("@")[2]
    if not parts.netloc:
        return uri
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def answers(uri: str, timeout_seconds: float) -> bool:
    """Whether something that speaks HTTP is there; being refused for want of credentials counts as an answer."""
    parts = urlsplit(uri)
    request = urllib.request.Request(without_credentials(uri).rstrip("/") + "/health")  # noqa: S310 - http(s) only
    handlers = [urllib.request.ProxyHandler({})] if parts.hostname in _LOOPBACK else []
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=timeout_seconds):
            return True
    except urllib.error.HTTPError as error:
        return error.code not in (502, 503, 504)
    except urllib.error.URLError as error:
        return isinstance(error.reason, ssl.SSLCertVerificationError)
    except (OSError, ValueError):
        return False


def wait_for(uri: str, wait_seconds: float) -> bool:
    """Whether the server answers within `wait_seconds`; asks at least once."""
    deadline = time.monotonic() + wait_seconds
    pause = 0.1
    while True:
        remaining = deadline - time.monotonic()
        if answers(uri, max(_ATTEMPT_SECONDS, remaining)):
            return True
        if deadline - time.monotonic() <= pause:
            return False
        time.sleep(pause)
        pause = min(pause * 1.5, 1.0)


class JobLock:
    """One rank of the job at a time; may be taken again by the thread that has it. Let go when the process dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mutex = threading.RLock()
        self._depth = 0
        self._fd = -1

    def __enter__(self) -> None:
        self._mutex.acquire()
        self._depth += 1
        if self._depth > 1:
            return
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._fd, fcntl.LOCK_EX)
        except OSError:
            # A file system without locks: the ranks then race as they would without Windlass.
            pass

    def __exit__(self, *_exc: object) -> None:
        self._depth -= 1
        if self._depth == 0 and self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._mutex.release()


class Place:
    """The tracking server that Windlass named, and the spool that stands in for it."""

    def __init__(
        self, *, job_dir: Path, uri: str, wait_seconds: float, say: Callable[[str], None], in_pod: bool = False
    ) -> None:
        self.uri = uri
        self._kept = "in the pod and, while the job runs," if in_pod else "with the job and"
        self._lock = JobLock(job_dir / "mlflow-place.lock")
        self._spool = job_dir / "spool"
        self._wait_seconds = wait_seconds
        self.say = say
        self._away: bool | None = None

    @property
    def away(self) -> bool:
        """Whether the job is known to be spooled."""
        return bool(self._away)

    def is_ours(self, uri: str) -> bool:
        """Whether an address is that of the server Windlass named (over HTTP)."""
        return urlsplit(self.uri).scheme in _PORTS and server_key(uri) == server_key(self.uri)

    def decide(self) -> bool:
        """Whether the job is spooled: asks the server at the first call, waiting for one that is still starting."""
        if self._away is None:
            with self._lock:
                self._away = (self._spool / "away.json").exists() or self._find_away()
        return self._away

    def _find_away(self) -> bool:
        if wait_for(self.uri, self._wait_seconds):
            return False
        address = without_credentials(self.uri)
        try:
            self._spool.mkdir(parents=True, exist_ok=True)
            note = {"tracking_uri": address, "at": time.time()}
            (self._spool / "away.json").write_text(json.dumps(note), encoding="utf-8")
        except OSError:
            return False
        self.say(
            f"MLflow at {address} does not answer. What this job logs is kept {self._kept} sent when MLflow is back."
        )
        return True

    def addresses(self, *, with_database: bool) -> tuple[str, str]:
        """The spool's tracking address and artifact root."""
        artifacts = self._spool / "artifacts"
        artifacts.mkdir(parents=True, exist_ok=True)
        if with_database:
            return f"sqlite:///{self._spool / 'mlflow.db'}", artifacts.as_uri()
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        return (self._spool / "mlruns").as_uri(), artifacts.as_uri()

    def spool_store(self, registry: Any) -> Any:
        """A store of MLflow's own kind in the spool: SQLite, or files where SQLAlchemy is not installed."""
        with_database = "sqlite" in getattr(registry, "_registry", {})
        tracking_uri, artifacts = self.addresses(with_database=with_database)
        builder = registry.get_store_builder(tracking_uri)
        there = {"store_uri": tracking_uri, "artifact_uri": artifacts, "tracking_uri": tracking_uri}
        arguments = {name: there[name] for name in inspect.signature(builder).parameters if name in there}
        with self._lock:
            return builder(**arguments)


@contextlib.contextmanager
def quietly(say: Callable[[str], None], what: str) -> Iterator[None]:
    """Report a failure of what Windlass adds instead of letting it become the notebook's."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - anything MLflow or the network may raise
        say(f"{what}: {type(error).__name__}")
