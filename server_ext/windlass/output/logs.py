"""A job's output on a stream: safe, line by line, with the rank before each line when there are several."""

from __future__ import annotations

from typing import TextIO

from windlass.contract.jobs import LogSegment
from windlass.output import text

_LONGEST_PENDING = 64 * 1024


class LogWriter:
    """Writes segments as they come. A line that is not finished waits for its end, so that ranks do not mix in one."""

    def __init__(self, *, stream: TextIO, with_ranks: bool, colours: bool) -> None:
        self._stream = stream
        self._with_ranks = with_ranks
        self._colours = colours
        self._pending: dict[int | None, str] = {}

    def write(self, segment: LogSegment) -> None:
        """Write the finished lines of a segment."""
        whole, newline, rest = (self._pending.pop(segment.rank, "") + segment.text).rpartition("\n")
        if len(rest) > _LONGEST_PENDING:
            whole, newline, rest = whole + newline + rest, "\n", ""
        if newline:
            self._emit(segment.rank, whole)
        if rest:
            self._pending[segment.rank] = rest

    def close(self) -> None:
        """Write what never got an end of line."""
        for rank, rest in self._pending.items():
            self._emit(rank, rest)
        self._pending.clear()

    def _emit(self, rank: int | None, block: str) -> None:
        prefix = self._prefix(rank)
        shown = text.lines(block, keep_colours=self._colours).split("\n")
        self._stream.write("".join(f"{prefix}{line}\n" for line in shown))
        self._stream.flush()

    def _prefix(self, rank: int | None) -> str:
        if rank is None:
            return "[launcher] "
        return f"[{rank}] " if self._with_ranks else ""
