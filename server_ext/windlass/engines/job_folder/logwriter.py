"""Writes a job's log for ranks that run elsewhere: each piece to its rank's file, and when it was printed to the index.

The other way into the same files is `logindex.LogIndexer`, for ranks that write them themselves; a job has one or the
other. Readers (`logreader`) see no difference but that the times here are the lines' own.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from windlass.engines.job_folder.logindex import IndexEnd, Record
from windlass.engines.job_folder.paths import JobFolder

_SAME_MOMENT_SECONDS = 1.0
JOINED_SECONDS = 0.02
_LARGEST_RECORD_BYTES = 1024 * 1024


class Piece(NamedTuple):
    """Output of one rank (or `LAUNCHER`), printed at `time` (POSIX seconds)."""

    rank: int
    time: float
    content: bytes


class Joined:
    """Collects pieces; those of one rank and one moment become one: a million lines are not a million pieces."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._rank = 0
        self._time = 0.0
        self._parts: list[bytes] = []

    def append(self, piece: Piece) -> None:
        """Add a piece after the others."""
        rank, time, content = piece
        if rank == self._rank and 0 <= time - self._time < JOINED_SECONDS:
            self._parts.append(content)
            return
        self._close()
        self._rank, self._time, self._parts = rank, time, [content]

    def all(self) -> list[Piece]:
        """What was added."""
        self._close()
        self._parts = []
        return self._pieces

    def _close(self) -> None:
        if self._parts:
            self._pieces.append(Piece(self._rank, self._time, b"".join(self._parts)))


class LogWriter:
    """Appends to the logs of one job; the only one who does. Made anew, it goes on where the files end."""

    def __init__(self, job: JobFolder) -> None:
        """Raises OSError."""
        self._job = job
        job.logs.mkdir(parents=True, exist_ok=True)
        self._indexed: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self._index = IndexEnd(job.log_index, seen=self._seen)

    def size_bytes(self, rank: int) -> int:
        """How long this rank's file is; what an ended process has not indexed any more counts too."""
        if rank not in self._ends:
            try:
                size = self._job.log(rank).stat().st_size
            except FileNotFoundError:
                size = 0
            self._ends[rank] = max(size, self._indexed.get(rank, 0))
        return self._ends[rank]

    def write(self, pieces: Sequence[Piece]) -> None:
        """Append all of them, in this order; with an error none.

        Raises:
            OSError: there is no room, or the folder is gone. The same pieces may be written again later.
        """
        contents: dict[int, list[bytes]] = {}
        records: list[Record] = []
        ends: dict[int, int] = {}
        merged = self._index.merged
        for piece in pieces:
            begin = ends.get(piece.rank)
            if begin is None:
                begin = self.size_bytes(piece.rank)
                unindexed = begin - self._indexed.get(piece.rank, 0)
                if unindexed > 0:
                    records.append(Record(piece.rank, piece.time, begin - unindexed, unindexed, merged))
                    merged += unindexed
            ends[piece.rank] = begin + len(piece.content)
            contents.setdefault(piece.rank, []).append(piece.content)
            _add(records, Record(piece.rank, piece.time, begin, len(piece.content), merged))
            merged += len(piece.content)
        if records:
            self._write_all(contents, ends, records)

    def _write_all(self, contents: dict[int, list[bytes]], ends: dict[int, int], records: list[Record]) -> None:
        written: list[int] = []
        try:
            for rank, parts in contents.items():
                written.append(rank)
                self._append(rank, b"".join(parts), end=ends[rank])
            self._index.append(records)
        except OSError:
            for rank in written:
                with suppress(OSError):
                    os.truncate(self._job.log(rank), ends[rank] - sum(map(len, contents[rank])))
            # Files that were never written here are looked at anew.
            self._ends = {rank: end for rank, end in self._ends.items() if rank in self._indexed}
            raise
        self._indexed.update(ends)
        self._ends.update(ends)

    def _append(self, rank: int, content: bytes, *, end: int) -> None:
        descriptor = os.open(self._job.log(rank), os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            written, start = 0, end - len(content)
            while written < len(content):
                written += os.pwrite(descriptor, content[written:], start + written)
        finally:
            os.close(descriptor)

    def _seen(self, record: Record) -> None:
        self._indexed[record.rank] = record.offset + record.length_bytes


def _add(records: list[Record], record: Record) -> None:
    """Add a record, to the one before it where that is of the same rank and moment."""
    last = records[-1] if records else None
    if (
        last is not None
        and last.rank == record.rank
        and last.offset + last.length_bytes == record.offset
        and 0 <= record.time - last.time < _SAME_MOMENT_SECONDS
        and last.length_bytes + record.length_bytes <= _LARGEST_RECORD_BYTES
    ):
        records[-1] = last._replace(length_bytes=last.length_bytes + record.length_bytes)
    elif record.length_bytes:
        records.append(record)
