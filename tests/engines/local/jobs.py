"""Small jobs for a real engine: bundles that need no notebook, and ways to wait for what they do."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import sys
import tarfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil

from windlass.engines.base import JobSpec, JobStatus, State
from windlass.engines.local import processes
from windlass.engines.local.engine import LocalEngine

RUNNER = Path(__file__).resolve().parents[3] / "server_ext" / "windlass" / "runner"

PRELUDE = """
import json, os, sys, time
JOB = os.environ["WINDLASS_JOB_DIR"]
RANK = int(os.environ["RANK"])
log = os.open(f"{JOB}/logs/rank-{RANK}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.dup2(log, 1)
os.dup2(log, 2)

def say(phase, **more):
    folder = f"{JOB}/ranks/{RANK}"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/status.tmp", "w") as file:
        json.dump({"rank": RANK, "pid": os.getpid(), "phase": phase, **more}, file)
    os.replace(f"{folder}/status.tmp", f"{folder}/status.json")

say("running")
"""
"""A runner in a few lines: enough of the protocol of docs/architecture.md for a script to be a rank."""


def script_bundle(folder: Path, script: str, *, prelude: str = PRELUDE) -> Path:
    """A bundle whose ranks run this script."""
    return _pack(folder, {"windlass_run.py": (prelude + script).encode(), "files/x.ipynb": b"{}"})


def notebook_bundle(folder: Path, *cells: str, path: str = "dir/train.ipynb", parameters: Any = None) -> Path:
    """A bundle with the real runner and a notebook of these code cells."""
    notebook = {
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{number}",
                "metadata": {},
                "source": source,
                "outputs": [],
                "execution_count": None,
            }
            for number, source in enumerate(cells)
        ],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    content = json.dumps(notebook).encode()
    sha256 = hashlib.sha256(content).hexdigest()
    manifest = {
        "format": 1,
        "notebook": path,
        "parameters": parameters or {},
        "files": [{"path": path, "sha256": sha256, "size_bytes": len(content), "reason": "the notebook"}],
        "git": None,
        "packages": {},
    }
    files = {
        f"windlass_runner/{source.relative_to(RUNNER)}": source.read_bytes()
        for source in RUNNER.rglob("*.py")
        if source.name != "windlass_run.py"
    }
    files |= {
        "windlass_run.py": (RUNNER / "windlass_run.py").read_bytes(),
        "manifest.json": json.dumps(manifest).encode(),
        f"files/{path}": content,
    }
    return _pack(folder, files)


def _pack(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(files[name]), 0o644
            archive.addfile(member, io.BytesIO(files[name]))
    path = folder / f"{hashlib.sha256(packed.getvalue()).hexdigest()}.tar.gz"
    path.write_bytes(packed.getvalue())
    return path


def make_spec(bundle: Path, job_id: str, **fields: Any) -> JobSpec:
    """A job of this bundle; the interpreter is the one that runs the tests."""
    given = {
        "name": job_id,
        "owner": "ada",
        "notebook": "dir/train.ipynb",
        "bundle_sha256": bundle.name.removesuffix(".tar.gz"),
        "python": sys.executable,
        "created_at": time.time(),
        **fields,
    }
    return JobSpec(id=job_id, bundle_path=bundle, **given)


async def until(is_so: Callable[[], Awaitable[Any]], *, what: str, seconds: float = 60.0) -> Any:
    """The first true answer; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := await is_so():
            return answer
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within {seconds:.0f} s: {what}")


async def until_state(engine: LocalEngine, job_id: str, *states: State, seconds: float = 60.0) -> JobStatus:
    """The job's status once it is in one of these states."""

    async def reached() -> JobStatus | None:
        status = await engine.status(job_id)
        return status if status is not None and status.state in states else None

    try:
        found: JobStatus = await until(reached, what=f"{job_id} is {states}", seconds=seconds)
    except AssertionError as error:
        raise AssertionError(f"{error}; it is {await engine.status(job_id)}") from None
    return found


async def until_ended(engine: LocalEngine, job_id: str, *, seconds: float = 60.0) -> JobStatus:
    """The job's status once it has ended."""
    ends = [state for state in State if state.is_final]
    return await until_state(engine, job_id, *ends, seconds=seconds)


async def watched(
    statuses: AsyncIterator[JobStatus], is_last: Callable[[JobStatus], bool], *, seconds: float = 60.0
) -> list[JobStatus]:
    """What a watch tells, up to the status asked for."""
    seen: list[JobStatus] = []

    async def follow() -> None:
        async for status in statuses:
            seen.append(status)
            if is_last(status):
                return

    await asyncio.wait_for(follow(), seconds)
    return seen


async def until_log(engine: LocalEngine, job_id: str, text: str, *, seconds: float = 60.0) -> str:
    """The merged log once this text is in it."""

    async def found() -> str | None:
        log = await whole_log(engine, job_id)
        return log if text in log else None

    log: str = await until(found, what=f"{text!r} in the log of {job_id}", seconds=seconds)
    return log


async def whole_log(engine: LocalEngine, job_id: str, *, rank: int | None = None) -> str:
    """All of a job's output so far, read page by page."""
    offset, texts = 0, []
    while True:
        page = await engine.logs(job_id, rank=rank, offset=offset, limit_bytes=64 * 1024)
        texts += [piece.text for piece in page.pieces]
        if page.next_offset == offset:
            return "".join(texts)
        offset = page.next_offset


def job_processes(job_id: str) -> list[psutil.Process]:
    """Living processes that bear the job's mark."""
    return processes.find(job_id)


def supervisor_pid(data_dir: Path, job_id: str) -> int:
    """The process of the job's supervisor."""
    pid: int = json.loads((data_dir / "jobs" / job_id / "supervisor.json").read_text())["pid"]
    return pid
