"""Writes the index of a job's merged log: which bytes of which rank's file came when.

The ranks write their own files; nothing is copied. The supervisor looks at the files' sizes and appends one record of
fixed size for the bytes that are new, up to the last line end, so that lines of different ranks do not mix. A record
costs the same for one line as for ten thousand. What a reader needs of this format is in `logreader`.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from windlass.engines.job_folder.characters import complete_prefix
from windlass.engines.job_folder.paths import LAUNCHER, JobFolder

RECORD = struct.Struct("<idQIQ")
PARTIAL_SECONDS = 0.5
"""A line that has not ended is shown after this long."""

_LARGEST_PIECE_BYTES = 1024 * 1024
_TAIL_BYTES = 64 * 1024
_READ_RECORDS = 4096


class Record(NamedTuple):
    """`length_bytes` bytes at `offset` of the file of `rank`, which are at `merged_offset` of the merged log."""

    rank: int
    time: float
    offset: int
    length_bytes: int
    merged_offset: int

    @property
    def merged_end(self) -> int:
        """Where the next record begins."""
        return self.merged_offset + self.length_bytes


@dataclass
class _Tail:
    """How far one file is indexed, and since when an unfinished line has been waiting there."""

    rank: int
    path: Path
    indexed: int = 0
    waiting_since: float | None = None


class LogIndexer:
    """Indexes the logs of one job. Made anew over an index that is there already, it goes on where that ends.

    `clock` gives POSIX seconds, for the records and for the age of unfinished lines.
    """

    def __init__(self, job: JobFolder, *, ranks: Sequence[int], clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._tails = {rank: _Tail(rank, job.log(rank)) for rank in (LAUNCHER, *ranks)}
        self._index = IndexEnd(job.log_index, seen=self._seen)

    def poll(self, *, final: bool = False) -> bool:
        """Index what is new; with `final`, unfinished lines too. Returns whether anything was.

        Raises: OSError when the index cannot be written; call again later, nothing is lost.
        """
        now = self._clock()
        records: list[Record] = []
        ends: dict[int, int] = {}
        merged = self._index.merged
        for tail in self._tails.values():
            end = ends[tail.rank] = self._end_of_news(tail, now=now, final=final)
            position = tail.indexed
            while position < end:
                length = min(end - position, _LARGEST_PIECE_BYTES)
                records.append(Record(tail.rank, now, position, length, merged))
                position, merged = position + length, merged + length
        if not records:
            return False
        self._index.append(records)
        for rank, end in ends.items():
            self._tails[rank].indexed = end
        return True

    def _seen(self, record: Record) -> None:
        if record.rank in self._tails:
            self._tails[record.rank].indexed = record.offset + record.length_bytes

    def _end_of_news(self, tail: _Tail, *, now: float, final: bool) -> int:
        """Up to where this file may be indexed now; a file that cannot be read has no news."""
        try:
            size = tail.path.stat().st_size
            if size <= tail.indexed or final:
                return max(size, tail.indexed)
            end = _last_line_end(tail.path, tail.indexed, size)
        except OSError:
            return tail.indexed
        if end > tail.indexed:
            tail.waiting_since = now if end < size else None
            return end
        if tail.waiting_since is None:
            tail.waiting_since = now
        if now - tail.waiting_since < PARTIAL_SECONDS:
            return tail.indexed
        tail.waiting_since = None
        return _last_character_end(tail.path, tail.indexed, size)


class IndexEnd:
    """Where the index ends: records are added there. `seen` is called with each record that is there already."""

    def __init__(self, path: Path, *, seen: Callable[[Record], None]) -> None:
        self._path = path
        self._size_bytes, self.merged = self._resume(seen)

    def append(self, records: Sequence[Record]) -> None:
        """Add records where the last whole one ends: what a full disk cut off before is written over.

        Raises: OSError when they cannot be written; then none is.
        """
        content = b"".join(RECORD.pack(*record) for record in records)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            written = 0
            while written < len(content):
                written += os.pwrite(descriptor, content[written:], self._size_bytes + written)
        except OSError:
            with suppress(OSError):
                os.ftruncate(descriptor, self._size_bytes)
            raise
        finally:
            os.close(descriptor)
        self._size_bytes += len(content)
        self.merged = records[-1].merged_end

    def _resume(self, seen: Callable[[Record], None]) -> tuple[int, int]:
        """Where the index ends, in bytes of its own and of the merged log."""
        size = merged = 0
        with ExitStack() as stack:
            try:
                file = stack.enter_context(self._path.open("rb"))
            except FileNotFoundError:
                return 0, 0
            while block := file.read(RECORD.size * _READ_RECORDS):
                whole = len(block) - len(block) % RECORD.size
                for fields in RECORD.iter_unpack(block[:whole]):
                    record = Record(*fields)
                    merged = record.merged_end
                    seen(record)
                size += whole
        return size, merged


def _last_line_end(path: Path, start: int, size: int) -> int:
    """The offset after the last line end between `start` and `size`; `start` when there is none."""
    with path.open("rb", buffering=0) as file:
        end = size
        while end > start:
            begin = max(start, end - _TAIL_BYTES)
            found = os.pread(file.fileno(), end - begin, begin).rfind(b"\n")
            if found >= 0:
                return begin + found + 1
            if size - begin >= _LARGEST_PIECE_BYTES:
                return _last_character_end(path, start, size)
            end = begin
    return start


def _last_character_end(path: Path, start: int, size: int) -> int:
    """The offset after the last whole UTF-8 character between `start` and `size`."""
    begin = max(start, size - 4)
    with path.open("rb", buffering=0) as file:
        content = os.pread(file.fileno(), size - begin, begin)
    return begin + complete_prefix(content)
