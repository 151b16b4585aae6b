"""A container's log as the API gives it, line by line: time stamps, and going on where one left off.

The API resumes by whole seconds (`sinceTime`) while stamps are in nanoseconds, and several lines may have the same
one: so a place in a log is the last line's stamp and how many lines in a row have had it. Three things of kubelets are
met here: a line that the runtime has cut at 16 KiB is stamped at its first piece alone, so a log that is resumed in the
middle of one begins without a stamp; what a kubelet cannot read it says in the log's place, unstamped; and when a log
was rotated, only its newest file is served, which shows by the last line not being there any more.

Pure: bytes in, lines out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

LONGEST_LINE = 1024 * 1024
"""Bytes of a line that are held back until its end comes; a longer one is passed on in pieces."""
_STAMP_BYTES = 30
_SECOND = 1_000_000_000
_KUBELET_WORDS = (
    b"unable to retrieve container logs for",
    b"failed to try resolving symlinks in path",
    b"failed to create fsnotify watcher",
    b"failed to open log file",
    b"failed to watch file",
    b"failed to get container status",
    b"rpc error:",
)


class Line(NamedTuple):
    """A line of a container, or a piece of a long one. `time_ns` is POSIX, in nanoseconds."""

    time_ns: int
    content: bytes
    begins: bool
    """It is not a long line's later piece."""
    ended: bool
    """It has had its line end."""


