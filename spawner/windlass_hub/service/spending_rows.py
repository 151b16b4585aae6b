"""Writes what pods took: pods, their days, and the counters that grow with them, in a transaction of the caller's.

The caller holds the lock, so that what is read here is what is written over.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, text, update

from windlass_hub.spending.amounts import DayAmount
from windlass_hub.spending.held_text import to_text
from windlass_hub.spending.records import IdleChange, PodChange

from .audit_database import storable
from .spending_tables import LONGEST_GROUPS, SpendingCounterRow, SpendingDayRow, SpendingPodRow

AT_ONCE = 400
"""Values in one question: databases have limits."""
LARGEST = 2**62
_LOCK = 0x57494E45
"""PostgreSQL's advisory lock for these tables; any number of ours but that of the migration."""
_COUNTED = ("usd", "idle_usd", "gpu_hours", "unknown")
_LONGEST = {column.name: getattr(column.type, "length", None) for column in SpendingPodRow.__table__.columns}

Row = Mapping[Any, Any]


def lock(connection: Connection) -> None:
    """Let no other replica write these tables until the transaction ends; SQLite has one writer anyhow."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def keep_pods(connection: Connection, changes: Sequence[PodChange]) -> None:
    """Keep pods and days; those that are closed already are passed over."""
    known = {row["uid"]: row for row in _pods(connection, [change.holder.uid for change in changes])}
    wanted = [change for change in changes if not (known.get(change.holder.uid) or {}).get("closed")]
    days = {(row["uid"], row["day"]): row for row in _days(connection, [change.holder.uid for change in wanted])}
    ledger = _Ledger(days)
    for change in wanted:
        for amount in change.days:
            ledger.put(change, amount)
    _write_days(connection, ledger)
    unknown = _newly_unknown(connection, wanted, ledger)
    for change in wanted:
        if change.holder.uid in unknown:
            ledger.counters[change.holder.owner, ledger.groups_of(change)]["unknown"] += 1
    _write_pods(connection, wanted, known, unknown)
    grow(connection, ledger.counters)


def keep_idle(connection: Connection, changes: Sequence[IdleChange]) -> None:
    """Add what was seen of days, and what of it was idle."""
    days = {(row["uid"], row["day"]): row for row in _days(connection, [change.uid for change in changes])}
    values, counters = [], _counters()
    for change in changes:
        row = days.get((change.uid, change.day))
        if row is None:
            continue
        usd = row["idle_usd"] if change.idle_usd is None else (row["idle_usd"] or 0) + change.idle_usd
        values.append(
            {
                "b_uid": change.uid,
                "b_day": change.day,
                "b_known": row["known_gpu_hours"] + change.known_gpu_hours,
                "b_idle": row["idle_gpu_hours"] + change.idle_gpu_hours,
                "b_usd": usd,
            }
        )
        counters[row["owner"], row["groups"] or ""]["idle_usd"] += change.idle_usd or 0
    if values:
        changed = update(SpendingDayRow).where(
            SpendingDayRow.uid == bindparam("b_uid"), SpendingDayRow.day == bindparam("b_day")
        )
        connection.execute(
            changed.values(
                known_gpu_hours=bindparam("b_known"), idle_gpu_hours=bindparam("b_idle"), idle_usd=bindparam("b_usd")
            ),
            values,
        )
    grow(connection, counters)


def grow(connection: Connection, counters: Mapping[tuple[str, str], Mapping[str, int]]) -> None:
    """Let the counters of these users, under these groups, grow."""
    for (owner, groups), more in counters.items():
        if not any(more.values()):
            continue
        key = {"owner": owner, "groups_hash": hashlib.sha256(groups.encode()).hexdigest()}
        there = select(SpendingCounterRow.__table__).where(
            SpendingCounterRow.owner == key["owner"], SpendingCounterRow.groups_hash == key["groups_hash"]
        )
        row = connection.execute(there).mappings().first()
        amounts = {name: min(LARGEST, (row[name] if row else 0) + more[name]) for name in _COUNTED}
        if row is None:
            connection.execute(insert(SpendingCounterRow).values(**key, groups=groups, **amounts))
        else:
            connection.execute(
                update(SpendingCounterRow)
                .where(SpendingCounterRow.owner == key["owner"], SpendingCounterRow.groups_hash == key["groups_hash"])
                .values(**amounts)
            )


class _Ledger:
    """Rows of days as they will be, and by how much the counters grow."""

    def __init__(self, there: Mapping[tuple[str, int], Row]) -> None:
        self.there = there
        self.rows: dict[tuple[str, int], dict[str, Any]] = {}
        self.counters = _counters()

    def put(self, change: PodChange, amount: DayAmount) -> None:
        """Put a day's amounts in the place of those before; what was known stays known."""
        key = (change.holder.uid, amount.day)
        old: Row = self.there.get(key) or {}
        usd = _kept(amount.usd, old.get("usd"))
        gpu_hours = _kept(amount.gpu_hours, old.get("gpu_hours"))
        counted_usd, counted_gpu = old.get("counted_usd") or 0, old.get("counted_gpu_hours") or 0
        groups = old.get("groups")
        row: dict[str, Any] = {
            "uid": change.holder.uid,
            "day": amount.day,
            "owner": storable(change.holder.owner, _LONGEST["owner"]),
            "groups": groups if groups is not None else _groups(change),
            "item_key": storable(change.holder.key, _LONGEST["item_key"]),
            "usd": usd,
            "gpu_hours": gpu_hours,
            "known_gpu_hours": old.get("known_gpu_hours") or 0,
            "idle_gpu_hours": old.get("idle_gpu_hours") or 0,
            "idle_usd": old.get("idle_usd"),
            "note": storable(amount.note, 300),
            "counted_usd": max(counted_usd, usd or 0),
            "counted_gpu_hours": max(counted_gpu, gpu_hours or 0),
        }
        self.rows[key] = row
        counter = self.counters[row["owner"], row["groups"] or ""]
        counter["usd"] += row["counted_usd"] - counted_usd
        counter["gpu_hours"] += row["counted_gpu_hours"] - counted_gpu

    def groups_of(self, change: PodChange) -> str:
        """Under which groups a pod's last day is counted."""
        days = [amount.day for amount in change.days]
        row = self.rows.get((change.holder.uid, days[-1])) if days else None
        return (row["groups"] if row else _groups(change)) or ""


