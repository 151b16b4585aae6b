"""Reads a job's log from any offset: one rank's file, or all of them merged by the index.

Needs no process of the job: the server reads after a restart, and after the job, at the same offsets as before. A
record at the end of the index that is only half written is not there yet.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from windlass.engines.base import LogPiece, LogSlice
from windlass.engines.job_folder.characters import LONGEST_CHARACTER_BYTES, complete_prefix
from windlass.engines.job_folder.logindex import RECORD, Record
from windlass.engines.job_folder.paths import LAUNCHER, JobFolder

_BLOCK_RECORDS = 1024
_SAME_MOMENT_SECONDS = 1.0
_LARGEST_SCAN_BLOCKS = 64


def read_merged(job: JobFolder, *, offset: int, limit_bytes: int, ended: bool) -> LogSlice:
    """All ranks' output and the launcher's, in the order it came.

    `ended`: the job's state was final before this call, so the index is whole. A page is at most `limit_bytes` long
    (at least one character) and ends at a line end or, in a longer line, between two characters.
    """
    with _opened(job.log_index) as index:
        size = index.merged_size_bytes
        offset = min(offset, size)
        end = min(size, offset + max(limit_bytes, LONGEST_CHARACTER_BYTES))
        joined = list(_joined(index.records_from(offset), offset, end))
    pieces: list[LogPiece] = []
    position = offset
    for span in joined:
        content = _read(job.log(span.rank), span.offset, span.length_bytes)
        is_cut = len(content) == span.length_bytes and position + span.length_bytes == end < size
        kept = content[: _page_end(content, may_be_empty=bool(pieces))] if is_cut else content
        if kept:
            rank = None if span.rank == LAUNCHER else span.rank
            pieces.append(LogPiece(rank=rank, time=span.time, text=kept.decode(errors="replace")))
        was_shortened = len(content) < span.length_bytes
        position += span.length_bytes if was_shortened else len(kept)
    return LogSlice(
        offset=offset,
        next_offset=position,
        size_bytes=size,
        complete=ended and position >= size,
        pieces=tuple(pieces),
    )


def read_rank(job: JobFolder, *, rank: int, offset: int, limit_bytes: int, ended: bool) -> LogSlice:
    """One rank's output; offsets are those of its file. Otherwise as `read_merged`."""
    path = job.log(rank)
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        size = 0
    offset = min(offset, size)
    content = _read(path, offset, min(size - offset, max(limit_bytes, LONGEST_CHARACTER_BYTES)))
    if offset + len(content) < size:
        content = content[: _page_end(content, may_be_empty=False)]
    elif not ended:
        content = content[: complete_prefix(content)]
    pieces: tuple[LogPiece, ...] = ()
    if content:
        with _opened(job.log_index) as index:
            moment = index.time_of(rank, offset)
        if moment is None:
            moment = path.stat().st_mtime
        pieces = (LogPiece(rank=rank, time=moment, text=content.decode(errors="replace")),)
    end = offset + len(content)
    return LogSlice(offset=offset, next_offset=end, size_bytes=size, complete=ended and end >= size, pieces=pieces)


@dataclass
class _Span:
    """Bytes of one file that are next to each other in the merged log, and came at about the same time."""

    rank: int
    time: float
    offset: int
    length_bytes: int


def _joined(records: Iterator[Record], start: int, end: int) -> Iterator[_Span]:
    """The parts of these records between two merged offsets, neighbours of one rank as one."""
    span: _Span | None = None
    for record in records:
        if record.merged_offset >= end:
            break
        begin = max(start - record.merged_offset, 0)
        length = min(record.length_bytes, end - record.merged_offset) - begin
        if length <= 0:
            continue
        offset = record.offset + begin
        follows = span is not None and span.rank == record.rank and span.offset + span.length_bytes == offset
        if span is not None and follows and record.time - span.time < _SAME_MOMENT_SECONDS:
            span.length_bytes += length
            continue
        if span is not None:
            yield span
        span = _Span(record.rank, record.time, offset, length)
    if span is not None:
        yield span


@contextmanager
def _opened(path: Path) -> Iterator[_Index]:
    """The index for one answer; a missing one is an empty one."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield _Index(-1)
        return
    try:
        yield _Index(descriptor)
    finally:
        os.close(descriptor)


class _Index:
    """The index, as long as it was when this object was made."""

    def __init__(self, descriptor: int) -> None:
        """`descriptor` -1: there is no index."""
        self._descriptor = descriptor
        self.count = os.fstat(descriptor).st_size // RECORD.size if descriptor >= 0 else 0

    @property
    def merged_size_bytes(self) -> int:
        return self.record(self.count - 1).merged_end if self.count else 0

    def record(self, number: int) -> Record:
        return Record(*RECORD.unpack(os.pread(self._descriptor, RECORD.size, number * RECORD.size)))

    def records_from(self, merged_offset: int) -> Iterator[Record]:
        """The record that holds this merged offset, and all after it."""
        low, high = 0, self.count
        while low < high:
            middle = (low + high) // 2
            if self.record(middle).merged_end <= merged_offset:
                low = middle + 1
            else:
                high = middle
        yield from self._scan(low)

    def time_of(self, rank: int, offset: int) -> float | None:
        """When the byte at `offset` of this rank's file was seen; None when it is not indexed yet."""
        low, high = 0, self.count
        while low < high:
            middle = (low + high) // 2
            record = self._next_of(rank, middle)
            if record is None:
                high = middle
            elif record.offset + record.length_bytes <= offset:
                low = middle + 1
            elif record.offset <= offset:
                return record.time
            else:
                high = middle
        return None

    def _next_of(self, rank: int, number: int) -> Record | None:
        """The first record of this rank from a place on. A rank silent for very long is taken to have none."""
        for seen, record in enumerate(self._scan(number)):
            if record.rank == rank:
                return record
            if seen >= _LARGEST_SCAN_BLOCKS * _BLOCK_RECORDS:
                break
        return None

    def _scan(self, number: int) -> Iterator[Record]:
        while number < self.count:
            wanted = min(_BLOCK_RECORDS, self.count - number)
            block = os.pread(self._descriptor, wanted * RECORD.size, number * RECORD.size)
            for fields in RECORD.iter_unpack(block[: len(block) - len(block) % RECORD.size]):
                yield Record(*fields)
            number += wanted


def _page_end(content: bytes, *, may_be_empty: bool) -> int:
    """Where to end a page that is full: after the last line end, else after the last whole character."""
    line_end = content.rfind(b"\n") + 1
    if line_end or may_be_empty:
        return line_end
    return complete_prefix(content) or len(content)


def _read(path: Path, offset: int, length_bytes: int) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return b""
    try:
        return os.pread(descriptor, length_bytes, offset)
    finally:
        os.close(descriptor)