@dataclass(frozen=True)
class Place:
    """How far a log has been read."""

    time_ns: int = 0
    """The last line's stamp; 0: nothing has been read."""
    equal: int = 0
    """How many lines have come with that stamp."""
    cut: int = 0
    """How many bytes have come of the last of them, where it has not ended."""

    @property
    def since(self) -> str | None:
        """The `sinceTime` to go on with."""
        if not self.time_ns:
            return None
        moment = dt.datetime.fromtimestamp(self.time_ns // _SECOND, dt.timezone.utc)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class LogReader:
    """Reads one answer of the API from where an earlier one ended. `place` moves on with each line given."""

    def __init__(self, place: Place) -> None:
        # Plain numbers: they change with every line of what may be a million.
        self._time_ns, self._equal, self._cut = place.time_ns, place.equal, place.cut
        self.gap_seconds: float | None = None
        """Set with the first line, where lines before it may have been rotated away: since the last line read."""
        self.complaint = ""
        """What the kubelet has said instead of the log."""
        self._from = place
        self._resuming = place.time_ns > 0
        self._equal_left = place.equal
        self._rest = bytearray()
        self._skip_bytes = 0
        self._in_line: int | None = None
        """The stamp of a line of which a piece has been given."""
        self._second_text = b""
        self._second_ns = 0

    @property
    def place(self) -> Place:
        """How far the log has been read now."""
        return Place(self._time_ns, self._equal, self._cut)

    def feed(self, chunk: bytes) -> Iterator[Line]:
        """The lines that this chunk completes."""
        *whole, rest = chunk.split(b"\n")
        if whole:
            whole[0] = bytes(self._rest) + whole[0]
            self._rest = bytearray(rest)
        else:
            self._rest += rest
        for raw in whole:
            line = self._line(raw, ended=True)
            if line is not None:
                yield line
        if len(self._rest) >= LONGEST_LINE:
            line = self._line(bytes(self._rest), ended=False)
            self._rest.clear()
            if line is not None:
                yield line

    def end(self) -> Line | None:
        """The last line, where it has no end: call when there is nothing more to come."""
        content, self._rest = bytes(self._rest), bytearray()
        return self._line(content, ended=False) if content else None

    def _line(self, raw: bytes, *, ended: bool) -> Line | None:
        if self._in_line is not None:
            return self._more(raw, self._in_line, ended=ended)
        stamp = self._stamp(raw)
        if stamp is None:
            return self._unstamped(raw, ended=ended)
        time_ns, content = stamp
        if self._resuming and self._is_known(time_ns):
            return self._known(content, time_ns, ended=ended)
        if self._time_ns == time_ns:
            self._equal += 1
        else:
            self._time_ns, self._equal = time_ns, 1
        if ended:
            self._cut = 0
        else:
            self._cut, self._in_line = len(content), time_ns
        return Line(time_ns, content, True, ended)

    def _is_known(self, time_ns: int) -> bool:
        """Whether this line was read before; decides, at the first that was not, whether some are missing."""
        last = self._from
        if time_ns < last.time_ns:
            return True
        if time_ns == last.time_ns and self._equal_left > 0:
            self._equal_left -= 1
            return True
        self._resuming = False
        if self._equal_left == last.equal:
            self.gap_seconds = (time_ns - last.time_ns) / _SECOND
        return False

    def _known(self, content: bytes, time_ns: int, *, ended: bool) -> Line | None:
        """Nothing, or what is new of a line that was only begun."""
        is_last = time_ns == self._from.time_ns and self._equal_left == 0
        self._in_line = None if ended else time_ns
        self._skip_bytes = self._from.cut if is_last and self._from.cut else 0
        if self._skip_bytes:
            return self._rest_of_cut(content, time_ns, ended=ended)
        self._skip_bytes = 0 if ended else -1
        return None

    def _rest_of_cut(self, content: bytes, time_ns: int, *, ended: bool) -> Line | None:
        skipped = min(self._skip_bytes, len(content))
        self._skip_bytes -= skipped
        new = content[skipped:]
        if not new and not (ended and not self._skip_bytes):
            return None
        self._cut = 0 if ended else self._cut + len(new)
        return Line(time_ns, new, begins=False, ended=ended)

    def _more(self, raw: bytes, time_ns: int, *, ended: bool) -> Line | None:
        """A later piece of a long line; -1 stands for a line that is known as a whole."""
        self._in_line = None if ended else time_ns
        if self._skip_bytes < 0:
            self._skip_bytes = 0 if ended else -1
            return None
        if self._skip_bytes:
            return self._rest_of_cut(raw, time_ns, ended=ended)
        self._cut = 0 if ended else self._cut + len(raw)
        return Line(time_ns, raw, begins=False, ended=ended)

    def _unstamped(self, raw: bytes, *, ended: bool) -> Line | None:
        if raw.startswith(_KUBELET_WORDS):
            self.complaint = raw[:500].decode(errors="replace")
            return None
        if self._resuming or not self._time_ns:
            # The end of a line whose stamp lies before what was asked for.
            return None
        return Line(self._time_ns, raw, begins=True, ended=ended)

    def _stamp(self, raw: bytes) -> tuple[int, bytes] | None:
        """The stamp in nanoseconds and the rest of the line; None where there is none."""
        if raw[29:31] == b"Z " and raw[20:29].isdigit():
            if raw[:20] == self._second_text:
                return self._second_ns + int(raw[20:29]), raw[31:]
            known = _parse_stamp(raw[:19] + b"Z") if raw[19:20] == b"." else None
            if known is not None:
                self._second_text, self._second_ns = raw[:20], known
                return known + int(raw[20:29]), raw[31:]
        text, space, _ = raw[: _STAMP_BYTES + 8].partition(b" ")
        if not space:
            return None
        time_ns = _parse_stamp(text)
        return None if time_ns is None else (time_ns, raw[len(text) + 1 :])


def _parse_stamp(text: bytes) -> int | None:
    """RFC 3339 in nanoseconds, with any offset: a kubelet gives that of its node."""
    whole, fraction, offset = text[:19], b"", text[19:]
    if offset[:1] == b".":
        digits = len(offset[1:]) - len(offset[1:].lstrip(b"0123456789"))
        fraction, offset = offset[1 : 1 + digits], offset[1 + digits :]
    try:
        moment = dt.datetime.fromisoformat(
            whole.decode("ascii") + ("+00:00" if offset == b"Z" else offset.decode("ascii"))
        )
    except ValueError:
        return None
    if moment.tzinfo is None or whole[10:11] != b"T" or len(fraction) > 9:
        return None
    return int(moment.timestamp()) * _SECOND + int(fraction.ljust(9, b"0") or b"0")
