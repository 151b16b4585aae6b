"""The log of decisions: who was given or refused what, and when, kept in the service's own database.

`record` only hands over: one thread writes, so that a slow disk, a locked file or a database that is away holds up
nobody. What cannot be written waits, as much as fits, and is told in `health`; each decision also goes to the process's
own log at once. No token, secret or request body may get in here, and details that are named like one are left out.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from .audit_database import AuditDatabase, DatabaseProblem, RowRefused, storable

log = logging.getLogger("windlass_hub.audit")

WAITING_AT_MOST = 20_000
BATCH = 500
RETRY_SECONDS = 5.0
PRUNE_EVERY_SECONDS = 3600.0
REPEATS_WITHIN_SECONDS = 60.0
_REPEATS_KNOWN = 2000
_SECRET_WORDS = ("token", "secret", "password", "credential", "authorization", "cookie", "key")
_LONGEST = 500
_REPEATED = frozenset({"refused", "failed"})


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One decision as it is kept."""

    id: int
    at: datetime
    who: str
    action: str
    target: str
    decision: str
    detail: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class AuditHealth:
    """How the log stands: `waiting` entries are not written yet, `lost` ones never will be."""

    ok: bool
    waiting: int
    lost: int
    problem: str | None


class Audit:
    """The log. `record` may be called from any thread, before `start` and after `close` too.

    Args:
        database: where it is kept.
        keep_days: after how many days an entry is deleted.
    """

    def __init__(
        self, *, database: AuditDatabase, keep_days: int = 365, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._keep_seconds = keep_days * 86_400.0
        self._clock = clock
        self._waiting: deque[dict[str, Any]] = deque()
        self._repeats: OrderedDict[tuple[str, ...], list[float]] = OrderedDict()
        self._changed = threading.Condition()
        self._closing = False
        self._lost = 0
        self._problem: str | None = None
        self._pruned_at = 0.0
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write; the database is opened and migrated by the writer, and tried again until it goes."""
        self._thread = threading.Thread(target=self._write_on, name="windlass-audit", daemon=True)
        self._thread.start()

    def record(
        self,
        *,
        who: str,
        action: str,
        target: str = "",
        decision: str = "allowed",
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Write one decision down; never blocks and never fails.

        A refusal or failure that is repeated within a minute is counted, and told with the next one: a loop somewhere
        fills no disk.
        """
        row = {
            "at_us": int(self._clock() * 1e6),
            "who": storable(who, 255),
            "action": storable(action, 120),
            "target": storable(target, 255),
            "decision": decision[:32],
            "detail": _harmless(detail or {}),
        }
        with self._changed:
            if decision in _REPEATED and self._is_repeat(row):
                return
            if len(self._waiting) >= WAITING_AT_MOST:
                self._lost += 1
            else:
                self._waiting.append(row)
                self._changed.notify_all()
        log.info("%s", json.dumps({name: value for name, value in row.items() if name != "at_us"}))

    async def latest(
        self, *, limit: int = 100, before: int | None = None, who: str | None = None, action: str | None = None
    ) -> list[Entry]:
        """The newest entries first; `before` is the id to go on from.

        Raises:
            DatabaseProblem: it cannot be read now.
        """
        rows = await asyncio.to_thread(self._database.latest, limit=limit, before=before, who=who, action=action)
        return [Entry(at=datetime.fromtimestamp(row.pop("at_us") / 1e6, timezone.utc), **row) for row in rows]

    def health(self) -> AuditHealth:
        """How the log stands now."""
        with self._changed:
            return AuditHealth(
                ok=self._problem is None and not self._lost,
                waiting=len(self._waiting),
                lost=self._lost,
                problem=self._problem,
            )

    async def settled(self, *, seconds: float = 5.0) -> bool:
        """Wait until all is written; False where it is not in that time."""
        return await asyncio.to_thread(self._wait_settled, seconds)

    async def close(self, *, seconds: float = 5.0) -> None:
        """Write what waits, for `seconds` at most, and let go."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, seconds)
        await asyncio.to_thread(self._database.close)

    def _is_repeat(self, row: dict[str, Any]) -> bool:
        key = (row["who"], row["action"], row["target"])
        now = row["at_us"] / 1e6
        known = self._repeats.get(key)
        if known is not None and now - known[0] < REPEATS_WITHIN_SECONDS:
            known[1] += 1
            return True
        if known is not None and known[1]:
            row["detail"]["repeated_before"] = int(known[1])
        self._repeats[key] = [now, 0]
        self._repeats.move_to_end(key)
        while len(self._repeats) > _REPEATS_KNOWN:
            self._repeats.popitem(last=False)
        return False

    def _wait_settled(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting, seconds)

    def _write_on(self) -> None:
        seconds = 0.0  # The first time at once: the database is opened before anything is to be written.
        while True:
            batch = self._next_batch(seconds)
            if batch is None:
                return
            seconds = PRUNE_EVERY_SECONDS
            try:
                if batch:
                    self._write(batch)
                self._prune()
            except DatabaseProblem as error:
                self._wait_after(str(error))
            except Exception as error:  # noqa: BLE001 - a thread that ended would lose every later decision
                self._wait_after(f"The audit database failed ({type(error).__name__}).")

    def _write(self, batch: list[dict[str, Any]]) -> None:
        """Write all; an entry that the database does not take is lost, and keeps no other back."""
        try:
            self._database.write(batch)
        except RowRefused as error:
            if len(batch) > 1:
                for row in batch:
                    self._write([row])
                return
            log.error("%s It is lost.", error)
            with self._changed:
                self._lost += 1
        self._written(len(batch))

    def _next_batch(self, seconds: float) -> list[dict[str, Any]] | None:
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting) or self._closing, seconds)
            if self._closing and (not self._waiting or self._problem is not None):
                return None  # What waits while the database is away is in the process's log alone.
            return [self._waiting[place] for place in range(min(BATCH, len(self._waiting)))]

    def _written(self, count: int) -> None:
        with self._changed:
            for _ in range(count):
                self._waiting.popleft()
            self._changed.notify_all()

    def _wait_after(self, problem: str) -> None:
        with self._changed:
            if self._problem != problem:
                log.warning("%s Decisions wait to be written.", problem)
            self._problem = problem
            self._changed.wait_for(lambda: self._closing, RETRY_SECONDS)

    def _prune(self) -> None:
        now = self._clock()
        if now - self._pruned_at >= PRUNE_EVERY_SECONDS:
            self._database.prune(before_us=int((now - self._keep_seconds) * 1e6))
            self._pruned_at = now
        with self._changed:
            self._problem = None


def _harmless(detail: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in detail.items():
        if any(word in name.lower() for word in _SECRET_WORDS) or value is None:
            continue
        kept[name] = value if isinstance(value, (bool, int, float)) else storable(str(value), _LONGEST)
    return kept
