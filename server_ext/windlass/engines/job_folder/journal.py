"""The one file that servers watch: whoever changes a job adds a line, and nobody has to look at every folder.

The journal is a hint, never a source: it says which folder to read again. So lines may be lost without harm to the
truth, as long as a follower that may have missed some is told to look at everything (`Changes.everything`).
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from windlass.engines.job_folder.files import append_line
from windlass.engines.job_folder.paths import DataFolder

ROTATE_BYTES = 1024 * 1024
_READ_BYTES = 4 * ROTATE_BYTES


def note(data: DataFolder, job_id: str, *, what: str) -> None:
    """Say that a job has changed. A full disk is no reason to stop a job, so this never raises OSError."""
    with suppress(OSError):
        append_line(data.journal, json.dumps({"job_id": job_id, "what": what}))


def rotate(data: DataFolder) -> None:
    """Begin a new journal when this one is large; call with the queue's lock held."""
    with suppress(OSError):
        if data.journal.stat().st_size > ROTATE_BYTES:
            data.journal.replace(_replaced(data.journal))


@dataclass
class Changes:
    """What a follower has to look at."""

    job_ids: list[str] = field(default_factory=list)
    everything: bool = False

    def __bool__(self) -> bool:
        return self.everything or bool(self.job_ids)


class JournalFollower:
    """Reads what is added to the journal from the moment this object is made. One `stat` when nothing has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity, self._offset = self._look(path)

    def poll(self) -> Changes:
        """What has changed since the last call. Raises nothing: a journal that is away has no news."""
        identity, size = self._look(self._path)
        if identity == self._identity and size == self._offset:
            return Changes()
        if identity == self._identity and size > self._offset:
            return self._read(self._path)
        was_none = self._identity is None
        rest = self._rest_of_the_old()
        self._identity, self._offset = identity, 0
        new = self._read(self._path)
        return Changes(job_ids=list(dict.fromkeys([*rest, *new.job_ids])), everything=new.everything or not was_none)

    def _look(self, path: Path) -> tuple[tuple[int, int] | None, int]:
        try:
            found = path.stat()
        except OSError:
            return None, 0
        return (found.st_dev, found.st_ino), found.st_size

    def _rest_of_the_old(self) -> list[str]:
        """What was written to the journal between the last look and its replacement."""
        old = _replaced(self._path)
        identity, _ = self._look(old)
        return self._read(old).job_ids if identity is not None and identity == self._identity else []

    def _read(self, path: Path) -> Changes:
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError:
            return Changes()
        try:
            content = os.pread(descriptor, _READ_BYTES, self._offset)
        finally:
            os.close(descriptor)
        complete = content[: content.rfind(b"\n") + 1]
        self._offset += len(complete)
        named = [_job_of(line) for line in complete.splitlines()]
        job_ids = dict.fromkeys(job_id for job_id in named if job_id is not None)
        return Changes(job_ids=list(job_ids), everything=None in named)


def _replaced(journal: Path) -> Path:
    """The journal before this one."""
    return journal.with_name(f"{journal.name}.old")


def _job_of(line: bytes) -> str | None:
    """The job a line names; None when it is no line of a journal."""
    try:
        return str(json.loads(line)["job_id"])
    except (ValueError, KeyError, TypeError):
        return None
