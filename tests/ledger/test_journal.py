"""How a file's journal is set while another writes to the file: the two files that servers share."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from windlass.ledger import journal
from windlass.ledger.database import Database
from windlass.ledger.journal import set_journal
from windlass_hub.service.audit_database import AuditDatabase


async def open_ledger(path: Path) -> None:
    database = Database(path=path)
    await database.open()
    await database.close()


async def open_hub_database(path: Path) -> None:
    database = AuditDatabase(url=f"sqlite:///{path}")
    assert database.latest(limit=1, before=None, who=None, action=None) == []
    database.close()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Another server's connection, which holds the write lock of a file that has just been made."""
    connection = sqlite3.connect(tmp_path / "shared.db", isolation_level=None, check_same_thread=False)
    connection.execute("CREATE TABLE others (at INTEGER)")
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


@pytest.mark.parametrize("open_file", [open_ledger, open_hub_database])
async def test_a_file_that_another_server_writes_to_is_waited_for(
    open_file: Callable[[Path], Awaitable[None]],
    writer: sqlite3.Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        if not waited:
            writer.execute("COMMIT")
        waited.append(seconds)

    monkeypatch.setattr(journal, "time", SimpleNamespace(monotonic=time.monotonic, sleep=sleep))
    await open_file(tmp_path / "shared.db")
    assert waited
    later = sqlite3.connect(tmp_path / "shared.db")
    assert later.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    later.close()


def test_a_writer_that_never_ends_is_waited_for_only_so_long(writer: sqlite3.Connection, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "shared.db", isolation_level=None)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        set_journal(connection, "WAL", seconds=0.05)
    writer.execute("COMMIT")
    set_journal(connection, "WAL", seconds=0.05)
    connection.close()


def test_another_error_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "shared.db").write_bytes(b"no database at all" * 100)
    connection = sqlite3.connect(tmp_path / "shared.db")
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        set_journal(connection, "WAL", seconds=60)
    connection.close()
