"""Processes as owners, with real processes: a kernel's child, a rank by its environment, a stranger."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from windlass.metrics.reading import Process
from windlass.services.gpus.kernels import KernelList
from windlass.services.gpus.owners import KNOWN_SECONDS, OwnerFinder


class Sessions:
    """One session, whose kernel is a process of the test's choice; it can be renamed."""

    def __init__(self, pid: int, path: str, kind: str = "notebook") -> None:
        self.path, self.kind = path, kind
        self.provisioner = self
        self.pid = pid

    async def list_sessions(self) -> Sequence[Mapping[str, Any]]:
        return [{"path": self.path, "name": "a name", "type": self.kind, "kernel": {"id": "k1"}}]

    def get_kernel(self, kernel_id: str) -> Any:
        if kernel_id != "k1":
            raise KeyError(kernel_id)
        return self


@contextmanager
def child(**variables: str) -> Iterator[int]:
    """A process below this one."""
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={**os.environ, **variables}
    ) as process:
        try:
            yield process.pid
        finally:
            process.kill()


def on_gpu(pid: int) -> Process:
    return Process(pid=pid, name="python", memory_bytes=1)


async def test_what_a_kernel_started_is_its_notebooks_and_follows_its_new_name() -> None:
    now = [0.0]
    sessions = Sessions(os.getpid(), "work/a.ipynb")
    finder = OwnerFinder(kernels=KernelList(sessions=sessions, kernels=sessions), clock=lambda: now[0])
    with child() as pid:
        await finder.learn([on_gpu(pid)])
        assert finder.owner(on_gpu(pid), jobs={}).notebook == "work/a.ipynb"
        sessions.path = "work/b.ipynb"
        now[0] += KNOWN_SECONDS
        await finder.learn([on_gpu(pid)])
        owner = finder.owner(on_gpu(pid), jobs={})
    assert (owner.kind, owner.label, owner.notebook, owner.pid) == ("kernel", "b.ipynb", "work/b.ipynb", pid)


async def test_a_rank_is_the_jobs_for_whom_the_job_is_and_somebodys_for_others() -> None:
    finder = OwnerFinder(kernels=None)
    with child(WINDLASS_JOB_ID="j1", RANK="3") as pid:
        await finder.learn([on_gpu(pid)])
        mine = finder.owner(on_gpu(pid), jobs={"j1": "resnet"})
        theirs = finder.owner(on_gpu(pid), jobs={"j2": "bert"})
    assert (mine.kind, mine.label, mine.job_id, mine.rank) == ("job", "resnet, rank 3", "j1", 3)
    assert (theirs.kind, theirs.label, theirs.job_id) == ("other", "python", None)


async def test_a_console_has_a_name_and_no_notebook() -> None:
    sessions = Sessions(os.getpid(), "console-1", kind="console")
    finder = OwnerFinder(kernels=KernelList(sessions=sessions, kernels=sessions))
    await finder.learn([on_gpu(os.getpid())])
    owner = finder.owner(on_gpu(os.getpid()), jobs={})
    assert (owner.kind, owner.label, owner.notebook) == ("kernel", "a name", None)


async def test_a_process_that_has_ended_or_was_never_here_is_its_name() -> None:
    finder = OwnerFinder(kernels=None)
    with child() as pid:
        pass
    await finder.learn([on_gpu(pid), Process(pid=2**22 + 7, name="")])
    assert finder.owner(on_gpu(pid), jobs={}).label == "python"
    assert finder.owner(Process(pid=2**22 + 7, name=""), jobs={}).label == f"process {2**22 + 7}"


async def test_sessions_that_cannot_be_listed_cost_the_names_alone() -> None:
    class Broken(Sessions):
        async def list_sessions(self) -> Sequence[Mapping[str, Any]]:
            raise RuntimeError("no database")

    sessions = Broken(os.getpid(), "a.ipynb")
    finder = OwnerFinder(kernels=KernelList(sessions=sessions, kernels=sessions))
    await finder.learn([on_gpu(os.getpid())])
    assert finder.owner(on_gpu(os.getpid()), jobs={}).kind == "other"
