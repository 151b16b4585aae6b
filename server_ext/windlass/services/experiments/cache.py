"""What was read of MLflow, kept for a while so that it need not be read again; bounded by bytes.

Kept are runs that have ended, by id and time of end: a run that is opened again ends anew, and is another entry then.
MLflow tells of no change, and what has ended can still be deleted, restored or tagged by hand; so an entry answers
alone for `FRESH_SECONDS` at most, each page of a list (which always comes from MLflow) replaces what is kept of its
runs, and what was kept longer is asked for again.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

from windlass.services.experiments.records import RunRecord

FRESH_SECONDS = 30.0
RUN_BYTES = 48 << 20
PAGE_BYTES = 24 << 20

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """The entries used last, as many as fit.

    Args:
        budget_bytes: the most that all together may take; what alone takes more than a quarter is not kept.
        clock: seconds that only grow.
    """

    def __init__(self, *, budget_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._budget = budget_bytes
        self._clock = clock
        self._kept: OrderedDict[K, tuple[V, int, float]] = OrderedDict()
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, key: K, value: V, *, size_bytes: int) -> None:
        """Keep a value, in the place of an older one."""
        self.drop(key)
        if size_bytes > self._budget // 4:
            return
        self._kept[key] = (value, size_bytes, self._clock())
        self.size_bytes += size_bytes
        while self.size_bytes > self._budget:
            _, (_, freed, _) = self._kept.popitem(last=False)
            self.size_bytes -= freed

    def get(self, key: K, *, fresh_seconds: float | None = None) -> V | None:
        """What is kept, if it is not older than that."""
        entry = self._kept.get(key)
        if entry is None or (fresh_seconds is not None and self._clock() - entry[2] > fresh_seconds):
            return None
        self._kept.move_to_end(key)
        return entry[0]

    def drop(self, key: K) -> None:
        """Forget an entry."""
        entry = self._kept.pop(key, None)
        if entry is not None:
            self.size_bytes -= entry[1]


class RunCache:
    """Runs that have ended."""

    def __init__(self, *, budget_bytes: int = RUN_BYTES, clock: Callable[[], float] = time.monotonic) -> None:
        self._runs: BoundedCache[str, RunRecord] = BoundedCache(budget_bytes=budget_bytes, clock=clock)

    def keep(self, records: Iterable[RunRecord]) -> None:
        """Keep those that have ended, in the place of what was known; a run that goes on again is forgotten."""
        for record in records:
            if record.has_ended:
                self._runs.put(record.id, record, size_bytes=record.size_bytes)
            else:
                self._runs.drop(record.id)

    def forget(self, run_id: str) -> None:
        """Forget a run that is gone."""
        self._runs.drop(run_id)

    def get(self, run_id: str) -> RunRecord | None:
        """A run, if it was read lately."""
        return self._runs.get(run_id, fresh_seconds=FRESH_SECONDS)
