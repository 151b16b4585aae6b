"""One stream's way into the rank's log: bytes to a file descriptor, and never an exception to the code that prints.

Plain output goes through as it is. A line that is rewritten goes in at most once a second, and its last state always.
When ranks share the container's stdout, every line gets its rank in front.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable

from .screen import Row

REWRITE_SECONDS = 1.0
_LONGEST_HELD_LINE = 65536


class RankLog:
    """Writes to one file descriptor, or to `out` instead. The caller serialises calls."""

    def __init__(
        self,
        fd: int,
        *,
        prefix: str = "",
        out: Callable[[bytes], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._out = out or (lambda data: write_all(fd, data))
        self._prefix = prefix.encode()
        self._clock = clock
        self._held = b""
        self._line_open = False
        self._last_rewrite = -REWRITE_SECONDS

    def write(self, data: bytes) -> None:
        """Write bytes; with a prefix, only whole lines, so that ranks do not cut each other's lines."""
        if not data:
            return
        if not self._prefix:
            self._line_open = not data.endswith(b"\n")
            self._out(data)
            return
        data = self._held + data
        whole, newline, self._held = data.rpartition(b"\n")
        if newline:
            self._out(self._prefixed(whole))
        if len(self._held) > _LONGEST_HELD_LINE:
            self.end_line()

    def end_line(self) -> None:
        """Close a line that was begun, if there is one."""
        if self._held:
            self._out(self._prefixed(self._held))
            self._held = b""
        elif self._line_open:
            self.write(b"\n")

    def release(self) -> None:
        """Write what was held back for want of a line end."""
        if self._held:
            self.end_line()

    def finished(self, rows: list[Row]) -> None:
        """Write rewritten rows that will not change any more, unless that state stands in the log already."""
        lines = []
        for row in rows:
            text = row.text
            if text != row.logged and (text or row.logged is None):
                lines.append(text + "\n")
        if lines:
            self.end_line()
            self.write("".join(lines).encode("utf-8", "backslashreplace"))

    def rewriting(self, rows: list[Row], *, complete: int = 0) -> None:
        """Write rows that are still changing, at most once in REWRITE_SECONDS.

        The first `complete` of them have had their line end: what was never written of them is written now.
        """
        now = self._clock()
        if now - self._last_rewrite >= REWRITE_SECONDS:
            changed = [row for row in rows if row.cells and row.text not in ("", row.logged)]
            self._last_rewrite = now if changed else self._last_rewrite
        else:
            changed = [row for row in rows[:complete] if row.logged is None]
        self.finished(changed)
        for row in changed:
            row.logged = row.text

    def _prefixed(self, lines: bytes) -> bytes:
        return self._prefix + lines.replace(b"\n", b"\n" + self._prefix) + b"\n"


def redirect_to_file(path: str) -> None:
    """Let fds 1 and 2 append to `path`, for this process, its children and C code. Raises OSError."""
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(target, 1)
    os.dup2(target, 2)
    if target > 2:
        os.close(target)


def join_standard_error() -> None:
    """Let fd 2 be what fd 1 is, for this process, its children and C code: one output, in the order of writing."""
    os.dup2(1, 2)


def close_standard_input() -> None:
    """Nobody is there to type: reading finds the end at once instead of waiting for ever."""
    source = os.open(os.devnull, os.O_RDONLY)
    os.dup2(source, 0)
    if source > 2:
        os.close(source)


def write_all(fd: int, data: bytes) -> None:
    """Write everything; a full disk or a closed pipe loses output but not the job."""
    view = memoryview(data)
    while view:
        view = view[_write_some(fd, view) :]


def _write_some(fd: int, view: memoryview) -> int:
    """How many bytes are done with: written, or lost."""
    try:
        return os.write(fd, view)
    except BlockingIOError:
        select.select([], [fd], [], 1.0)
        return 0
    except OSError:
        return len(view)
