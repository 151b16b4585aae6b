"""Runs `runner/mlflow_copy.py` in an interpreter that has MLflow, so that this process need not import it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from windlass.errors import Unavailable
from windlass.runner import mlflow_copy
from windlass.runner.mlflow_place import without_credentials

_SCRIPT = Path(mlflow_copy.__file__)
_TIME_LIMIT_SECONDS = 3600.0


async def copy_spool(spool: Path, *, python: str, tracking_uri: str) -> dict[str, dict[str, Any]]:
    """Copy a job's spool to the tracking server; answers, by the spooled run's id, the run it became.

    Safe to repeat. Raises Unavailable when it did not get to its end.
    """
    answer = await _run(["copy", str(spool)], python=python, tracking_uri=tracking_uri)
    runs: dict[str, dict[str, Any]] = answer.get("runs", {})
    return runs


async def upload_folder(folder: Path, *, run_id: str, python: str, tracking_uri: str) -> None:
    """Put a folder's content among a run's artifacts, wherever these lie. Raises Unavailable when that failed."""
    await _run(["upload", run_id, str(folder)], python=python, tracking_uri=tracking_uri)


def _environment(tracking_uri: str) -> dict[str, str]:
    """MLflow's variables for a given server: credentials travel in the environment, never on a command line."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_RUN")}
    parts = urlsplit(tracking_uri)
    if parts.scheme in ("http", "https"):
        environment["MLFLOW_TRACKING_URI"] = without_credentials(tracking_uri)
        if parts.username:
            environment["MLFLOW_TRACKING_USERNAME"] = unquote(parts.username)
            environment["MLFLOW_TRACKING_PASSWORD"] = unquote(parts.password or "")
    environment["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "3"
    environment["MLFLOW_ALLOW_FILE_STORE"] = "true"
    environment["GIT_PYTHON_REFRESH"] = "quiet"
    return environment


async def _run(arguments: list[str], *, python: str, tracking_uri: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="windlass-") as scratch:
        try:
            process = await asyncio.create_subprocess_exec(
                python or sys.executable,
                str(_SCRIPT),
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=scratch,
                env=_environment(tracking_uri),
            )
        except OSError as error:
            raise Unavailable(f"{python} cannot be started: {error.strerror}.") from error
        try:
            output, errors = await asyncio.wait_for(process.communicate(), _TIME_LIMIT_SECONDS)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    lines = output.decode("utf-8", "replace").strip().splitlines()
    if process.returncode == 0 and lines:
        answer: dict[str, Any] = json.loads(lines[-1])
        return answer
    said = errors.decode("utf-8", "replace").strip().splitlines()
    raise Unavailable(f"MLflow could not do it: {said[-1][:300] if said else 'it said nothing'}.")
