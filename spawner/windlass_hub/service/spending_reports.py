"""Costs as people ask for them: by user, group, job, experiment, model or day, over whole days of UTC.

The database sums; what it says of one user is asked for with that user's name, so that nobody else's is even read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, case, distinct, func, select

from windlass.contract.costs import CostBy, CostRow
from windlass_hub.spending.amounts import date_of, whole

from .audit_database import storable
from .spending_records import SpendingDatabase
from .spending_tables import SpendingDayRow, SpendingPodRow

NOBODY = {
    "experiment": "(no experiment)",
    "model": "(no model)",
    "group": "(in no group)",
}
"""What a row is called that stands for what has none."""
_LATE = 250_000_000
"""Billionths of an hour of a card of which it may not be known yet whether they were used."""
_SUMS = ("usd", "idle_usd", "gpu_hours", "idle_gpu_hours", "known_gpu_hours", "jobs", "unknown", "unknown_idle")


@dataclass(kw_only=True)
class Sums:
    """Of some rows: billionths, None where nothing is known."""

    key: str = ""
    label: str = ""
    kind: str = ""
    values: dict[str, int | None] = field(default_factory=dict)

    def add(self, row: Mapping[Any, Any]) -> None:
        """Add a row of the database."""
        for name in _SUMS:
            value = row[name]
            if value is not None:
                self.values[name] = (self.values.get(name) or 0) + int(value)

    def row(self, by: CostBy | None) -> CostRow:
        """As the contract has it."""
        of = self.values.get
        held, nothing_held = of("gpu_hours"), of("gpu_hours") == 0
        known = bool(of("known_gpu_hours"))
        return CostRow(
            key=self.key,
            label=self.label,
            usd=whole(of("usd")),
            idle_usd=0.0 if nothing_held else whole(of("idle_usd")) if known else None,
            gpu_hours=whole(held),
            idle_gpu_hours=0.0 if nothing_held else whole(of("idle_gpu_hours")) if known else None,
            jobs=of("jobs") or 0,
            unknown_jobs=of("unknown") or 0,
            unknown_idle_jobs=of("unknown_idle") or 0,
            job_id=self.key if by == "job" and self.kind == "job" else None,
            day=self.key if by == "day" else None,
        )


async def cost_rows(
    records: SpendingDatabase, *, by: CostBy, first: int, last: int, owner: str | None
) -> tuple[list[CostRow], CostRow]:
    """What was spent from one day to another, both included, most first (days: newest first), and all of it.

    Args:
        records: the rows.
        by: how to group. A user of several groups is in the row of each.
        first: a day, counted from 1970-01-01 (UTC).
        last: a day.
        owner: of one user alone; None: everybody's.
    """
    rows, total = await records.run(_asking(by, first, last, owner), writing=False)
    found = _by_group(rows) if by == "group" else _named(by, rows)
    items = [sums.row(by) for sums in found]
    if by == "day":
        items.sort(key=lambda item: item.key, reverse=True)
    else:
        items.sort(key=lambda item: (-(item.usd or 0.0), item.label, item.key))
    whole_sum = Sums(label="all")
    whole_sum.add(total)
    return items, whole_sum.row(None)


def _asking(by: CostBy, first: int, last: int, owner: str | None) -> Any:
    day, pod = SpendingDayRow, SpendingPodRow
    keys = {
        "user": (day.owner,),
        "group": (day.groups,),
        "job": (day.item_key,),
        "experiment": (pod.experiment,),
        "model": (pod.model,),
        "day": (day.day,),
    }[by]
    within = [day.day >= first, day.day <= last]
    if owner is not None:
        within.append(day.owner == storable(owner, 255))
    names = [func.max(pod.item).label("item"), func.max(pod.label).label("label"), func.max(pod.kind).label("kind")]
    joined = select(*(key.label("key") for key in keys), *names, *_sums()).join(pod, pod.uid == day.uid, isouter=True)

    def ask(connection: Any) -> tuple[Sequence[Mapping[Any, Any]], Mapping[Any, Any]]:
        rows = connection.execute(joined.where(*within).group_by(*keys)).mappings().all()
        total = connection.execute(select(*_sums()).where(*within)).mappings().one()
        return rows, total

    return ask


def _sums() -> list[Any]:
    day = SpendingDayRow
    held_unseen = and_(day.gpu_hours * 9 > day.known_gpu_hours * 10, day.gpu_hours - day.known_gpu_hours > _LATE)
    return [
        *(func.sum(getattr(day, name)).label(name) for name in _SUMS[:5]),
        func.count(distinct(day.item_key)).label("jobs"),
        func.count(distinct(case((day.note != "", day.item_key)))).label("unknown"),
        func.count(distinct(case((held_unseen, day.item_key)))).label("unknown_idle"),
    ]


def _named(by: CostBy, rows: Iterable[Mapping[Any, Any]]) -> list[Sums]:
    found = []
    for row in rows:
        key = str(row["key"] if row["key"] is not None else "")
        label = key
        if by == "day":
            key = label = date_of(row["key"]).isoformat()
        elif by == "job":
            key, label = row["item"] or key, row["label"] or row["item"] or key
        sums = Sums(key=key, label=label or NOBODY.get(by, ""), kind=row["kind"] or "")
        sums.add(row)
        found.append(sums)
    return found


def _by_group(rows: Iterable[Mapping[Any, Any]]) -> list[Sums]:
    found: dict[str, Sums] = {}
    for row in rows:
        for group in (row["key"] or "").split("\n"):
            sums = found.setdefault(group, Sums(key=group, label=group or NOBODY["group"]))
            sums.add(row)
    return list(found.values())
