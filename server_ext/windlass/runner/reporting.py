"""What a rank in a pod tells about itself: status, MLflow runs and the executed notebook, as frames in its output.

A pod has nothing but its log that reaches the user whatever becomes of the pod: so what the runner writes to files is
told there too. Nobody answers: what got lost is told again by the whole notebook, now and then and at the end. There
is a budget in bytes, because all of it passes through the node's disk and the API server; only what is final may
exceed it. Nothing here knows how a cell is run.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .context import JobContext
from .executed import ExecutedNotebook, join
from .gpu_lines import encode_line
from .packing import LARGEST_CELL, LARGEST_NOTEBOOK, fit_cell, frames, pack, packed_frames
from .wire import Wire

STATUS_SECONDS = 0.5
NOTEBOOK_SECONDS = 1.0
SNAPSHOT_SECONDS = 60.0
RUNS_SECONDS = 1.0
WORD_SECONDS = 5.0
"""A rank that prints says at least this often how much it has printed."""
BYTES_PER_SECOND = 64 * 1024
BURST_BYTES = 256 * 1024
_SNAPSHOT_BYTES_PER_SECOND = 8 * 1024
_LARGEST_RUN_LINE = 64 * 1024


class Budget:
    """Bytes per second on average, with bursts; what is final makes debts."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left = float(BURST_BYTES)
        self._at = clock()

    def spend(self, count: int) -> None:
        """So many bytes were sent."""
        self._left = self._now() - count

    @property
    def is_left(self) -> bool:
        """Whether more may be sent now."""
        return self._now() > 0

    def _now(self) -> float:
        now = self._clock()
        self._left = min(BURST_BYTES, self._left + (now - self._at) * BYTES_PER_SECOND)
        self._at = now
        return self._left


class Reporter:
    """Reports for one rank. `tick` is called ten times a second by the background thread; the rest from any thread."""

    def __init__(self, wire: Wire, *, context: JobContext, clock: Callable[[], float] = time.monotonic) -> None:
        self._wire = wire
        self._clock = clock
        self._lock = threading.RLock()
        self._head = {"r": context.rank, "a": context.attempt}
        self._budget = Budget(clock)
        self._number = 0
        self._status: str | None = None
        self._status_at = -STATUS_SECONDS
        self._word_at = 0.0
        self._told_bytes = 0
        self._runs = RunLines(context.job_dir, rank=context.rank, first_of_pod=context.local_rank == 0)
        self._runs_at = 0.0
        self._notebook: NotebookReport | None = None

    def begin(self, document: ExecutedNotebook) -> None:
        """From now on report this notebook too; tells all of it once."""
        with self._lock:
            self._notebook = NotebookReport(document, self._send_packed, clock=self._clock)
            self._notebook.tell_whole()

    def status(self, text: str) -> None:
        """The rank's status, as JSON; an error and the end go out at once."""
        with self._lock:
            self._status = text
            urgent = '"ended_at": null' not in text or '"error": null' not in text
            self._send_status(urgent=urgent)

    def use(self, line: dict[str, Any]) -> None:
        """A line of gpus.jsonl."""
        with self._lock:
            self._send("gpus", encode_line(line))

    def tick(self) -> None:
        """Tell what has changed, as far as the budget goes."""
        with self._lock:
            now = self._clock()
            self._send_status(urgent=False)
            if now >= self._runs_at:
                self._runs_at = now + RUNS_SECONDS
                self._send_runs(again=False)
            if self._notebook is not None and self._budget.is_left and self._notebook.tell_changes(self._budget):
                self._send_runs(again=True)
            if self._wire.text_bytes != self._told_bytes and now - self._word_at >= WORD_SECONDS:
                self._send("at", b"null")

    def finish(self) -> None:
        """Tell all that is left, whatever the budget; the status comes by itself."""
        with self._lock:
            self._send_runs(again=True)
            if self._notebook is not None:
                self._notebook.tell_whole()

    def _send_status(self, *, urgent: bool) -> None:
        now = self._clock()
        if self._status is not None and (urgent or now - self._status_at >= STATUS_SECONDS):
            self._send("status", self._status.encode("ascii"))
            self._status, self._status_at = None, now

    def _send_runs(self, *, again: bool) -> None:
        for kind, line in self._runs.all() if again else self._runs.new():
            self._send(kind, line)

    def _send(self, kind: str, content: bytes) -> None:
        self._number += 1
        self._out(frames(kind, self._head, content, self._number))

    def _send_packed(self, kind: str, head: dict[str, int], packed: bytes) -> None:
        self._number += 1
        self._out(packed_frames(kind, {**self._head, **head}, packed, self._number))

    def _out(self, lines: list[bytes]) -> None:
        self._budget.spend(self._wire.frames(lines))
        self._told_bytes, self._word_at = self._wire.text_bytes, self._clock()


