"""The process that stands by one job, whatever becomes of the Jupyter server: `python -m … <job folder>`.

It unpacks the bundle, starts the launcher, keeps its state and the log's index, ends the job when it is told to or its
time is up, starts it again as asked, and at the end lets the queue move on. It talks to no one: files are all it
reads and writes, so nothing that happens to a server can reach it.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType

from windlass.engines.base import JobSpec, State
from windlass.engines.job_folder.files import claim_json, is_disk_full, read_json
from windlass.engines.job_folder.paths import JobFolder
from windlass.engines.job_folder.ranks import forget_ranks
from windlass.engines.job_folder.record import JobRecord, read_record, read_spec, write_spec
from windlass.engines.local import dispatch, processes, reaper
from windlass.engines.local.attempt import Attempt, LaunchFailed
from windlass.engines.local.identity import ProcessIdentity
from windlass.engines.local.keeper import Keeper
from windlass.engines.local.launch import choose_kind
from windlass.engines.local.outcome import Outcome
from windlass.engines.secret_variables import is_secret

_FIRST_BACK_OFF_SECONDS = 1.0
_LONGEST_BACK_OFF_SECONDS = 60.0
_VANISH_SECONDS = 1.0


class _Interrupted(Exception):
    """The job has to end before its notebook does."""

    def __init__(self, state: State, reason: str) -> None:
        super().__init__(reason)
        self.state = state
        self.reason = reason


class Supervisor:
    """Supervises one job from its start to its end."""

    def __init__(self, job: JobFolder, spec: JobSpec, record: JobRecord, settings: dispatch.Settings) -> None:
        self._job = job
        self._spec = spec
        self._settings = settings
        kind = choose_kind(spec)
        self._keeper = Keeper(job, replace(record, kind=kind), world_size=spec.world_size)
        self._attempt = Attempt(job=job, spec=spec, kind=kind, settings=settings, gpus=record.gpus)
        self._began: float | None = None
        self._signal: int | None = None

    def run(self) -> None:
        """All of it. Returns when the job has ended, none of its processes is left, and that is written down."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_end_signal)
        try:
            self._look_for_end()
            self._unpack()
            outcome = self._attempts()
            self._end_processes(grace_seconds=self._settings.stop_grace_seconds, vanish_seconds=_VANISH_SECONDS)
            state = State.SUCCEEDED if outcome.succeeded else State.FAILED
            self._finish(state, outcome.reason, exit_code=outcome.exit_code, error=outcome.error)
        except _Interrupted as end:
            self._keeper.set(reason=f"ending: {end.reason}")
            self._end_processes(grace_seconds=self._settings.stop_grace_seconds)
            self._finish(end.state, end.reason)
        except LaunchFailed as error:
            self._finish(State.FAILED, str(error))

    def give_up(self) -> None:
        """End the job because the supervisor itself cannot go on."""
        self._end_processes(grace_seconds=self._settings.stop_grace_seconds)
        self._finish(State.FAILED, "its supervisor failed; supervisor.log in the job's folder says how")

    def _unpack(self) -> None:
        """Raises LaunchFailed when the bundle cannot be unpacked."""
        from windlass.runner.unpack import unpack

        try:
            unpack(self._spec.bundle_path, self._job.bundle)
        except FileNotFoundError as error:
            raise LaunchFailed(f"its bundle is gone ({error.filename}): send the notebook again") from error
        except OSError as error:
            why = "the disk is full; free some space and run it again" if is_disk_full(error) else error.strerror
            raise LaunchFailed(f"its bundle could not be unpacked: {why or error}") from error
        except ValueError as error:
            raise LaunchFailed(f"its bundle could not be unpacked: {error}") from error
        if not self._job.entry_point.is_file():
            raise LaunchFailed(f"its bundle has no {self._job.entry_point.name}: send the notebook again")

    def _attempts(self) -> Outcome:
        """Run the job, again when it fails and may be run again. Raises _Interrupted, LaunchFailed."""
        tries = self._spec.retries + 1
        for number in range(tries):
            outcome = self._one_attempt(number, tries)
            if outcome.succeeded or number + 1 == tries:
                break
            self._end_processes(grace_seconds=self._settings.stop_grace_seconds)
            self._back_off(outcome, number=number + 1, tries=tries)
        return outcome

    def _one_attempt(self, number: int, tries: int) -> Outcome:
        if number:
            forget_ranks(self._job)
            self._keeper.separate_logs(f"windlass: attempt {number + 1} of {tries}")
        count = self._spec.world_size
        starting = f"starting {count} processes" if count > 1 else "starting"
        self._attempt.start(number)
        if self._began is None:
            self._began = time.monotonic()
            self._keeper.set(state=State.PENDING, reason=starting, started_at=time.time())
        else:
            self._keeper.set(reason=f"attempt {number + 1} of {tries}: {starting}")
        while True:
            returncode = self._attempt.wait(self._settings.poll_seconds)
            self._tick(number, tries)
            if returncode is not None and not (returncode and self._attempt.restarted_for_port()):
                outcome = self._attempt.outcome(returncode)
                self._keeper.notice(*outcome.notices)
                return outcome

    def _back_off(self, outcome: Outcome, *, number: int, tries: int) -> None:
        """Wait before attempt `number` (counted from 0), and say why."""
        seconds = min(_FIRST_BACK_OFF_SECONDS * 2 ** (number - 1), _LONGEST_BACK_OFF_SECONDS)
        self._keeper.notice(f"Attempt {number} of {tries} failed: {outcome.reason}")
        self._keeper.set(
            state=State.RESTARTING,
            reason=f"attempt {number + 1} of {tries} starts in {seconds:.0f} s; the last one failed: {outcome.reason}",
            restarts=number,
            attempt=number,
            error=outcome.error,
            exit_code=outcome.exit_code,
        )
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(self._settings.poll_seconds)
            self._keeper.tick()
            self._look_for_end()

    def _tick(self, number: int, tries: int) -> None:
        """What is done ten times a second. Raises _Interrupted when the job has to end."""
        self._keeper.tick()
        self._attempt.tick()
        reason = f"attempt {number + 1} of {tries}" if number else ""
        self._keeper.mirror(self._attempt.rank(0), running_reason=reason)
        processes.reap_orphans(leave=self._attempt.launcher_pid)
        self._look_for_end()

    def _look_for_end(self) -> None:
        """Raises _Interrupted when the job was stopped, its time is up, or this process is told to end."""
        if self._job.stop.exists():
            wish = read_json(self._job.stop) or {}
            raise _Interrupted(State.STOPPED, str(wish.get("reason") or "stopped"))
        if self._signal == signal.SIGINT:
            raise _Interrupted(State.STOPPED, "stopped")
        if self._signal is not None:
            raise _Interrupted(State.LOST, "its supervisor was told to end, perhaps because the machine shuts down")
        limit = self._spec.time_limit_seconds
        if limit is not None and self._began is not None and time.monotonic() - self._began >= limit:
            raise _Interrupted(State.FAILED, f"time limit of {limit} s reached")

    def _end_processes(self, *, grace_seconds: float, vanish_seconds: float = 0.0) -> None:
        """End all that is left of the job; what a notebook left running is first given a moment to go by itself."""

        def meanwhile() -> None:
            self._attempt.wait(0)
            processes.reap_orphans(leave=self._attempt.launcher_pid)
            self._keeper.tick()

        patience = time.monotonic() + vanish_seconds
        while (left := processes.find(self._spec.id, tree_of=os.getpid())) and time.monotonic() < patience:
            time.sleep(0.05)
            meanwhile()
        if left and vanish_seconds:
            self._keeper.notice("Processes that the notebook had left running were ended.")
        stuck = processes.end_all(self._spec.id, tree_of=os.getpid(), grace_seconds=grace_seconds, between=meanwhile)
        meanwhile()
        if stuck:
            pids = ", ".join(str(process.pid) for process in stuck)
            self._keeper.notice(f"The system would not end these processes: {pids}.")

    def _finish(self, state: State, reason: str, **more: object) -> None:
        self._keeper.finish(first=self._attempt.rank(0), state=state, reason=reason, **more)

    def _on_end_signal(self, number: int, frame: FrameType | None) -> None:
        del frame
        self._signal = number