def _counters() -> dict[tuple[str, str], dict[str, int]]:
    return defaultdict(lambda: dict.fromkeys(_COUNTED, 0))


def _kept(new: int | None, old: int | None) -> int | None:
    return old if new is None else min(new, LARGEST)


def _groups(change: PodChange) -> str | None:
    if change.groups is None:
        return None
    names, room = [], LONGEST_GROUPS
    for group in change.groups:
        name = storable(group, _LONGEST["owner"])
        room -= len(name) + 1
        if room < 0:
            break  # A name that is cut would be another group's.
        names.append(name)
    return "\n".join(names)


def _newly_unknown(connection: Connection, changes: Iterable[PodChange], ledger: _Ledger) -> set[str]:
    """Of the pods that end now one for each thing whose cost is not known, and that no counter has yet."""
    found: dict[tuple[str, str], str] = {}
    with_notes = {uid for (uid, _), row in {**ledger.there, **ledger.rows}.items() if row["note"]}
    for change in changes:
        if change.closed and change.holder.uid in with_notes:
            owner = storable(change.holder.owner, _LONGEST["owner"])
            found.setdefault((owner, storable(change.holder.key, _LONGEST["item_key"])), change.holder.uid)
    for owner, key in list(found):
        counted = select(SpendingPodRow.uid).where(
            SpendingPodRow.owner == owner, SpendingPodRow.item_key == key, SpendingPodRow.counted_unknown.is_(True)
        )
        if connection.execute(counted.limit(1)).first() is not None:
            del found[owner, key]
    return set(found.values())


def _write_days(connection: Connection, ledger: _Ledger) -> None:
    new = [row for key, row in ledger.rows.items() if key not in ledger.there]
    if new:
        connection.execute(insert(SpendingDayRow), new)
    changed = [
        {f"b_{name}": value for name, value in row.items()}
        for key, row in ledger.rows.items()
        if key in ledger.there and row != {name: ledger.there[key][name] for name in row}
    ]
    if changed:
        names = ("groups", "usd", "gpu_hours", "note", "counted_usd", "counted_gpu_hours")
        statement = (
            update(SpendingDayRow)
            .where(SpendingDayRow.uid == bindparam("b_uid"), SpendingDayRow.day == bindparam("b_day"))
            .values({name: bindparam(f"b_{name}") for name in names})
        )
        connection.execute(statement, changed)


def _write_pods(
    connection: Connection, changes: Sequence[PodChange], known: Mapping[str, Row], unknown: set[str]
) -> None:
    rows = [_pod_row(change, counted_unknown=change.holder.uid in unknown) for change in changes]
    if new := [row for row in rows if row["uid"] not in known]:
        connection.execute(insert(SpendingPodRow), new)
    if changed := [{f"b_{name}": value for name, value in row.items()} for row in rows if row["uid"] in known]:
        names = [name for name in rows[0] if name != "uid"]
        statement = (
            update(SpendingPodRow)
            .where(SpendingPodRow.uid == bindparam("b_uid"))
            .values({name: bindparam(f"b_{name}") for name in names})
        )
        connection.execute(statement, changed)


def _pod_row(change: PodChange, *, counted_unknown: bool) -> dict[str, Any]:
    holder = change.holder
    texts = {
        "uid": holder.uid,
        "owner": holder.owner,
        "namespace": holder.namespace,
        "pod": holder.pod,
        "kind": holder.kind,
        "item": holder.item,
        "item_key": holder.key,
        "label": holder.label,
        "experiment": holder.experiment,
        "model": holder.model,
    }
    return {
        **{name: storable(value, _LONGEST[name]) for name, value in texts.items()},
        "held": to_text(holder.held),
        "since": holder.held.since,
        "until": holder.held.until,
        "seen_at": change.seen_at,
        "closed": change.closed,
        "counted_unknown": counted_unknown,
    }


def _pods(connection: Connection, uids: Sequence[str]) -> Iterable[Row]:
    for start in range(0, len(uids), AT_ONCE):
        some = SpendingPodRow.uid.in_(uids[start : start + AT_ONCE])
        yield from connection.execute(select(SpendingPodRow.uid, SpendingPodRow.closed).where(some)).mappings()


def _days(connection: Connection, uids: Sequence[str]) -> Iterable[Row]:
    for start in range(0, len(uids), AT_ONCE):
        some = SpendingDayRow.uid.in_(uids[start : start + AT_ONCE])
        yield from connection.execute(select(SpendingDayRow.__table__).where(some)).mappings()
