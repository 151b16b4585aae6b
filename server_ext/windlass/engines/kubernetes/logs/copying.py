"""From what is read of pods to the copy on disk: collected for a moment, put in order by time, and written at once.

Readers of pods add what they have read; one task per job writes, off the event loop, while there is something to write
and not at all while there is nothing. Readers wait while it cannot keep up, or the disk is full: then nothing is lost,
as the places in the pods' logs move on only with what is written.
"""

from __future__ import annotations

import asyncio
import fcntl
import heapq
import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from operator import attrgetter

from windlass.engines.job_folder.files import is_disk_full
from windlass.engines.job_folder.logwriter import LogWriter, Piece
from windlass.engines.job_folder.paths import LAUNCHER
from windlass.engines.kubernetes.logs.frames import Report
from windlass.engines.kubernetes.logs.mirror import LOG, JobMirror
from windlass.engines.kubernetes.logs.places import Places, PodPlace, Surplus

log = logging.getLogger(__name__)

COLLECT_SECONDS = 0.1
"""What several pods print within it is put in order; a line is shown that much later."""
SAVE_SECONDS = 1.0
RETRY_SECONDS = 5.0
_LARGEST_WAITING_BYTES = 8 * 1024 * 1024
_HALF_READ_SECONDS = 10.0


@dataclass
class Reading:
    """What has been read of one pod's log and is not written yet."""

    uid: str
    """Of the pod, and its container's name."""
    place: PodPlace
    """Where the log stands after it."""
    pieces: list[Piece] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    between: bool = True
    """No report is only half read: one may go on from `place`."""
    gap: bool = False
    """Not all that was printed could be read."""

    @property
    def size_bytes(self) -> int:
        """How much room it takes, about."""
        return sum(len(piece.content) + 64 for piece in self.pieces) + sum(len(each.source) for each in self.reports)


