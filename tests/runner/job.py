"""A job as the supervisor lays it out, started as the supervisor starts it: the boundary all tests here go through."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

RUNNER = Path(__file__).resolve().parents[2] / "server_ext" / "windlass" / "runner"

Cell = str | dict[str, Any]


def code(source: str, *tags: str, **metadata: Any) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "metadata": {**({"tags": list(tags)} if tags else {}), **metadata},
        "source": source,
        "execution_count": None,
        "outputs": [],
    }


def markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def notebook(*cells: Cell) -> dict[str, Any]:
    full = [code(cell) if isinstance(cell, str) else dict(cell) for cell in cells]
    for number, cell in enumerate(full):
        cell.setdefault("id", f"id-{number}")
    return {"cells": full, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


class Job:
    """One job folder, and the processes started in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.id = f"runner-{uuid.uuid4().hex[:12]}"
        self.bundle = folder / "bundle"
        self.process: subprocess.Popen[str] | None = None

    def lay_out(
        self,
        *cells: Cell,
        content: str | None = None,
        name: str = "dir/train.ipynb",
        parameters: Mapping[str, Any] | None = None,
        files: Mapping[str, str] | None = None,
        search_folders: Sequence[str] = (),
    ) -> Job:
        shutil.copytree(RUNNER, self.bundle / "windlass_runner", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.move(self.bundle / "windlass_runner" / "windlass_run.py", self.bundle / "windlass_run.py")
        path = self.bundle / "files" / name
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(notebook(*cells)) if content is None else content, encoding="utf-8")
        for file, text in (files or {}).items():
            (self.bundle / "files" / file).parent.mkdir(parents=True, exist_ok=True)
            (self.bundle / "files" / file).write_text(text, encoding="utf-8")
        manifest = {"format": 1, "notebook": name, "parameters": dict(parameters or {}), "files": []}
        manifest["search_folders"] = list(search_folders)
        (self.bundle / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        return self

    def start(self, *, ranks: int = 1, python: tuple[str, ...] = (), **variables: str) -> Job:
        environment = {name: value for name, value in os.environ.items() if name not in _LEFT_OUT}
        environment.update(
            WINDLASS_JOB_ID=self.id,
            WINDLASS_JOB_DIR=str(self.folder),
            WINDLASS_LOG_TO_FILES="1",
            WINDLASS_ATTEMPT="0",
            OMP_NUM_THREADS="1",
        )
        environment.update(variables)
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)] if ranks > 1 else []
        files = self.bundle / "files"
        self.process = subprocess.Popen(
            [sys.executable, *python, *launcher, str(self.bundle / "windlass_run.py")],
            cwd=files if not (files / "dir").is_dir() else files / "dir",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return self

    def wait(self, *, timeout: float = 120) -> int:
        assert self.process is not None
        self.output, _nothing = self.process.communicate(timeout=timeout)
        return self.process.returncode

    def run(self, **options: Any) -> int:
        return self.start(**options).wait()

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def until(self, condition: Callable[[Job], Any], *, seconds: float = 60) -> Any:
        """What `condition` gives once it gives something true."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = condition(self)
            if found:
                return found
            assert self.process is None or self.process.poll() is None, f"it ended first: {self.everything()}"
            time.sleep(0.01)
        raise AssertionError(f"not within {seconds} s: {self.everything()}")

    def status(self, rank: int = 0) -> dict[str, Any]:
        path = self.folder / "ranks" / str(rank) / "status.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def log(self, rank: int = 0) -> str:
        path = self.folder / "logs" / f"rank-{rank}.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    @property
    def executed(self) -> Path:
        return self.folder / "executed.ipynb"

    def cells(self) -> list[dict[str, Any]]:
        return json.loads(self.executed.read_text(encoding="utf-8"))["cells"]

    def text(self, cell: int, name: str = "stdout") -> str:
        outputs = self.cells()[cell]["outputs"]
        return "".join(output["text"] for output in outputs if output.get("name") == name)

    def everything(self) -> str:
        return f"{self.status()}\n{self.log()[-3000:]}\n{getattr(self, 'output', '')}"


_LEFT_OUT = {
    "PYTHONPATH",
    "PYTHONUNBUFFERED",
    "PYTHONDONTWRITEBYTECODE",
    "MPLBACKEND",
    "RANK",
    "WORLD_SIZE",
    "LOCAL_RANK",
    "MASTER_ADDR",
    "MASTER_PORT",
}