class NotebookReport:
    """The executed notebook as the other side has it: which cells to tell anew, and when to tell everything."""

    def __init__(
        self,
        document: ExecutedNotebook,
        send: Callable[[str, dict[str, int], bytes], None],
        *,
        clock: Callable[[], float],
    ) -> None:
        self._document = document
        self._send = send
        self._clock = clock
        self._version = self._whole_version = -1
        self._told: dict[int, bytes] = {}
        self._metadata = b""
        self._fitted: dict[int, tuple[bytes, bytes, int]] = {}
        self._not_before = 0.0
        self._whole_at = 0.0

    def tell_changes(self, budget: Budget) -> bool:
        """Tell cells that have changed until the budget is spent; True when it was everything."""
        now = self._clock()
        if now >= self._whole_at and self._document.version != self._whole_version:
            self.tell_whole()
            return True
        if self._document.version == self._version or now < self._not_before:
            return False
        self._not_before = now + NOTEBOOK_SECONDS
        version, cells, metadata = self._document.parts()
        if metadata != self._metadata:
            self._send("metadata", {}, pack(metadata))
            self._metadata = metadata
        for place, cell in enumerate(cells):
            if self._told.get(place) is not cell:
                if not budget.is_left:
                    return False
                self._send("cell", {"i": place}, self._fit(place, cell)[1])
                self._told[place] = cell
        self._version = version
        return False

    def tell_whole(self) -> None:
        """Tell the notebook from first cell to last, unless that is known already."""
        version, cells, metadata = self._document.parts()
        if version == self._whole_version:
            return
        fitted = [self._fit(place, cell)[0] for place, cell in enumerate(cells)]
        packed = pack(b"".join(join(fitted, metadata)))
        self._send("notebook", {}, packed)
        self._told, self._metadata = dict(enumerate(cells)), metadata
        self._version = self._whole_version = version
        self._whole_at = self._clock() + SNAPSHOT_SECONDS + len(packed) / _SNAPSHOT_BYTES_PER_SECOND

    def _fit(self, place: int, cell: bytes) -> tuple[bytes, bytes]:
        """The cell as it is told, and packed; small enough for itself and for the notebook."""
        known = self._fitted.get(place)
        if known is None or known[0] is not cell:
            others = sum(size for number, (_, _, size) in self._fitted.items() if number != place)
            told, packed = fit_cell(cell, room=max(2048, min(LARGEST_CELL, LARGEST_NOTEBOOK - others)))
            self._fitted[place] = (cell, told, len(packed))
            return told, packed
        return known[1], pack(known[1])


class RunLines:
    """The lines of runs.jsonl that are this rank's, and the job's own run as the pod knows it."""

    def __init__(self, job_dir: Path, *, rank: int, first_of_pod: bool) -> None:
        self._runs = job_dir / "runs.jsonl"
        self._own = job_dir / "own_run.json"
        self._mark = f'"rank": {rank},'.encode()
        self._first_of_pod = first_of_pod
        self._read = 0
        self._lines: list[tuple[str, bytes]] = []
        self._own_line = b""

    def new(self) -> list[tuple[str, bytes]]:
        """What has been written down since the last call, as kind and JSON."""
        found = [("run", line) for line in self._new_lines() if self._mark in line]
        self._lines += found
        if self._first_of_pod:
            own = self._content(self._own, 0)
            if own and own != self._own_line and own.endswith(b"}"):
                self._own_line = own
                found.append(("own_run", own))
        return found

    def all(self) -> list[tuple[str, bytes]]:
        """Everything."""
        self.new()
        return [*self._lines, *([("own_run", self._own_line)] if self._own_line else [])]

    def _new_lines(self) -> list[bytes]:
        whole, newline, _rest = self._content(self._runs, self._read).rpartition(b"\n")
        self._read += len(whole) + len(newline)
        return [line for line in whole.split(b"\n") if line and len(line) <= _LARGEST_RUN_LINE]

    @staticmethod
    def _content(path: Path, offset: int) -> bytes:
        try:
            with path.open("rb") as file:
                file.seek(offset)
                return file.read(1 << 20)
        except OSError:
            return b""
