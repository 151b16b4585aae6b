"""The end from outside: torchrun sends SIGTERM to the ranks that wait for one that failed, the supervisor to all.

A rank that waits inside C code (a collective) cannot run a Python signal handler, so a thread listens on the wake-up
descriptor, records the end, and ends the process when the main thread does not get to it.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

STUCK_SECONDS = 5.0
UNWIND_SECONDS = 25.0


class Terminated(SystemExit):
    """SIGTERM has come: unwinds the notebook like sys.exit."""


class TerminationWatch:
    """Notices SIGTERM and SIGINT. `on_signal` is called once, in the watching thread."""

    def __init__(self, on_signal: Callable[[int], None]) -> None:
        self.received: int | None = None
        """The signal that has come; what fails after it is its consequence."""
        self.ending: int | None = None
        """The signal by which the notebook is being ended, whatever it caught."""
        self._on_signal = on_signal
        self._unwinding = threading.Event()
        self._finished = threading.Event()
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._owner = os.getpid()
        self._held = threading.local()

    def start(self) -> None:
        """Begin to listen; in the main thread."""
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._terminate)
        signal.signal(signal.SIGINT, self._interrupt)
        os.register_at_fork(
            before=self._hold_signals,
            after_in_parent=self._release_signals,
            after_in_child=self._leave_child_alone,
        )
        threading.Thread(target=self._listen, name="windlass-signals", daemon=True).start()

    def finish(self) -> None:
        """The rank has ended by itself: a later signal ends the process as usual."""
        self._finished.set()
        if signal.getsignal(signal.SIGTERM) == self._terminate:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)

    def _terminate(self, signum: int, _frame: FrameType | None) -> None:
        self.received = self.ending = signum
        first = not self._unwinding.is_set()
        self._unwinding.set()
        if first:
            raise Terminated(128 + signum)

    def _interrupt(self, signum: int, _frame: FrameType | None) -> None:
        self.received = signum
        raise KeyboardInterrupt

    def _listen(self) -> None:
        while True:
            for signum in os.read(self._read, 64):
                if signum in (signal.SIGTERM, signal.SIGINT) and os.getpid() == self._owner:
                    self._react(signum)

    def _react(self, signum: int) -> None:
        if self._finished.is_set():
            return
        self.received = self.received or signum
        if signum == signal.SIGINT or signal.getsignal(signal.SIGTERM) != self._terminate:
            # The notebook may catch KeyboardInterrupt, or has a handler of its own (to save a checkpoint): its turn.
            return
        self._on_signal(signum)
        if self._unwinding.wait(STUCK_SECONDS) and self._finished.wait(UNWIND_SECONDS):
            return
        os._exit(128 + signum)

    def _hold_signals(self) -> None:
        """A worker that is ended while it is being made must not be taken for its parent: its signal waits."""
        self._held.mask = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))

    def _release_signals(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._held.mask)

    def _leave_child_alone(self) -> None:
        """A forked worker must die of SIGTERM as ever, and must not wake its parent's thread."""
        signal.set_wakeup_fd(-1)
        if signal.getsignal(signal.SIGTERM) == self._terminate:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._release_signals()
