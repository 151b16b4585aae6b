"""sys.stdout and sys.stderr of a rank: every byte to the log, and on rank 0 to the cell that printed it.

Both are C text streams over a thin raw end, because a notebook may print a million lines. They write line by line, so
that nothing is lost when the process crashes, and in blocks while output pours.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
import threading
import time
from typing import Protocol

from .rank_log import RankLog
from .screen import Screen, rewrites
from .wire import Wire

_BURST_WRITES = 64
_BURST_SECONDS = 0.005
_CALM_WRITES = 3
_LONGEST_PARTIAL = 20_000


class StreamReader(Protocol):
    """Who wants the text of a stream: the executed notebook."""

    def stream(self, name: str, final: str, live: str) -> None:
        """Text that stays as it is, and the present state of what may still change."""


class Sink:
    """The raw end of one stream: bytes in, log and notebook out."""

    def __init__(self, name: str, log: RankLog, reader: StreamReader | None) -> None:
        self._name = name
        self._log = log
        self._reader = reader
        self._lock = threading.RLock()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._screen = Screen()
        self._partial = ""
        self._held_return = False
        self.writes = 0

    def write(self, data: bytes) -> None:
        """Take what was printed; never raises for want of room."""
        self.writes += 1
        with self._lock:
            text = self._decoder.decode(data)
            if self._held_return or "\r" in text:
                text = self._join_line_ends(text)
                data = text.encode("utf-8", "backslashreplace")
            if self._screen.idle and not rewrites(text):
                self._log.write(data)
                self._pass_through(text)
            else:
                self._show(text)

    def settle(self) -> None:
        """The cell has ended: what is on the screen stays as it is."""
        with self._lock:
            if self._held_return:
                self._held_return = False
                self._show("\r")
            if not self._screen.idle:
                rows = self._screen.settle()
                self._log.finished(rows)
                self._tell("".join(row.text + "\n" for row in rows), "")
            elif self._partial:
                self._tell(self._partial, "")
            self._partial = ""
            self._log.release()

    def tick(self) -> None:
        """Let the log have the state of a line that keeps being rewritten."""
        with self._lock:
            if not self._screen.idle:
                self._log.rewriting(self._screen.rows)

    def log_only(self, text: str) -> None:
        """Write to the log what is no stream output in the notebook."""
        with self._lock:
            self._log.end_line()
            self._log.write(text.encode("utf-8", "backslashreplace"))

    def become_child(self) -> None:
        """In a forked child: the notebook is the parent's, and the lock may have been held by one of its threads."""
        self._lock = threading.RLock()
        self._reader = None

    def _join_line_ends(self, text: str) -> str:
        """Take CR LF as one line end, also when a write ends between them."""
        if self._held_return:
            text = "\r" + text
        self._held_return = text.endswith("\r")
        if self._held_return:
            text = text[:-1]
        return text.replace("\r\n", "\n")

    def _pass_through(self, text: str) -> None:
        whole, newline, rest = text.rpartition("\n")
        if newline:
            final, self._partial = self._partial + whole + newline, rest
        else:
            final, self._partial = "", self._partial + rest
        if len(self._partial) > _LONGEST_PARTIAL:
            final, self._partial = final + self._partial, ""
        self._tell(final, self._partial)

    def _show(self, text: str) -> None:
        if self._partial:
            self._screen.begin(self._partial)
            self._partial = ""
        rows = self._screen.feed(text)
        self._log.finished(rows)
        if not self._screen.idle:
            self._log.rewriting(self._screen.rows, complete=len(self._screen.rows) - 1)
        live = "\n".join(row.text for row in self._screen.rows)
        self._tell("".join(row.text + "\n" for row in rows), live)

    def _tell(self, final: str, live: str) -> None:
        if self._reader is not None:
            self._reader.stream(self._name, final, live)


class _RawEnd(io.RawIOBase):
    """What the C text stream writes to."""

    def __init__(self, sink: Sink, fd: int, name: str) -> None:
        self._sink = sink
        self._fd = fd
        self.name = name

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return False

    def write(self, data: object) -> int:
        content = bytes(data)  # type: ignore[call-overload]  # a buffer, as BufferedWriter hands it over
        self._sink.write(content)
        return len(content)


