"""Fills an MLflow database with as many runs as a busy team makes in years, in minutes: rows straight into its schema.

Through MLflow's REST interface 100,000 runs with 30 metrics would take most of a day. The tables are those that MLflow
itself made; only rows are written, the same ones each time. SQLite and PostgreSQL.

    python benchmarks/fill_mlflow.py sqlite:////tmp/mlflow.db
    python benchmarks/fill_mlflow.py postgresql+psycopg://postgres@127.0.0.1:5432/mlflow
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import math
import random
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

RUNS_EXPERIMENT = 101
CURVES_EXPERIMENT = 102
METRICS = 30
PARAMS = 10
CURVES = 20
BEGAN_MS = 1_750_000_000_000
RUN_EVERY_MS = 60_000
CURVE_METRIC = "loss"
METRIC_KEYS = (CURVE_METRIC, "accuracy", *(f"val/metric_{number:02}" for number in range(METRICS - 2)))
PARAM_KEYS = ("lr", "optimizer", *(f"param_{number}" for number in range(PARAMS - 2)))
_OPTIMIZERS = ("adam", "sgd", "lion", "adafactor")
_MAKE_TABLES = (
    "import sys, sqlalchemy\nfrom mlflow.store.db.utils import _initialize_tables\n"
    "_initialize_tables(sqlalchemy.create_engine(sys.argv[1]))"
)

Row = Sequence[Any]


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much to write."""

    runs: int = 100_000
    points: int = 100_000
    longest: int = 1_000_000


class Database(Protocol):
    """Where rows go."""

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Write rows."""

    def finish(self) -> None:
        """Make the indexes and the statistics."""


def run_id(number: int) -> str:
    """Id of a run: the same each time, and in no order, as MLflow's own."""
    return hashlib.md5(f"run {number}".encode(), usedforsecurity=False).hexdigest()


def curve_run_ids() -> list[str]:
    """The runs with a long history; the last has the longest."""
    return [run_id(10_000_000 + number) for number in range(CURVES + 1)]


class Sqlite:
    """A database file. Indexes that are not a key are made at the end."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("BEGIN")
        found = self._connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL "
            "AND tbl_name IN ('latest_metrics', 'metrics', 'params', 'tags')"
        )
        self._indexes: list[tuple[str, str]] = found.fetchall()
        for name, _ in self._indexes:
            self._connection.execute(f'DROP INDEX "{name}"')

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Write rows."""
        marks = ", ".join("?" * len(columns))
        self._connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)

    def finish(self) -> None:
        """Make the indexes again, and the statistics without which MLflow's searches read everything."""
        for _, statement in self._indexes:
            self._connection.execute(statement)
        self._connection.execute("COMMIT")
        self._connection.execute("PRAGMA analysis_limit=2000")
        self._connection.execute("ANALYZE")
        # MLflow's own default; readers do not wait for writers.
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.close()


