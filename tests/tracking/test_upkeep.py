"""SQLite's statistics, on a real database."""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from windlass.tracking.upkeep import Upkeep, analyze, count_runs

QUESTION = "SELECT * FROM runs WHERE a = 1 AND b = 77"

NUMBERS = itertools.count()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE runs (a, b)")
        connection.execute("CREATE INDEX by_a ON runs (a)")
        connection.execute("CREATE INDEX by_b ON runs (b)")
        connection.executemany("INSERT INTO runs VALUES (1, ?)", [(i,) for i in range(5000)])
        connection.commit()
    return path


def plan(connection: sqlite3.Connection) -> str:
    """The index that a query uses; EXPLAIN alone, or repeated, would answer from what the connection remembers."""
    connection.execute(QUESTION).fetchall()
    return connection.execute(f"EXPLAIN QUERY PLAN {QUESTION} -- {next(NUMBERS)}").fetchone()[3]


def test_connections_that_are_open_follow_the_new_statistics(database: Path) -> None:
    with closing(sqlite3.connect(database)) as open_one:
        analyze(database)
        assert "by_b" in plan(open_one)
        open_one.execute("UPDATE runs SET a = b, b = 1")
        open_one.commit()
        assert "by_b" in plan(open_one)
        analyze(database)
        assert "by_a" in plan(open_one)


def test_statistics_are_refreshed_when_the_runs_have_grown(database: Path) -> None:
    upkeep = Upkeep(database)
    assert upkeep.refresh()
    assert not upkeep.refresh()
    with closing(sqlite3.connect(database)) as connection:
        connection.executemany("INSERT INTO runs VALUES (2, ?)", [(i,) for i in range(1300)])
        connection.commit()
    assert upkeep.refresh()


def test_busy_missing_or_foreign_databases_are_left_for_later(database: Path, tmp_path: Path) -> None:
    assert count_runs(tmp_path / "none.db") == 0
    assert not Upkeep(tmp_path / "none.db").refresh()
    (tmp_path / "other.db").write_bytes(b"not a database at all, only some text that is long enough" * 10)
    assert not Upkeep(tmp_path / "other.db").refresh()
    with closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert not Upkeep(database).refresh()
