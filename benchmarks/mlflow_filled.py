"""MLflow servers that are full: 100,000 runs with 30 metrics, and histories of up to a million points.

Filling takes minutes, so the databases are kept in `WINDLASS_BENCH_DATA` (else the temporary folder) and used again.
SQLite always; PostgreSQL where its programs are installed and `psycopg` is (`pip install 'windlass[postgresql]'`).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from server_startup import free_port

KEPT = Path(os.environ.get("WINDLASS_BENCH_DATA") or Path(tempfile.gettempdir()) / "windlass-bench-mlflow")
_FILL = Path(__file__).parent / "fill_mlflow.py"
_FILL_SECONDS = 1500
_POSTGRES_OPTIONS = "-c fsync=off -c shared_buffers=256MB -c max_wal_size=4GB"


@contextmanager
def servers() -> Iterator[dict[str, str]]:
    """Addresses of full MLflow servers by the name of their database."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        found = {"SQLite": stack.enter_context(_server(_sqlite()))}
        if importlib.util.find_spec("psycopg") is not None and _postgres_programs() is not None:
            found["PostgreSQL"] = stack.enter_context(_server(stack.enter_context(_postgres())))
        else:
            print("  PostgreSQL or psycopg is not installed: left out", file=sys.stderr)
        yield found


def _sqlite() -> str:
    path = KEPT / "mlflow.db"
    if not path.exists():
        draft = path.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        _fill(f"sqlite:///{draft}")
        draft.rename(path)
    return f"sqlite:///{path}"


@contextmanager
def _postgres() -> Iterator[str]:
    programs, folder = _postgres_programs(), KEPT / "pgdata"
    assert programs is not None
    done, port = KEPT / "pgdata.filled", free_port()
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        _give_to_postgres(folder)
        _as_postgres(str(programs / "initdb"), "-D", str(folder), "-A", "trust", "-U", "postgres")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 {_POSTGRES_OPTIONS}"
    control = (str(programs / "pg_ctl"), "-D", str(folder), "-w")
    _as_postgres(*control, "-l", str(folder / "log"), "-o", options, "start")
    try:
        uri = f"postgresql+psycopg://postgres@127.0.0.1:{port}/mlflow"
        if not done.exists():
            address = ("-h", "127.0.0.1", "-p", str(port), "-U", "postgres")
            subprocess.run([str(programs / "createdb"), *address, "mlflow"], check=True)
            _fill(uri)
            done.touch()
        yield uri
    finally:
        _as_postgres(*control, "-m", "fast", "stop")


def _postgres_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


def _give_to_postgres(folder: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")


def _as_postgres(*command: str) -> None:
    """Its programs refuse to run as root."""
    whole = ("runuser", "-u", "postgres", "--", *command) if os.geteuid() == 0 else command
    subprocess.run(whole, check=True, stdout=subprocess.DEVNULL, cwd="/")


def _fill(uri: str) -> None:
    print("  filling a database, once", file=sys.stderr, flush=True)
    subprocess.run([sys.executable, str(_FILL), uri], check=True, timeout=_FILL_SECONDS)


@contextmanager
def _server(uri: str) -> Iterator[str]:
    """An `mlflow server` of one worker on a database, as the embedded one is."""
    url = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", url.rpartition(":")[2]]
    command += ["--workers", "1", "--backend-store-uri", uri, "--artifacts-destination", str(KEPT / "artifacts")]
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")},
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            _wait_for(url)
            yield url
        finally:
            os.killpg(process.pid, 15)


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise TimeoutError(f"no MLflow came up at {url}")
