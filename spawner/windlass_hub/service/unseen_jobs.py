"""Finds the ended jobs of which fewer pods are kept than they had. The rows of jobs and of pods are in one database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, exists, func, select

from windlass_hub.spending.holders import UnseenJob

from .job_tables import JobRow
from .spending_tables import SpendingPodRow

AT_ONCE = 500


def unseen_jobs(connection: Connection, *, since: float) -> list[UnseenJob]:
    """Those recorded since a moment that do not stand in the rows of pods yet, the oldest first."""
    kept = exists().where(SpendingPodRow.uid == JobRow.uid)
    wanted = select(JobRow.__table__).where(JobRow.unseen_of > 0, JobRow.recorded_at >= since, ~kept)
    rows = connection.execute(wanted.order_by(JobRow.recorded_at).limit(AT_ONCE)).mappings().all()
    return list(_lacking(connection, rows))


def _lacking(connection: Connection, rows: Any) -> Iterator[UnseenJob]:
    for row in rows:
        job = _job(row)
        # Whoever counts pods may have seen more of them than the reconciler, as before a restart.
        seen = select(func.count()).where(
            SpendingPodRow.owner == row["owner"], SpendingPodRow.item_key == job.holder().key
        )
        if connection.execute(seen).scalar_one() < job.least:
            yield job


def _job(row: Mapping[Any, Any]) -> UnseenJob:
    ended_at = row["ended_at"] if row["ended_at"] is not None else row["recorded_at"]
    begun = [moment for moment in (row["started_at"], row["created_at"]) if moment is not None]
    return UnseenJob(
        uid=row["uid"],
        owner=row["owner"],
        namespace=row["namespace"],
        job_id=row["job_id"],
        name=row["name"],
        began_at=min(begun[0], ended_at) if begun else ended_at,
        ended_at=ended_at,
        recorded_at=row["recorded_at"],
        least=row["unseen_of"],
        why=row["cost_note"],
    )
