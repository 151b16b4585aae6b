"""Sees to it that the record of every job that has ended comes to MLflow, however long MLflow is away.

Figures that become known later, or others, follow: they alone, and no file a second time.

What is pending is in the ledger and survives the server. Of several Jupyter servers of one user, one at a time does
the work. It knows no database and no REST.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from windlass.engines.base import Engine, MarksRecords
from windlass.errors import Unavailable, WindlassError
from windlass.services.pending_records import OutdatedRun, PendingRecord, RecordStore
from windlass.services.record_upload import RecordUpload
from windlass.services.run_figures import put_figures
from windlass.tracking.client import MlflowRefused, MlflowRest
from windlass.tracking.tracking import Tracking

__all__ = ["PendingRecord", "RecordKeeper", "RecordStore"]

log = logging.getLogger(__name__)

_LOOK_SECONDS = 60.0
_FIRST_PAUSE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 300.0
_LONGEST_AWAY_SECONDS = 60.0
"""How long to wait, at most, before a server that is away is asked again: one question, however much is pending."""
_CORRECTIONS = "corrections"
"""Stands among the ids of jobs for all runs whose figures are others by now: those are one and the same question."""


class _Away(Unavailable):
    """The tracking server does not answer at all."""


class RecordKeeper:
    """A loop over the pending records; `run` is to be started as a task."""

    def __init__(self, *, tracking: Tracking, engine: Engine, store: RecordStore, data_dir: Path) -> None:
        self._tracking = tracking
        self._engine = engine
        self._store = store
        self._data_dir = data_dir
        self._wake = asyncio.Event()
        self._closed = False
        self._failures: dict[str, int] = {}
        self._not_before: dict[str, float] = {}
        self._said: dict[str, str] = {}

    def poke(self) -> None:
        """A job has ended, or MLflow may be back: look now."""
        self._wake.set()

    async def run(self) -> None:
        """Send records until closed. Failures are said in the record and tried again, with growing pauses."""
        while not self._closed:
            self._wake.clear()
            pause = _LOOK_SECONDS
            with _alone(self._data_dir / "records.lock") as alone:
                if alone:
                    pause = await self._send_pending()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)

    async def close(self) -> None:
        """Stop after the present step; the task of `run` may also simply be cancelled."""
        self._closed = True
        self._wake.set()

    async def send_now(self) -> None:
        """One look at what is pending, pauses disregarded."""
        self._not_before.clear()
        await self._send_pending()

    async def _send_pending(self) -> float:
        """Try what is due; answers in how many seconds to look again."""
        try:
            pending = await self._store.pending_records()
            away: _Away | None = None
            for record in pending:
                if self._closed:
                    break
                if self._not_before.get(record.job_id, 0.0) > time.monotonic():
                    continue
                if away is None:
                    away = await self._send(record)
                else:
                    await self._put_off(record.job_id, away)
            if away is None and self._not_before.get(_CORRECTIONS, 0.0) <= time.monotonic():
                await self._correct(await self._store.outdated_runs())
        except Exception:
            # The ledger failed, or something nobody foresaw: the other records must not wait for ever for it.
            log.exception("Records could not be sent; it is tried again")
        delays = [moment - time.monotonic() for moment in self._not_before.values()]
        return max(0.1, min([_LOOK_SECONDS, *delays]))

    async def _send(self, record: PendingRecord) -> _Away | None:
        """Try one; answers what is wrong when nobody is there to take any of them."""
        if not await self._tracking.keeps_records():
            await self._store.set_record(record.job_id, record="off")
            return None
        try:
            async with await self._tracking.client() as mlflow:
                upload = RecordUpload(
                    record=record,
                    engine=self._engine,
                    tracking=self._tracking,
                    mlflow=mlflow,
                    data_dir=self._data_dir,
                )
                if not await mlflow.answers():
                    raise _Away(f"MLflow at {mlflow.url} does not answer. It is sent when MLflow is back.")
                await self._say(record.job_id, "uploading")
                runs = await upload.run()
        except (WindlassError, OSError) as error:
            await self._put_off(record.job_id, error)
            return error if isinstance(error, _Away) else None
        for notes in (self._failures, self._not_before, self._said):
            notes.pop(record.job_id, None)
        await self._store.set_record(
            record.job_id,
            record="uploaded",
            run_id=runs[0].run_id,
            experiment_id=runs[0].experiment_id,
            runs=runs,
            figures=record.figures,
        )
        if isinstance(self._engine, MarksRecords):
            await self._engine.mark_recorded(record.job_id)
        return None

    async def _correct(self, outdated: Sequence[OutdatedRun]) -> None:
        """Have runs say what is known by now."""
        if not outdated or not await self._tracking.keeps_records():
            return
        try:
            async with await self._tracking.client() as mlflow:
                if not await mlflow.answers():
                    raise _Away(f"MLflow at {mlflow.url} does not answer.")
                for each in outdated:
                    if not self._closed and self._not_before.get(each.job_id, 0.0) <= time.monotonic():
                        await self._correct_one(mlflow, each)
        except (WindlassError, OSError) as error:
            log.debug("What jobs took could not be told to MLflow; it is tried again: %s", error)
            self._delay(_CORRECTIONS, error)
        else:
            self._failures.pop(_CORRECTIONS, None)
            self._not_before.pop(_CORRECTIONS, None)

    async def _correct_one(self, mlflow: MlflowRest, outdated: OutdatedRun) -> None:
        """Raises Unavailable; what MLflow refuses is of this run alone."""
        try:
            # A run that is gone says nothing any more.
            if (run := await mlflow.get_run(outdated.run_id)) is not None:
                await put_figures(mlflow, run, outdated.figures, ended_at=outdated.ended_at)
        except MlflowRefused as error:
            log.debug("MLflow does not take what job %s took: %s", outdated.job_id, error)
            self._delay(outdated.job_id, error)
            return
        self._failures.pop(outdated.job_id, None)
        self._not_before.pop(outdated.job_id, None)
        await self._store.set_figures(outdated.job_id, outdated.figures)

    async def _put_off(self, job_id: str, error: Exception) -> None:
        self._delay(job_id, error)
        await self._say(job_id, f"waiting: {error}")

    def _delay(self, job_id: str, error: Exception) -> None:
        failures = self._failures[job_id] = self._failures.get(job_id, 0) + 1
        longest = _LONGEST_AWAY_SECONDS if isinstance(error, _Away) else _LONGEST_PAUSE_SECONDS
        pause = min(_FIRST_PAUSE_SECONDS * 2 ** min(failures, 10), longest)
        self._not_before[job_id] = time.monotonic() + pause * random.uniform(0.7, 1.3)  # noqa: S311 - jitter

    async def _say(self, job_id: str, text: str) -> None:
        if self._said.get(job_id) != text:
            self._said[job_id] = text
            await self._store.set_record(job_id, record=text)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Whether this process is the one that sends records now; the lock goes with the process."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(fd)
