"""Finds and ends every process of a job, also those that hid from it.

Three ways, because each alone is too little: the tree under the supervisor (which on Linux adopts orphans of the job,
so that a double fork does not escape), and the environment variable WINDLASS_JOB_ID, which every process of the job was
started with and which outlives the supervisor itself. A pid is only signalled while it is still the same process.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import psutil

_PR_SET_CHILD_SUBREAPER = 36
_KILL_SECONDS = 10.0
_LOOK_SECONDS = 0.05


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies. Linux only; elsewhere their mark has to do."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap_orphans(*, leave: int | None) -> None:
    """Let go of adopted processes that have ended. `leave`: the child whose exit status somebody else waits for."""
    if not hasattr(os, "waitid"):
        return
    with suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid == leave:
                return
            os.waitpid(ended.si_pid, os.WNOHANG)


def find(job_id: str, *, tree_of: int | None = None) -> list[psutil.Process]:
    """All living processes of a job, save this one: those that bear its mark, and the descendants of `tree_of`."""
    found = {process.pid: process for process in _marked(job_id)}
    if tree_of is not None:
        with suppress(psutil.Error):
            found |= {process.pid: process for process in psutil.Process(tree_of).children(recursive=True)}
    found.pop(os.getpid(), None)
    return [process for process in found.values() if _lives(process)]


def end_all(
    job_id: str, *, tree_of: int | None = None, grace_seconds: float, between: Callable[[], None] = lambda: None
) -> list[psutil.Process]:
    """End them all: ask (TERM), wait `grace_seconds`, then kill, and look again until there is none.

    `between` is called between two looks. Returns: those that the kernel would not end, normally none.
    """
    asked: set[psutil.Process] = set()
    patience = time.monotonic() + grace_seconds
    end = patience + _KILL_SECONDS
    while alive := find(job_id, tree_of=tree_of):
        now = time.monotonic()
        if now >= end:
            return alive
        if now >= patience:
            _signal(alive, psutil.Process.kill)
        else:
            _signal(set(alive) - asked, psutil.Process.terminate)
            asked.update(alive)
        between()
        time.sleep(_LOOK_SECONDS)
    return []


def _signal(processes: Iterable[psutil.Process], send: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        with suppress(psutil.Error):
            send(process)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.Error:
        return False


def _marked(job_id: str) -> Iterable[psutil.Process]:
    mark = f"WINDLASS_JOB_ID={job_id}"
    has_mark = _has_mark_by_proc if Path("/proc/self/environ").exists() else _has_mark_by_psutil
    for pid in psutil.pids():
        if has_mark(pid, mark):
            with suppress(psutil.Error):
                yield psutil.Process(pid)


def _has_mark_by_proc(pid: int, mark: str) -> bool:
    try:
        return mark.encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _has_mark_by_psutil(pid: int, mark: str) -> bool:
    name, _, value = mark.partition("=")
    try:
        return psutil.Process(pid).environ().get(name) == value
    except (psutil.Error, OSError):
        return False