class PostgreSql:
    """A PostgreSQL database, by COPY."""

    def __init__(self, uri: str) -> None:
        import psycopg

        self._connection = psycopg.connect(re.sub(r"^postgresql\+\w+:", "postgresql:", uri))

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Write rows."""
        with (
            self._connection.cursor() as cursor,
            cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)

    def finish(self) -> None:
        """Make the statistics, as its own housekeeping would within minutes."""
        self._connection.commit()
        self._connection.autocommit = True
        self._connection.execute("VACUUM ANALYZE")
        self._connection.close()


def open_database(uri: str) -> Database:
    """The database at an address of SQLAlchemy, with MLflow's tables in it."""
    subprocess.run([sys.executable, "-c", _MAKE_TABLES, uri], check=True, stderr=subprocess.DEVNULL)
    return Sqlite(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:") else PostgreSql(uri)


def fill(uri: str, size: Size, *, say: Callable[[str], None]) -> None:
    """Write everything; MLflow may not run meanwhile."""
    database = open_database(uri)
    database.insert(
        "experiments",
        ("experiment_id", "name", "artifact_location", "lifecycle_stage", "creation_time", "last_update_time"),
        [
            (number, name, f"mlflow-artifacts:/{number}", "active", BEGAN_MS, BEGAN_MS + number)
            for number, name in ((RUNS_EXPERIMENT, "many runs"), (CURVES_EXPERIMENT, "long curves"))
        ],
    )
    tables: list[tuple[str, Sequence[str], Iterator[Row]]] = [
        ("runs", _RUN_COLUMNS, _runs(size)),
        ("latest_metrics", ("key", "value", "timestamp", "step", "is_nan", "run_uuid"), _latest(size)),
        ("metrics", ("key", "value", "timestamp", "step", "is_nan", "run_uuid"), _histories(size)),
        ("params", ("key", "value", "run_uuid"), _params(size)),
        ("tags", ("key", "value", "run_uuid"), _tags(size)),
    ]
    for table, columns, rows in tables:
        began = time.monotonic()
        database.insert(table, columns, rows)
        say(f"{table}: {time.monotonic() - began:.0f} s")
    began = time.monotonic()
    database.finish()
    say(f"indexes and statistics: {time.monotonic() - began:.0f} s")


_RUN_COLUMNS = (
    "run_uuid", "name", "source_type", "source_name", "entry_point_name", "user_id", "status", "start_time",
    "end_time", "source_version", "lifecycle_stage", "artifact_uri", "experiment_id",
)  # fmt: skip


def _started(number: int) -> int:
    return BEGAN_MS + number * RUN_EVERY_MS


def _runs(size: Size) -> Iterator[Row]:
    for number in range(size.runs):
        status = "FAILED" if number % 37 == 0 else "FINISHED"
        yield _run(run_id(number), f"run-{number}", status, _started(number), RUNS_EXPERIMENT)
    for number, curve_run in enumerate(curve_run_ids()):
        yield _run(curve_run, f"curve-{number}", "FINISHED", _started(number), CURVES_EXPERIMENT)


def _run(id_: str, name: str, status: str, started: int, experiment: int) -> Row:
    place = f"mlflow-artifacts:/{experiment}/{id_}/artifacts"
    return (id_, name, "UNKNOWN", "", "", "ada", status, started, started + 1_800_000, "", "active", place, experiment)


def _value(number: int, key: int) -> float:
    return round(abs(math.sin(number * 12.9898 + key * 78.233)), 6)


def _latest(size: Size) -> Iterator[Row]:
    numbers = sorted(range(size.runs), key=run_id)
    ids = [run_id(number) for number in numbers]
    for place, key in sorted(enumerate(METRIC_KEYS), key=lambda entry: entry[1]):
        for number, id_ in zip(numbers, ids, strict=True):
            yield key, _value(number, place), _started(number) + 1000, 0, False, id_
    for curve_run, last in _curve_lengths(size):
        yield CURVE_METRIC, _loss(last - 1), BEGAN_MS + (last - 1) * 10, last - 1, False, curve_run


def _histories(size: Size) -> Iterator[Row]:
    ids = [run_id(number) for number in range(size.runs)]
    for place, key in enumerate(METRIC_KEYS):
        for number, id_ in enumerate(ids):
            yield key, _value(number, place), _started(number) + 1000, 0, False, id_
    for curve_run, last in _curve_lengths(size):
        for step in range(last):
            yield CURVE_METRIC, _loss(step), BEGAN_MS + step * 10, step, False, curve_run


def _curve_lengths(size: Size) -> list[tuple[str, int]]:
    ids = curve_run_ids()
    return [(id_, size.points) for id_ in ids[:-1]] + [(ids[-1], size.longest)]


def _loss(step: int) -> float:
    return round(2.0 / (1 + step / 2000) + 0.1 * math.sin(step * 0.37), 6)


def _params(size: Size) -> Iterator[Row]:
    chance = random.Random(7)
    for number in range(size.runs):
        id_ = run_id(number)
        values = [f"{10 ** -chance.uniform(1, 5):.6f}", chance.choice(_OPTIMIZERS), *map(str, range(PARAMS - 2))]
        yield from ((key, value, id_) for key, value in zip(PARAM_KEYS, values, strict=True))


def _tags(size: Size) -> Iterator[Row]:
    for number in range(size.runs):
        id_ = run_id(number)
        commit = hashlib.sha1(str(number // 50).encode(), usedforsecurity=False).hexdigest()
        history = [{"run_id": id_, "artifact_path": "model", "utc_time_created": "2026-01-01 00:00:00", "flavors": {}}]
        for key, value in (
            ("mlflow.runName", f"run-{number}"),
            ("mlflow.user", ("ada", "grace", "alan")[number % 3]),
            ("mlflow.source.name", f"notebooks/train_{number % 20}.ipynb"),
            ("mlflow.source.type", "NOTEBOOK"),
            ("mlflow.source.git.commit", commit),
            ("windlass.job_id", f"j{number:08}"),
            ("windlass.git.dirty", "false"),
            ("mlflow.log-model.history", json.dumps(history)),
        ):
            yield key, value, id_


def main() -> int:
    """Fill the database of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("uri", help="database address as MLflow takes it; one that is not filled yet")
    for name in ("runs", "points", "longest"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Size(), name))
    given = parser.parse_args()
    size = Size(runs=given.runs, points=given.points, longest=given.longest)
    with contextlib.suppress(KeyboardInterrupt):
        fill(given.uri, size, say=lambda line: print(line, file=sys.stderr, flush=True))
        return 0
    return 130


if __name__ == "__main__":
    sys.exit(main())
