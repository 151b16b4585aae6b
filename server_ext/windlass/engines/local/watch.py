"""How a server learns what happens to jobs without looking at them: one `stat` ten times a second.

Only the jobs that the journal names are read again. Once a second the supervisors of running jobs are looked for; one
that died could not tell anyone.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator

from windlass.engines.base import JobStatus, State
from windlass.engines.job_folder.journal import Changes, JournalFollower
from windlass.engines.job_folder.paths import DataFolder, JobFolder, is_job_id
from windlass.engines.job_folder.record import read_status
from windlass.engines.local import dispatch, reaper
from windlass.engines.local.identity import supervisor_is_alive

_LIVENESS_SECONDS = 1.0
_log = logging.getLogger(__name__)


class Watcher:
    """Follows all jobs from the moment it is made; `statuses` is for one consumer."""

    def __init__(self, data: DataFolder, *, poll_seconds: float) -> None:
        self._data = data
        self._poll_seconds = poll_seconds
        self._follower = JournalFollower(data.journal)
        self._closed = asyncio.Event()
        self._last: dict[str, JobStatus] = {}
        self._ended: set[str] = set()
        self._names = self._present()

    def close(self) -> None:
        """End `statuses`."""
        self._closed.set()

    async def statuses(self) -> AsyncIterator[JobStatus]:
        """Each job's status when it is another than before, until `close`."""
        next_look = 0.0
        missed = Changes()
        while not self._closed.is_set():
            changes = self._follower.poll() or missed
            try:
                news = await asyncio.to_thread(self._read, changes) if changes else []
                missed = Changes()
            except OSError as error:
                _log.warning("The local engine's jobs cannot be read now: %s", error)
                news, missed = [], Changes(everything=True)
            for status in news:
                yield status
            if time.monotonic() >= next_look:
                await asyncio.to_thread(look_after, self._data)
                next_look = time.monotonic() + _LIVENESS_SECONDS
            try:
                await asyncio.wait_for(self._closed.wait(), self._poll_seconds)
            except asyncio.TimeoutError:
                continue

    def _read(self, changes: Changes) -> list[JobStatus]:
        job_ids = dict.fromkeys([*changes.job_ids, *(self._all_that_may_differ() if changes.everything else ())])
        found = [self._look(job_id) for job_id in job_ids if is_job_id(job_id)]
        return [status for status in found if status is not None]

    def _all_that_may_differ(self) -> list[str]:
        """Jobs to read again after the journal was replaced: what has ended and is still there stays as it is."""
        present = self._present()
        return sorted((present | self._names) - (self._ended & present))

    def _present(self) -> set[str]:
        return {path.name for path in self._data.jobs.iterdir()} if self._data.jobs.is_dir() else set()

    def _look(self, job_id: str) -> JobStatus | None:
        """The job's status, or None when it is as it was."""
        status = read_status(self._data.job(job_id))
        last = self._last.get(job_id)
        if status is None:
            self._last.pop(job_id, None)
            self._ended.discard(job_id)
            self._names.discard(job_id)
            return JobStatus(job_id=job_id, state=last.state if last is not None else State.STOPPED, removed=True)
        self._names.add(job_id)
        if status == last:
            return None
        if status.state.is_final:
            self._last.pop(job_id, None)
            self._ended.add(job_id)
        else:
            self._last[job_id] = status
        return status


def look_after(data: DataFolder) -> None:
    """Clear up after supervisors that died, and let the queue move on where it stands still."""
    try:
        if data.queue.exists() and _stands_still(data):
            clear_up(data)
    except OSError as error:
        _log.warning("The local engine's queue cannot be moved on now: %s", error)


def clear_up(data: DataFolder) -> None:
    """Look at the queue now. Raises OSError when it cannot be written; look again later."""
    for dead in dispatch.settle(data):
        reaper.reap(dead)


def _stands_still(data: DataFolder) -> bool:
    found = dispatch.load(data)
    if found.places.untold and found.places.are_due:
        return True
    entries = found.jobs
    taken = {job_id: entry for job_id, entry in entries.items() if entry.phase == "taken"}
    if entries and not taken:
        return True
    return any(_needs_attention(data.job(job_id), entry) for job_id, entry in taken.items())


def _needs_attention(job: JobFolder, entry: dispatch.Entry) -> bool:
    alive = supervisor_is_alive(job)
    return alive is False or (alive is None and time.time() - entry.taken_at > dispatch.START_SECONDS)
