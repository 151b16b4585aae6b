"""Clears up after a supervisor that died: nothing of its job goes on running, and the job is `lost`, with a reason.

Any server and any supervisor may do this; the queue's lock decides which of them does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from windlass.engines.base import State
from windlass.engines.job_folder.files import read_json
from windlass.engines.job_folder.logindex import LogIndexer
from windlass.engines.job_folder.paths import JobFolder
from windlass.engines.job_folder.ranks import read_rank
from windlass.engines.job_folder.record import JobRecord, publish, read_record, read_spec
from windlass.engines.local import dispatch, processes
from windlass.engines.local.identity import ProcessIdentity, supervisor_is_alive, supervisor_of

_at_work: set[str] = set()
_at_work_lock = threading.Lock()


def reap(job: JobFolder) -> None:
    """End what is left of a job whose supervisor has died, write down its end, and let the queue move on.

    Does nothing when the supervisor lives, the job has ended, or somebody else is at it.
    Raises: OSError when that cannot be written; call again.
    """
    with _only_here(job.id) as is_first:
        grace_seconds = _claim(job) if is_first else None
        if grace_seconds is not None:
            _clear_up(job, grace_seconds=grace_seconds)
            for dead in dispatch.settle(job.data, without=job.id):
                reap(dead)


@contextmanager
def _only_here(job_id: str) -> Iterator[bool]:
    """Keep other threads of this process away: the queue's entry tells processes apart, not threads."""
    with _at_work_lock:
        is_first = job_id not in _at_work
        _at_work.add(job_id)
    try:
        yield is_first
    finally:
        if is_first:
            with _at_work_lock:
                _at_work.discard(job_id)


def _clear_up(job: JobFolder, *, grace_seconds: float) -> None:
    stuck = processes.end_all(job.id, grace_seconds=grace_seconds)
    record = read_record(job) or JobRecord(state=State.RUNNING)
    spec = read_spec(job)
    if spec is not None:
        LogIndexer(job, ranks=range(spec.world_size)).poll(final=True)
    first = read_rank(job, 0)
    if first is not None:
        record = replace(record.with_notices(*first.notices), progress=first.progress)
    if stuck:
        pids = ", ".join(str(process.pid) for process in stuck)
        record = record.with_notices(f"The system would not end these processes: {pids}.")
    state, reason = _end(job)
    publish(job, replace(record, state=state, reason=reason, ended_at=time.time(), queue_position=None))


def _claim(job: JobFolder) -> float | None:
    """Be the one who clears up. Returns how long its processes are given to end; None when there is nothing to do."""
    with dispatch.opened(job.data) as found:
        entry = found.jobs.get(job.id)
        record = read_record(job)
        if entry is None or (record is not None and record.state.is_final) or supervisor_is_alive(job) is not False:
            return None
        other = ProcessIdentity.from_json(entry.reaper)
        me = ProcessIdentity.of_this_process()
        if other is not None and other.is_alive() and other != me:
            return None
        entry.reaper = me.to_json()
        found.save()
        return found.settings.stop_grace_seconds


def _end(job: JobFolder) -> tuple[State, str]:
    wish = read_json(job.stop)
    if wish is not None:
        return State.STOPPED, str(wish.get("reason") or "stopped")
    supervisor = supervisor_of(job)
    if supervisor is not None and not supervisor.is_here:
        return State.LOST, "the machine (or the container) it ran on was restarted"
    pid = f" (process {supervisor.pid})" if supervisor is not None else ""
    return State.LOST, f"its supervisor{pid} died, perhaps killed or out of memory; its processes were ended"