class JobCopy:
    """Writes one job's copy. `on_change` is called in the event loop with what has changed (`mirror.LOG`, …)."""

    def __init__(self, mirror: JobMirror, *, on_change: Callable[[set[str]], None]) -> None:
        """Raises OSError when the copy's folder cannot be made."""
        mirror.create()
        self._mirror = mirror
        self._on_change = on_change
        self._path = mirror.folder.path / "places.json"
        self._lock: int | None = None
        self._places = Places()
        self._writer: LogWriter | None = None
        self._surplus = Surplus({})
        self._waiting: list[Reading] = []
        self._waiting_bytes = 0
        self._room = asyncio.Event()
        self._news = asyncio.Event()
        self._written = asyncio.Event()
        self._room.set()
        self._written.set()
        self._disk = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._saved_at = 0.0
        self._unsaved = False
        self._half_read: dict[str, float] = {}
        """Pods in whose log a report has begun, and since when."""
        self.trouble: str | None = None
        """Why the copy is behind: the disk is full."""
        self.is_gone = False
        """The folder has been removed, or this was closed; nothing is written any more."""

    @property
    def is_ours(self) -> bool:
        """Whether this process writes the copy."""
        return self._writer is not None

    def claim(self) -> bool:
        """Whether this process writes the copy; takes that over where no other process does it.

        A user's servers share their data folder, and one of them is enough. The kernel gives the claim back at death.
        """
        if self._writer is not None:
            return True
        if self.is_gone or not self._mirror.exists:
            self.is_gone = True
            return False
        try:
            self._lock = self._lock_alone()
            if self._lock is not None:
                self._mirror.forget_what_is_known()
                self._places = Places.read(self._path)
                self._writer = LogWriter(self._mirror.folder)
                self._surplus = Surplus(self._beyond(self._writer))
        except OSError as error:
            self._say(error)
            self._let_go()
        return self._writer is not None

    def _lock_alone(self) -> int | None:
        """The lock that says whose the copy is; None while it is another's."""
        descriptor = os.open(self._mirror.folder.path / "copy.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _let_go(self) -> None:
        self._writer = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def place(self, uid: str) -> PodPlace:
        """How far this pod's log is in the copy."""
        return self._places.pods.get(uid, PodPlace())

    async def add(self, reading: Reading) -> None:
        """Have this written; waits while much is waiting already."""
        if self.is_gone:
            return
        self._waiting.append(reading)
        self._waiting_bytes += reading.size_bytes
        self._written.clear()
        self._news.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"copy of job {self._mirror.folder.id}")
        if self._waiting_bytes > _LARGEST_WAITING_BYTES:
            self._room.clear()
            await self._room.wait()

    async def written(self) -> None:
        """Wait until all that was added is on disk, as long as the disk is full."""
        await self._written.wait()

    async def close(self) -> None:
        """Write what can be written within a moment, and stop."""
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._written.wait(), RETRY_SECONDS)
        self.is_gone = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._unsaved:
            with suppress(OSError):
                await self._save()
        self._let_go()

    async def _run(self) -> None:
        """Write until nothing is waiting."""
        try:
            while not self.is_gone:
                await asyncio.sleep(COLLECT_SECONDS)
                readings, self._waiting, self._waiting_bytes = self._waiting, [], 0
                self._news.clear()
                await self._persist(readings)
                self._room.set()
                if self._waiting:
                    continue
                self._written.set()
                # The places may wait; what is printed meanwhile may not.
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._news.wait(), self._saved_at + SAVE_SECONDS - time.monotonic())
                if self._waiting:
                    continue
                await self._try_to_save()
                if not self._waiting:
                    return
        finally:
            self._task = None
            self._room.set()
            self._written.set()

    async def _persist(self, readings: Sequence[Reading]) -> None:
        """Write these, however long the disk is full; or find that the folder is gone."""
        if self._writer is None:
            raise RuntimeError("This process has not claimed the copy.")
        for reading in readings:
            if reading.gap:
                self._surplus.forget({piece.rank for piece in reading.pieces})
        work = _Work(
            pieces=self._surplus.without(list(_by_time(readings))),
            reports=[report for reading in readings for report in reading.reports],
        )
        while True:
            try:
                async with self._disk:
                    changed = await asyncio.to_thread(work.carry_out, self._writer, self._mirror)
            except OSError as error:
                if self._mirror.exists:
                    self._say(error)
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                self.is_gone = True
                return
            self.trouble = None
            self._advance(readings, self._writer)
            if changed:
                self._on_change(changed)
            if time.monotonic() - self._saved_at >= SAVE_SECONDS:
                await self._try_to_save()
            return

    def _advance(self, readings: Sequence[Reading], writer: LogWriter) -> None:
        """The places move on with what was written, and with the sizes that the logs have now."""
        now = time.monotonic()
        for reading in readings:
            self._places.pods[reading.uid] = reading.place
            if reading.between:
                self._half_read.pop(reading.uid, None)
            else:
                self._half_read.setdefault(reading.uid, now)
            for rank in {piece.rank for piece in reading.pieces}:
                self._places.sizes[rank] = writer.size_bytes(rank) - self._surplus.left(rank)
        self._unsaved = True

    async def _try_to_save(self) -> None:
        """Save the places, unless a report is half read: after a restart it would be lost, so it must be read again."""
        now = time.monotonic()
        if any(now - since < _HALF_READ_SECONDS for since in self._half_read.values()):
            return
        try:
            await self._save()
        except OSError as error:
            self.is_gone = self.is_gone or not self._mirror.exists
            if not self.is_gone:
                self._say(error)

    async def _save(self) -> None:
        self._saved_at = time.monotonic()
        self._unsaved = False
        places = Places(pods=dict(self._places.pods), sizes=dict(self._places.sizes))
        async with self._disk:
            await asyncio.to_thread(places.write, self._path)

    def _beyond(self, writer: LogWriter) -> dict[int, int]:
        """What lies in each log beyond what the places know of."""
        logs = self._mirror.folder.logs
        ranks = [int(path.stem[5:]) for path in logs.glob("rank-*.log") if path.stem[5:].isdigit()]
        return {rank: writer.size_bytes(rank) - self._places.sizes.get(rank, 0) for rank in (LAUNCHER, *ranks)}

    def _say(self, error: OSError) -> None:
        """Once per trouble."""
        why = "the disk is full" if is_disk_full(error) else error.strerror or type(error).__name__
        if self.trouble is None:
            log.warning("The log of job %s cannot be copied: %s. It is tried again.", self._mirror.folder.id, why)
        self.trouble = why


@dataclass
class _Work:
    """What is to be written, less what has been."""

    pieces: Sequence[Piece]
    reports: list[Report]
    changed: set[str] = field(default_factory=set)

    def carry_out(self, writer: LogWriter, mirror: JobMirror) -> set[str]:
        """Write all of it; after an error, what is left. Raises OSError."""
        if self.pieces:
            writer.write(self.pieces)
            self.pieces = ()
            self.changed.add(LOG)
        reports, self.reports = self.reports, []
        for report in reports:
            mirror.apply(report)
        self.changed |= mirror.settle()
        return self.changed


def _by_time(readings: Sequence[Reading]) -> Iterable[Piece]:
    """The pieces of all pods by time; those of one pod stay in the order they were read."""
    by_pod: dict[str, list[Piece]] = {}
    for reading in readings:
        by_pod.setdefault(reading.uid, []).extend(reading.pieces)
    return heapq.merge(*by_pod.values(), key=attrgetter("time"))
