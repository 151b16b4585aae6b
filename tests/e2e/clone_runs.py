"""Makes thousands of runs of one, past MLflow's REST interface, which makes some fifty a second.

    clone_runs.py DATABASE RUN COUNT

The clones are called `n-0000`, `n-0001` … and are in the run's experiment; the metric `score` of each is its number.
"""

from __future__ import annotations

import sqlite3
import sys
import uuid


def main() -> None:
    """Write them."""
    path, run_id, count = sys.argv[1:]
    clones = [(uuid.uuid4().hex, number) for number in range(int(count))]
    with sqlite3.connect(path, timeout=60) as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(runs)")]
        others = ", ".join(column for column in columns if column not in ("run_uuid", "name"))
        database.executemany(
            f"INSERT INTO runs (run_uuid, name, {others}) SELECT ?, ?, {others} FROM runs WHERE run_uuid = ?",
            [(clone, f"n-{number:04}", run_id) for clone, number in clones],
        )
        database.executemany(
            "INSERT INTO latest_metrics (run_uuid, value, key, timestamp, step, is_nan) "
            "VALUES (?, ?, 'score', 1, 0, 0)",
            clones,
        )


if __name__ == "__main__":
    main()
