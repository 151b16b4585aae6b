"""The one thread of a rank that flushes, writes the notebook and the status while the training thread computes."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable


class Background:
    """Calls tasks now and then, until stopped. A task that raises is reported once and called again."""

    def __init__(self, *, period_seconds: float = 0.1) -> None:
        self._period = period_seconds
        self._tasks: list[Callable[[], None]] = []
        self._stopped = threading.Event()
        self._reported: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="windlass-background", daemon=True)

    def add(self, task: Callable[[], None]) -> None:
        """Call `task` about ten times a second; it decides itself whether something is due."""
        self._tasks.append(task)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait until the thread has let go of everything."""
        self._stopped.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout=30.0)

    def _run(self) -> None:
        while not self._stopped.wait(self._period):
            for task in self._tasks:
                self._attempt(task)

    def _attempt(self, task: Callable[[], None]) -> None:
        try:
            task()
        except Exception:  # noqa: BLE001  (whatever goes wrong here must not end the job, nor be silent)
            text = traceback.format_exc()
            if text not in self._reported and sys.stderr is not None:
                self._reported.add(text)
                sys.stderr.write(text)
