"""A place to work at, as a person has one: a folder with notebooks, settings of its own, and the `windlass` command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

TIMEOUT_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Done:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which has to be one JSON document and nothing else."""
        return json.loads(self.out)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A folder to work in, with an environment of its own."""

    folder: Path
    environment: dict[str, str]

    def notebook(self, name: str, *cells: str) -> Path:
        """Write a notebook with these code cells; a first cell that begins with `# parameters` is tagged so."""
        notebook = nbformat.v4.new_notebook()
        for source in cells:
            tags = {"tags": ["parameters"]} if source.startswith("# parameters") else {}
            notebook.cells.append(nbformat.v4.new_code_cell(source, metadata=tags))
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
        return path

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start `windlass` with these words."""
        return subprocess.Popen(
            [sys.executable, "-m", "windlass.cli", *words],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(self, *words: str) -> Done:
        """Run `windlass` with these words to its end."""
        return finished(self.start(*words))


def finished(process: subprocess.Popen[str]) -> Done:
    """Wait for a command's end."""
    try:
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        pytest.fail(f"{process.args} did not end; it printed\n{out}\n{err}")
    return Done(status=process.returncode, out=out, err=err)


def environment_of(process: psutil.Process) -> dict[str, str]:
    """A process's environment; empty when it is gone or not ours to read."""
    try:
        return dict(process.environ())
    except (psutil.Error, OSError):
        return {}


def processes_of(data_dir: Path) -> list[psutil.Process]:
    """All that was started for this data folder: servers, supervisors, ranks, MLflow."""
    everyone = [process for process in psutil.process_iter() if process.pid != os.getpid()]
    return [process for process in everyone if environment_of(process).get("WINDLASS_DATA_DIR") == str(data_dir)]


def until(condition: Callable[[], Any], what: str, *, seconds: float = 60.0) -> Any:
    """What `condition` gives once it gives something true; a failure when that takes too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    pytest.fail(f"{what} did not happen within {seconds:g} s")


def end(processes: Sequence[psutil.Process]) -> None:
    """Kill these processes, and wait until they are gone."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=30)


@contextmanager
def open_desk(base: Path, *, tracked: bool = False) -> Iterator[Desk]:
    """A desk in an empty folder; at the end nothing that was started from it is left.

    `tracked`: whether its servers start an MLflow, which takes seconds and 500 MB.
    """
    folder = base / "work"
    folder.mkdir()
    places = {
        "WINDLASS_DATA_DIR": "windlass",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_CONFIG_DIR": "config",
        "IPYTHONDIR": "ipython",
    }
    foreign = ("WINDLASS_", "JUPYTER_", "MLFLOW_", "JPY_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign) and key != "FORCE_COLOR"}
    for name in places.values():
        (base / name).mkdir(mode=0o700)
    settings = {"WindlassApp": {"embedded_tracking": tracked}}
    (base / "config" / "jupyter_server_config.json").write_text(json.dumps(settings), encoding="utf-8")
    environment = {**kept, **{variable: str(base / name) for variable, name in places.items()}, "COLUMNS": "80"}
    try:
        yield Desk(folder=folder, environment=environment)
    finally:
        end(processes_of(base / "windlass"))
