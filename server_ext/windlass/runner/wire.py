"""The container's stdout as the way out of a pod: what ranks print, and between the lines what the runner reports.

Nothing but this module writes to that descriptor for the runner. Each line is one write of at most PIPE_BUF bytes, so
that the kernel itself keeps lines of several ranks apart; code that is not Python may still write what it likes.
docs/architecture.md, "In a cluster: the pod's log is the wire", is the format; nothing here knows what is reported.

    [rank N] text LF         a line; the prefix when the world is larger than one
    [rank N] text RS LF      text that goes on with this rank's next line: it had no line end, or is a long one's part
    RS windlass {...} LF     a frame

RS is the byte 0x1E, LF a line end; in text it is doubled.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from .rank_log import write_all

RS = b"\x1e"
FRAME = RS + b"windlass "
LONGEST_LINE = 4096
"""PIPE_BUF of Linux, with the line end."""
PARTIAL_SECONDS = 0.5
"""Text without a line end is held back for this long."""


class Wire:
    """Writes text and frames of one rank to one descriptor; may be called from any thread."""

    def __init__(self, fd: int, *, prefix: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._fd = fd
        self._prefix = prefix.encode()
        self._room = LONGEST_LINE - len(self._prefix) - len(RS) - 1
        self._clock = clock
        self._lock = threading.RLock()
        self._held = b""
        self._held_since = 0.0
        self._holds = True
        self.text_bytes = 0
        """How much text has been sent: what a reader that missed something can tell it by."""

    def text(self, data: bytes) -> None:
        """Send the lines that are whole; keep the rest until its end comes, or the next tick."""
        with self._lock:
            had_some = bool(self._held)
            whole, newline, rest = (self._held + data).rpartition(b"\n")
            self._held = rest
            if newline:
                self._send(self._lines(whole + newline))
                self.text_bytes += len(whole) + 1
            if not self._holds or len(self._held) > self._room:
                self.flush()
            if self._held and (newline or not had_some):
                self._held_since = self._clock()

    def tick(self) -> None:
        """Send a line that has been waiting for its end."""
        if self._held and self._clock() - self._held_since >= PARTIAL_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Send what is held back."""
        with self._lock:
            if self._held:
                self._send(self._lines(self._held))
                self.text_bytes += len(self._held)
                self._held = b""

    def frames(self, bodies: Sequence[bytes]) -> int:
        """Send JSON objects, each shorter than LONGEST_LINE less 64; how many bytes that took.

        Each is given `o`, the text sent before it.
        """
        with self._lock:
            lines = [b'%s{"o":%d,%s\n' % (FRAME, self.text_bytes, body[1:]) for body in bodies]
            self._send(lines)
        return sum(map(len, lines))

    def hold_nothing(self) -> None:
        """Nobody calls tick any more."""
        self._holds = False
        self.flush()

    def become_child(self) -> None:
        """In a forked child: the lock may have been held, and what is held back is the parent's."""
        self._lock = threading.RLock()
        self._held = b""
        self._holds = False

    def _lines(self, text: bytes) -> list[bytes]:
        *whole, last = text.split(b"\n")
        lines: list[bytes] = []
        for content in whole:
            lines += self._line(content, b"\n")
        return lines + (self._line(last, RS + b"\n") if last else [])

    def _line(self, content: bytes, end: bytes) -> list[bytes]:
        """One line as it is sent, in several where it is long."""
        room = self._room if RS not in content else self._room // 2
        pieces = [content[start : start + room] for start in range(0, len(content), room)] or [b""]
        if RS in content:
            pieces = [piece.replace(RS, RS + RS) for piece in pieces]
        *parts, last = pieces
        return [*(self._prefix + part + RS + b"\n" for part in parts), self._prefix + last + end]

    def _send(self, lines: Sequence[bytes]) -> None:
        """As few writes as keep each line whole."""
        batch: list[bytes] = []
        size = 0
        for line in lines:
            if size + len(line) > LONGEST_LINE:
                write_all(self._fd, b"".join(batch))
                batch, size = [], 0
            batch.append(line)
            size += len(line)
        write_all(self._fd, b"".join(batch))
