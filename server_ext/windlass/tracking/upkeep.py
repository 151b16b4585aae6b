"""Keeps the embedded MLflow's database quick: SQLite's statistics, refreshed when the runs have grown.

Without them a search of runs by a metric takes a plan that reads everything: 22 s instead of 0.23 s over 20,000 runs.
Standard library only.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_ROWS_PER_INDEX = 2000
_FIRST_RUNS = 50
_GROWTH = 1.25


def analyze(database: Path) -> None:
    """Refresh the statistics; the database is locked for writing only briefly, as each index is sampled.

    The table of statistics is made anew: connections that are open read it again only when the schema changes.
    Raises sqlite3.Error, as when the database is busy.
    """
    with closing(sqlite3.connect(database, timeout=2.0, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA analysis_limit={_ROWS_PER_INDEX}")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DROP TABLE IF EXISTS sqlite_stat1")
        connection.execute("ANALYZE")
        connection.execute("COMMIT")


def count_runs(database: Path) -> int:
    """How many runs there are; 0 when the database is not there yet. Raises sqlite3.Error."""
    if not database.exists():
        return 0
    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", timeout=2.0, uri=True)) as connection:
        row = connection.execute("SELECT count(*) FROM runs").fetchone()
    return int(row[0])


class Upkeep:
    """Decides when the statistics are due."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._runs_then = 0

    def refresh(self) -> bool:
        """Refresh the statistics if the runs have grown by a quarter since; answers whether it did. Never raises."""
        try:
            runs = count_runs(self._database)
            if runs < max(_FIRST_RUNS, self._runs_then * _GROWTH):
                return False
            analyze(self._database)
        except sqlite3.Error:
            return False
        self._runs_then = runs
        return True
