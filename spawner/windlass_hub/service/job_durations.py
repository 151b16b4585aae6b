"""How long ended jobs took, counted as their rows are written: a histogram that outlives the rows."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

from sqlalchemy import Connection, insert, select, update

from windlass_hub.reconciler.records import JobRecord

from .spending_rows import lock
from .spending_tables import JobDurationRow

BOUNDS = (60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 28_800.0, 86_400.0, 172_800.0, 604_800.0, math.inf)
"""Seconds: from a minute to a week."""
SUM = "sum"


@dataclass(kw_only=True)
class Durations:
    """Of jobs of one kind and state."""

    buckets: dict[float, float] = field(default_factory=lambda: dict.fromkeys(BOUNDS, 0.0))
    """How many took at most so long, and longer than the bound before."""
    seconds: float = 0.0
    """Of all."""

    def cumulative(self) -> list[tuple[str, float]]:
        """Bounds as Prometheus writes them, each with how many took at most so long."""
        found, so_far = [], 0.0
        for bound in BOUNDS:
            so_far += self.buckets[bound]
            found.append((_text(bound), so_far))
        return found

    def add(self, other: Durations) -> None:
        """Count another's too."""
        for bound in BOUNDS:
            self.buckets[bound] += other.buckets[bound]
        self.seconds += other.seconds


def count_duration(connection: Connection, record: JobRecord) -> None:
    """Count a job in the transaction that writes its row; one of which it is not known how long it took is not."""
    if record.started_at is None or record.ended_at is None:
        return
    seconds = max(0.0, record.ended_at - record.started_at)
    bound = next(bound for bound in BOUNDS if seconds <= bound)
    lock(connection)
    for bucket, more in ((_text(bound), 1.0), (SUM, seconds)):
        same = (
            JobDurationRow.kind == record.kind,
            JobDurationRow.state == record.state,
            JobDurationRow.bucket == bucket,
        )
        grown = update(JobDurationRow).where(*same).values(amount=JobDurationRow.amount + more)
        if not connection.execute(grown).rowcount:
            values = {"kind": record.kind, "state": record.state, "bucket": bucket, "amount": more}
            connection.execute(insert(JobDurationRow).values(**values))


def read_durations(connection: Connection) -> dict[tuple[str, str], Durations]:
    """All, by kind and state."""
    bounds = {_text(bound): bound for bound in BOUNDS}
    found: dict[tuple[str, str], Durations] = defaultdict(Durations)
    for row in connection.execute(select(JobDurationRow.__table__)).mappings():
        durations = found[row["kind"], row["state"]]
        if row["bucket"] == SUM:
            durations.seconds += row["amount"]
        elif row["bucket"] in bounds:
            durations.buckets[bounds[row["bucket"]]] += row["amount"]
    return dict(found)


def _text(bound: float) -> str:
    return "+Inf" if math.isinf(bound) else repr(bound)
