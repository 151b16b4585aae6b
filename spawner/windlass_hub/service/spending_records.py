"""What pods took and how budgets stand, in the service's database."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, case, delete, distinct, func, insert, select, update

from windlass_hub.spending.amounts import DAY_SECONDS
from windlass_hub.spending.budgets import Action, Decided, Owed, Spending, Standing
from windlass_hub.spending.held_text import from_text
from windlass_hub.spending.holders import Holder, UnseenJob
from windlass_hub.spending.periods import bounds
from windlass_hub.spending.prices import PriceVersion
from windlass_hub.spending.records import BudgetKey, IdleChange, OpenPod, PodChange, SpendingAway, SpentSince

from .audit_database import AuditDatabase, DatabaseProblem, storable
from .spending_rows import AT_ONCE, keep_idle, keep_pods, lock
from .spending_tables import (
    BudgetDecisionRow,
    BudgetStandingRow,
    SpendingDayRow,
    SpendingMarkRow,
    SpendingPodRow,
    SpendingPriceRow,
)
from .unseen_jobs import unseen_jobs

_IDLE = "idle"
_HOLDER = ("uid", "owner", "namespace", "pod", "kind", "item", "label", "experiment", "model")


class SpendingDatabase:
    """The rows. Methods raise SpendingAway."""

    def __init__(self, database: AuditDatabase) -> None:
        self._database = database

    async def open_pods(self) -> Sequence[OpenPod]:
        """All pods that had not ended."""
        wanted = select(SpendingPodRow.__table__).where(SpendingPodRow.closed.is_(False))
        return [OpenPod(holder=_holder(row), seen_at=row["seen_at"]) for row in await self._rows(wanted)]

    async def closed(self, uids: Collection[str]) -> set[str]:
        """Those of these pods whose amounts are final."""
        wanted = sorted(uids)
        found: set[str] = set()
        for start in range(0, len(wanted), AT_ONCE):
            some = select(SpendingPodRow.uid).where(
                SpendingPodRow.uid.in_(wanted[start : start + AT_ONCE]), SpendingPodRow.closed.is_(True)
            )
            found |= {row["uid"] for row in await self._rows(some)}
        return found

    async def keep(self, changes: Sequence[PodChange]) -> None:
        """Keep pods and their days; a closed pod is not changed any more."""

        def write(connection: Connection) -> None:
            lock(connection)
            keep_pods(connection, changes)

        await self.run(write, writing=True)

    async def unseen_jobs(self, *, since: float) -> Sequence[UnseenJob]:
        """Ended jobs that were recorded since a moment, have fewer pods here than they had, and are not kept yet."""
        found: Sequence[UnseenJob] = await self.run(
            lambda connection: unseen_jobs(connection, since=since), writing=False
        )
        return found

    async def idle_until(self) -> float | None:
        """Until when Prometheus was asked what was idle; None: never."""
        rows = await self._rows(select(SpendingMarkRow.at).where(SpendingMarkRow.name == _IDLE))
        return rows[0]["at"] if rows else None

    async def held_in(self, *, start: float, end: float) -> Sequence[Holder]:
        """Pods that held something in a time."""
        wanted = select(SpendingPodRow.__table__).where(
            SpendingPodRow.since < end, SpendingPodRow.until.is_(None) | (SpendingPodRow.until > start)
        )
        return [_holder(row) for row in await self._rows(wanted)]

    async def keep_idle(self, changes: Sequence[IdleChange], *, since: float | None, until: float) -> bool:
        """Keep what was seen from `since` to `until`; False, and nothing is kept, where another did so already."""
        mark = select(SpendingMarkRow.at).where(SpendingMarkRow.name == _IDLE)

        def write(connection: Connection) -> bool:
            lock(connection)
            if connection.execute(mark).scalar() != since:
                return False
            keep_idle(connection, changes)
            if since is None:
                connection.execute(insert(SpendingMarkRow).values(name=_IDLE, at=until))
            else:
                connection.execute(update(SpendingMarkRow).where(SpendingMarkRow.name == _IDLE).values(at=until))
            return True

        return bool(await self.run(write, writing=True))

    async def price_versions(self) -> Sequence[PriceVersion]:
        """All prices that were in force, the oldest first."""
        wanted = select(SpendingPriceRow.at, SpendingPriceRow.text).order_by(SpendingPriceRow.at, SpendingPriceRow.id)
        return [PriceVersion(at=row["at"], text=row["text"]) for row in await self._rows(wanted)]

    async def keep_prices(self, version: PriceVersion) -> None:
        """Keep prices that have come into force."""
        new = insert(SpendingPriceRow).values(at=version.at, text=version.text)
        await self.run(lambda connection: connection.execute(new), writing=True)

    async def spent_since(self, day: int) -> SpentSince:
        """What was spent since the beginning of a day."""
        unknown = func.count(distinct(case((SpendingDayRow.note != "", SpendingDayRow.item_key))))
        wanted = (
            select(
                SpendingDayRow.owner,
                SpendingDayRow.groups,
                func.sum(SpendingDayRow.usd).label("usd"),
                unknown.label("unknown"),
            )
            .where(SpendingDayRow.day >= day)
            .group_by(SpendingDayRow.owner, SpendingDayRow.groups)
        )
        users: dict[str, Spending] = defaultdict(Spending)
        groups: dict[str, Spending] = defaultdict(Spending)
        for row in await self._rows(wanted):
            usd, unknown_here = int(row["usd"] or 0), int(row["unknown"])
            users[row["owner"]] = _more(users[row["owner"]], usd, unknown_here)
            for group in (row["groups"] or "").split("\n"):
                if group:
                    groups[group] = _more(groups[group], usd, unknown_here)
        return SpentSince(users=dict(users), groups=dict(groups))

    async def standings(self) -> Mapping[BudgetKey, Standing]:
        """How budgets stood when they were looked at last."""
        return {
            (row["scope"], row["name"], row["period"]): Standing(
                starts_at=row["starts_at"],
                limit=row["limit_nano"],
                state=row["state"],
                told=row["told"],
                since=row["since"],
            )
            for row in await self._rows(select(BudgetStandingRow.__table__))
        }

    async def keep_standing(self, owed: Owed, standing: Standing) -> None:
        """Keep how a budget stands."""
        scope, name, period = owed.key
        key = {"scope": scope, "name": storable(name, 255), "period": period}
        values = {
            "starts_at": standing.starts_at,
            "limit_nano": standing.limit,
            "state": standing.state,
            "told": standing.told,
            "since": standing.since,
        }
        await self._put(BudgetStandingRow, key, values)

    async def decided(self, *, now: float) -> Mapping[BudgetKey, Decided]:
        """What admins decided for the periods of now."""
        starts = [bounds(period, now)[0] for period in ("month", "week")]
        wanted = select(BudgetDecisionRow.__table__).where(BudgetDecisionRow.starts_at.in_(starts))
        return {
            (row["scope"], row["name"], row["period"]): Decided(
                action=row["action"], extra_usd=row["extra_usd"], by=row["by"], note=row["note"], at=row["at"]
            )
            for row in await self._rows(wanted)
            if row["starts_at"] == bounds(row["period"], now)[0]
        }

    async def decide(
        self,
        key: BudgetKey,
        *,
        starts_at: float,
        action: Action | None,
        extra_usd: float,
        by: str,
        note: str,
        at: float,
    ) -> None:
        """Keep what an admin decided for a budget's period, in the place of what was decided before."""
        scope, name, period = key
        where = {"scope": scope, "name": storable(name, 255), "period": period, "starts_at": starts_at}
        values = {
            "action": action,
            "extra_usd": extra_usd,
            "by": storable(by, 255),
            "note": storable(note, 300),
            "at": at,
        }
        await self._put(BudgetDecisionRow, where, values)

    async def prune(self, *, before_day: int) -> int:
        """Delete what is older; how many days of pods went. Counters stay."""

        def write(connection: Connection) -> int:
            lock(connection)
            gone = connection.execute(delete(SpendingDayRow).where(SpendingDayRow.day < before_day)).rowcount
            connection.execute(
                delete(SpendingPodRow).where(
                    SpendingPodRow.closed.is_(True), SpendingPodRow.until < before_day * DAY_SECONDS
                )
            )
            return int(gone)

        return int(await self.run(write, writing=True))

    async def run(self, work: Callable[[Connection], Any], *, writing: bool) -> Any:
        """What `work` answers, in a transaction. Raises SpendingAway."""
        try:
            return await asyncio.to_thread(self._database.run, work, writing=writing)
        except DatabaseProblem as error:
            raise SpendingAway(str(error)) from error

    async def _rows(self, wanted: Any) -> Sequence[Mapping[Any, Any]]:
        rows: Sequence[Mapping[Any, Any]] = await self.run(
            lambda connection: connection.execute(wanted).mappings().all(), writing=False
        )
        return rows

    async def _put(self, table: Any, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        same = [getattr(table, name) == value for name, value in key.items()]

        def write(connection: Connection) -> None:
            lock(connection)
            if not connection.execute(update(table).where(*same).values(**values)).rowcount:
                connection.execute(insert(table).values(**key, **values))

        await self.run(write, writing=True)


def _holder(row: Mapping[Any, Any]) -> Holder:
    return Holder(**{name: row[name] for name in _HOLDER}, held=from_text(row["held"]))


def _more(spending: Spending, usd: int, unknown: int) -> Spending:
    return Spending(usd=spending.usd + usd, unknown=spending.unknown + unknown)