class _JobText(io.TextIOWrapper):
    """A text stream that writes line by line until output pours, then in blocks until it is calm again."""

    def __init__(self, sink: Sink, fd: int) -> None:
        raw = _RawEnd(sink, fd, f"<{'stdout' if fd == 1 else 'stderr'}>")
        super().__init__(io.BufferedWriter(raw, 8192), encoding="utf-8", errors="backslashreplace")
        self._sink = sink
        self._burst_began = 0.0
        self._mark = 0
        self.write_by_line()

    def write_by_line(self) -> None:
        """Lose nothing, whatever happens to the process."""
        self.reconfigure(line_buffering=True)
        # On the instance, and gone while output pours: then `print` finds the C method and costs what it always costs.
        self.__dict__["write"] = self._watched_write

    def _watched_write(self, text: str) -> int:
        count = super().write(text)
        if self._sink.writes - self._mark >= _BURST_WRITES:
            now = time.monotonic()
            if now - self._burst_began < _BURST_SECONDS and self.__dict__.pop("write", None) is not None:
                self.reconfigure(line_buffering=False)
            self._burst_began = now
            self._mark = self._sink.writes
        return count

    def tick(self) -> None:
        """Called ten times a second: let the reader have what there is; see whether it is calm."""
        self.flush()
        self._sink.tick()
        if "write" not in self.__dict__:
            if self._sink.writes - self._mark < _CALM_WRITES:
                self.write_by_line()
            self._mark = self._sink.writes


class JobStreams:
    """Both streams of this process, installed as sys.stdout and sys.stderr."""

    def __init__(self, *, reader: StreamReader | None, prefix: str = "", wire: Wire | None = None) -> None:
        """With a `wire` everything goes that way, and the prefix is the wire's own affair."""
        self._wire = wire
        out = wire.text if wire is not None else None
        self._sinks = {
            "stdout": Sink("stdout", RankLog(1, prefix=prefix, out=out), reader),
            "stderr": Sink("stderr", RankLog(2, prefix=prefix, out=out), reader),
        }
        self._streams = {name: _JobText(sink, fd) for fd, (name, sink) in enumerate(self._sinks.items(), start=1)}

    def install(self) -> None:
        """Become sys.stdout and sys.stderr; sys.__stdout__ and sys.__stderr__ too, since some libraries prefer them."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdout = sys.__stdout__ = self._streams["stdout"]  # type: ignore[misc]  # typed Final, documented as replaceable
        sys.stderr = sys.__stderr__ = self._streams["stderr"]  # type: ignore[misc]  # likewise
        os.register_at_fork(before=self.flush, after_in_child=self._become_child)

    def flush_all(self) -> None:
        """As `flush`, and nothing is held back for want of a line end: the process may be about to end."""
        self.flush()
        self._send_held()

    def flush(self) -> None:
        """Let log and notebook have everything that was printed."""
        for stream in self._streams.values():
            # A signal handler may come in the middle of a write; the notebook may have closed its stdout.
            with contextlib.suppress(RuntimeError, ValueError):
                stream.flush()

    def settle(self) -> None:
        """A cell has ended."""
        self.flush()
        for sink in self._sinks.values():
            sink.settle()
        self._send_held()

    def log_only(self, text: str) -> None:
        """Write to the log alone."""
        self.flush()
        self._sinks["stdout"].log_only(text if text.endswith("\n") else text + "\n")

    def tick(self) -> None:
        """Called about ten times a second."""
        for stream in self._streams.values():
            with contextlib.suppress(ValueError):
                stream.tick()
        if self._wire is not None:
            self._wire.tick()

    def by_line(self) -> None:
        """Write line by line again: nobody calls tick any more."""
        for stream in self._streams.values():
            with contextlib.suppress(ValueError):
                stream.write_by_line()
        if self._wire is not None:
            self._wire.hold_nothing()

    def _send_held(self) -> None:
        if self._wire is not None:
            self._wire.flush()

    def _become_child(self) -> None:
        if self._wire is not None:
            self._wire.become_child()
        for sink in self._sinks.values():
            sink.become_child()
        self.by_line()
