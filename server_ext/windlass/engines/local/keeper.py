"""What a supervisor writes: the job's state, the log's index, and the sign that it lives itself.

No write may end a job. A disk that is full now has room later, so what could not be written is written with the next
change, and only the log says that something was missed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from windlass.engines.base import State
from windlass.engines.job_folder.files import is_disk_full
from windlass.engines.job_folder.journal import note
from windlass.engines.job_folder.logindex import LogIndexer
from windlass.engines.job_folder.paths import LAUNCHER, JobFolder
from windlass.engines.job_folder.ranks import RankStatus
from windlass.engines.job_folder.record import JobRecord, publish
from windlass.engines.local.identity import HEARTBEAT_SECONDS

_PROGRESS_SECONDS = 0.25
_FINAL_WRITE_SECONDS = 600.0


class Keeper:
    """Keeps one job's files; `record` is what `state.json` says or, on a full disk, will say."""

    def __init__(self, job: JobFolder, record: JobRecord, *, world_size: int) -> None:
        self.record = record
        self._job = job
        self._ranks = range(world_size)
        self._index = LogIndexer(job, ranks=self._ranks)
        self._is_written = True
        self._next_progress = 0.0
        self._next_heartbeat = 0.0
        self._seen = (0, False)

    def set(self, **changes: object) -> None:
        """Change fields of the record, and publish it."""
        self.record = _changed(self.record, changes)
        self._write()

    def notice(self, *notices: str) -> None:
        """Add notices; they are published with the next change."""
        self.record = self.record.with_notices(*notices)

    def _say_now(self, notice: str) -> None:
        before = self.record
        self.notice(notice)
        # Nothing else may change for hours; `mirror` publishes what is not written yet.
        self._is_written = self._is_written and self.record == before

    def tick(self) -> None:
        """Index new output, and show that this process lives."""
        try:
            self._index.poll()
        except OSError as error:
            why = "the disk is full" if is_disk_full(error) else error.strerror
            self._say_now(f"The log could not be kept for a while: {why}.")
        now = time.monotonic()
        if now >= self._next_heartbeat:
            self._next_heartbeat = now + HEARTBEAT_SECONDS
            with suppress(OSError):
                os.utime(self._job.supervisor)

    def mirror(self, first: RankStatus | None, *, running_reason: str) -> None:
        """Show what rank 0 says of itself, a few times a second at most, and tell servers of new files."""
        if first is not None and first.has_begun and self.record.state != State.RUNNING:
            self.notice(*first.notices)
            self.set(state=State.RUNNING, reason=running_reason, error=None, exit_code=None, progress=first.progress)
        now = time.monotonic()
        if now < self._next_progress:
            return
        self._next_progress = now + _PROGRESS_SECONDS
        mirrored = self._mirrored(first)
        if mirrored != self.record or not self._is_written:
            self.record = mirrored
            self._write()
        seen = (_size(self._job.runs), self._job.executed.exists())
        if seen != self._seen:
            self._seen = seen
            note(self._job.data, self._job.id, what="files")

    def separate_logs(self, words: str) -> None:
        """Put a line between what two attempts wrote."""
        for rank in (LAUNCHER, *self._ranks):
            with suppress(OSError):
                _separate(self._job.log(rank), words)

    def finish(self, *, first: RankStatus | None, **changes: object) -> None:
        """Write the end down, with rank 0's last words and these fields of the record.

        The log comes first, then the state: who sees a final state may rely on the whole log.
        """
        with suppress(OSError):
            self._index.poll(final=True)
        self.record = _changed(self._mirrored(first), {**changes, "ended_at": time.time(), "queue_position": None})
        deadline = time.monotonic() + _FINAL_WRITE_SECONDS
        while not self._write() and time.monotonic() < deadline:
            time.sleep(1)
            self.tick()

    def _mirrored(self, first: RankStatus | None) -> JobRecord:
        if first is None:
            return self.record
        return replace(self.record.with_notices(*first.notices), progress=first.progress)

    def _write(self) -> bool:
        try:
            publish(self._job, self.record)
        except OSError:
            self._is_written = False
        else:
            self._is_written = True
        return self._is_written


def _changed(record: JobRecord, changes: Mapping[str, object]) -> JobRecord:
    return replace(record, **changes)  # type: ignore[arg-type]  # replace checks the field names


def _separate(path: Path, words: str) -> None:
    size = path.stat().st_size
    with path.open("rb") as log:
        log.seek(max(0, size - 1))
        is_line_open = log.read(1) not in (b"", b"\n")
    with path.open("ab") as log:
        log.write(b"\n" * is_line_open + f"--- {words} ---\n".encode())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
