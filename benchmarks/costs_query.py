"""What was spent, asked of a ledger with 100,000 rows of costs, against SQLite's own GROUP BY on the same file.

Ours is the whole use case, from the question's dates to the answer's models: sums of four figures, how many jobs each
sum lacks, a page in order, and the total. SQLite's is the least that could be asked: one sum by one key.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from report import report

from windlass.ledger.jobs import JobLedger
from windlass.services.spending.reporting import CostReports, Question

JOBS = 20_000
DAYS_EACH = 5
ROUNDS = 9
FIRST = date(2026, 1, 1)
DAYS = 330
PLAIN = {
    "day": "SELECT day, SUM(usd_nano) FROM job_costs WHERE owner = ? GROUP BY day",
    "experiment": "SELECT experiment, SUM(usd_nano) FROM job_costs WHERE owner = ? GROUP BY experiment",
    "job": "SELECT job_id, SUM(usd_nano) FROM job_costs WHERE owner = ? GROUP BY job_id",
}


def fill(path: Path) -> None:
    """Rows of jobs of one owner, over most of a year; one in fifty is not known."""
    dice = random.Random(7)
    rows = []
    for job in range(JOBS):
        begun = FIRST + timedelta(days=dice.randrange(DAYS))
        known, experiment = dice.random() > 0.02, f"experiment {job % 200}"
        for number in range(DAYS_EACH):
            day, usd = (begun + timedelta(days=number)).isoformat(), dice.randrange(10**11)
            figures = (usd, usd // 3, 1.5, 0.5) if known else (None, None, None, None)
            rows.append((f"j{job:08}", day, "ann", f"train {job}", experiment, f"{job:032x}", *figures))
    with sqlite3.connect(path) as connection:
        connection.executemany("INSERT INTO job_costs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    connection.close()


async def main() -> int:
    """Measure by day, experiment and job; 1 where the two do not agree."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        ledger = JobLedger(path=path)
        await ledger.open()
        fill(path)
        plain = sqlite3.connect(path)
        reports = CostReports(ledger=ledger)
        for by, query in PLAIN.items():
            question = Question(by=by, start="2026-01-01", end="2026-12-31", limit=100, cursor=None)
            ours, theirs = [], []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                found = await reports.report(question, owner="ann")
                ours.append((time.perf_counter() - began) * 1000)
                began = time.perf_counter()
                rows = plain.execute(query, ("ann",)).fetchall()
                theirs.append((time.perf_counter() - began) * 1000)
            total = sum(usd or 0 for _, usd in rows)
            if found.total.usd is None or round(found.total.usd * 1e9) != total or found.total.jobs != JOBS:
                print(f"by {by}: {found.total.usd} is not {total / 1e9}", file=sys.stderr)
                return 1
            report(
                name=f"costs by {by}, {JOBS * DAYS_EACH:,} rows",
                ours=ours,
                baseline=theirs,
                baseline_name="sqlite3 GROUP BY",
                unit="ms",
            )
        plain.close()
        await ledger.close()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