def _forget_environment(job: JobFolder, spec: JobSpec) -> None:
    """Take off the disk what was only kept for the start: this process has it now."""
    secrets = {name for name, value in spec.environment.items() if is_secret(name, value)}
    with suppress(OSError):
        job.environment.unlink(missing_ok=True)
        if secrets:
            left = {name: value for name, value in spec.environment.items() if name not in secrets}
            write_spec(job, replace(spec, environment=left))


def _move_queue_on(job: JobFolder) -> None:
    """Let the next jobs start, and clear up after supervisors that died while no server looked."""
    with suppress(OSError):
        for dead in dispatch.settle(job.data, without=job.id):
            reaper.reap(dead)


def _protected(supervisor: Supervisor, work: Callable[[], None]) -> None:
    """Do it; whatever goes wrong is written to supervisor.log, and the job does not go on unwatched."""
    try:
        work()
    except Exception:  # noqa: BLE001  # the last resort of a process nobody waits for
        traceback.print_exc()
        supervisor.give_up()


def main(job_dir: str) -> int:
    """Supervise the job in this folder. Returns the exit status: 0, or 1 when there is no such job to run."""
    job = JobFolder(Path(job_dir))
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, lambda *_: None)
    if not claim_json(job.supervisor, ProcessIdentity.of_this_process().to_json()):
        return 0
    spec, record = read_spec(job), read_record(job)
    if spec is None or record is None or record.state.is_final:
        return 1
    _forget_environment(job, spec)
    processes.adopt_orphans()
    supervisor = Supervisor(job, spec, record, dispatch.load(job.data).settings)
    _protected(supervisor, supervisor.run)
    _move_queue_on(job)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
