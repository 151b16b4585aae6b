"""One attempt at a job: starts the launcher, watches its ranks, and tells how it ended.

Torchrun ends the other ranks when one fails, but politely, and a rank that waits in a collective does not hear it; so
here they get a limited time, and then they are killed, before they hold the machine for nothing.
"""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress

import psutil

from windlass.engines.base import JobSpec
from windlass.engines.job_folder.paths import LAUNCHER, JobFolder
from windlass.engines.job_folder.ranks import RankStatus, RankWatch
from windlass.engines.local import processes
from windlass.engines.local.dispatch import Settings
from windlass.engines.local.environment import job_environment, world_of_one
from windlass.engines.local.identity import process_start
from windlass.engines.local.launch import command_line, free_port
from windlass.engines.local.launcher_report import read_report
from windlass.engines.local.memory import out_of_memory_kills
from windlass.engines.local.outcome import Outcome, Witnesses, judge

_LOOK_SECONDS = 1.0
_LONGEST_STRAGGLING_SECONDS = 20.0
"""Less than torchrun's own 30 s, so that it is known who killed whom."""
_PORT_TRIES = 3


class LaunchFailed(Exception):
    """The job's processes could not be started; the message says why."""


class Attempt:
    """One attempt: the launcher's process, and what its ranks say of themselves."""

    def __init__(self, *, job: JobFolder, spec: JobSpec, kind: str, settings: Settings, gpus: Sequence[str]) -> None:
        self._job = job
        self._spec = spec
        self._kind = kind
        self._settings = settings
        self._gpus = gpus
        self._ranks = RankWatch(job, range(spec.world_size))
        self._process: subprocess.Popen[bytes] | None = None
        self._exit_watch = -1
        self._report_offset = 0
        self._memory_kills: int | None = None
        self._port_tries = 0
        self._next_look = 0.0
        self._failed_since: float | None = None
        self._ended_by_us: set[int] = set()

    @property
    def launcher_pid(self) -> int | None:
        """The launcher's process, while its exit status is still awaited."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    def start(self, number: int) -> None:
        """Start the launcher for attempt `number`, counted from 0.

        Raises:
            LaunchFailed: the interpreter is gone, or the system has no room for another process.
        """
        port = free_port()
        environment = job_environment(
            inherited=os.environ,
            spec=self._spec,
            job=self._job,
            attempt=number,
            cpus=self._settings.cpus,
            gpus=self._gpus,
            machine_has_gpus=bool(self._settings.gpus),
        )
        if self._kind == "python":
            environment |= world_of_one(port)
        command = command_line(self._spec, kind=self._kind, entry_point=str(self._job.entry_point), port=port)
        self._number = number
        self._memory_kills = out_of_memory_kills()
        try:
            with self._job.log(LAUNCHER).open("ab") as log:
                self._report_offset = log.tell()
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self._job.bundle,
                    env=environment,
                    start_new_session=True,
                )
        except OSError as error:
            raise LaunchFailed(_why_not_started(self._spec.python, error)) from error
        self._watch_exit(self._process.pid)

    def wait(self, seconds: float) -> int | None:
        """Wait that long, or until the launcher has ended. Returns its exit status then (negative: a signal)."""
        if self._process is None:
            return None
        if self._exit_watch >= 0:
            select.select([self._exit_watch], [], [], seconds)
        else:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        returncode = self._process.poll()
        if returncode is not None:
            self._forget_exit_watch()
        return returncode

    def tick(self) -> None:
        """Look after the ranks, now and then: when one has failed, see to it that the others end too."""
        now = time.monotonic()
        if self._spec.world_size == 1 or now < self._next_look:
            return
        self._next_look = now + _LOOK_SECONDS
        statuses = self._ranks.statuses()
        if self._failed_since is None:
            if any(status.phase == "failed" or _is_gone(status) for status in statuses):
                self._failed_since = now
        elif now - self._failed_since > min(self._settings.stop_grace_seconds, _LONGEST_STRAGGLING_SECONDS):
            self._kill_stragglers(statuses)

    def rank(self, rank: int) -> RankStatus | None:
        """What this rank last said."""
        return self._ranks.status(rank)

    def restarted_for_port(self) -> bool:
        """Start again, when it ended only because somebody took its port in the moment before it did."""
        if self._kind == "python" or self._port_tries >= _PORT_TRIES or self._ranks.statuses():
            return False
        if not read_report(self._job.log(LAUNCHER), offset=self._report_offset).port_taken:
            return False
        self._port_tries += 1
        self.start(self._number)
        return True

    def outcome(self, returncode: int) -> Outcome:
        """How it ended, once `wait` has returned the launcher's exit status."""
        kills = out_of_memory_kills()
        return judge(
            Witnesses(
                world_size=self._spec.world_size,
                returncode=returncode,
                statuses=self._ranks.statuses(),
                report=read_report(self._job.log(LAUNCHER), offset=self._report_offset),
                python=self._spec.python,
                ended_by_us=frozenset(self._ended_by_us),
                memory_kills=None if kills is None or self._memory_kills is None else kills - self._memory_kills,
            )
        )

    def _kill_stragglers(self, statuses: Sequence[RankStatus]) -> None:
        late = {status.pid: status.rank for status in statuses if status.phase in ("starting", "running")}
        for process in processes.find(self._spec.id, tree_of=os.getpid()):
            if process.pid in late:
                self._ended_by_us.add(late[process.pid])
                with suppress(psutil.Error):
                    process.kill()

    def _watch_exit(self, pid: int) -> None:
        """Have the kernel say when it ends, where it can (Linux): no polling, and no delay at the end of a job."""
        self._forget_exit_watch()
        with suppress(AttributeError, OSError):
            self._exit_watch = os.pidfd_open(pid)

    def _forget_exit_watch(self) -> None:
        if self._exit_watch >= 0:
            os.close(self._exit_watch)
            self._exit_watch = -1


def _is_gone(status: RankStatus) -> bool:
    """Whether a rank that says it runs does not."""
    return status.phase in ("starting", "running") and status.pid is not None and process_start(status.pid) is None


def _why_not_started(python: str, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"there is no Python interpreter at {python} any more: choose another environment"
    if isinstance(error, PermissionError):
        return f"{python} may not be run: choose another environment"
    return f"its processes could not be started: {error.strerror or error}"
