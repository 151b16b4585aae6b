"""The ledger's file: migrated by whoever comes first, moved aside when damaged, never written when newer."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from windlass.errors import StorageFull, Unavailable
from windlass.ledger import migrate
from windlass.ledger.database import Database
from windlass.ledger.filesystems import is_network_folder
from windlass.ledger.jobs import JobLedger
from windlass.ledger.tables import Base


async def opened(path: Path) -> Database:
    database = Database(path=path)
    await database.open()
    return database


async def test_the_migrations_make_exactly_the_tables_of_the_models(tmp_path: Path) -> None:
    await (await opened(tmp_path / "ledger.db")).close()
    engine = create_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()


def test_the_newest_known_revision_is_alembics_head() -> None:
    scripts = ScriptDirectory(str(migrate.MIGRATIONS))
    assert scripts.get_heads() == [migrate.NEWEST]
    assert {script.revision for script in scripts.walk_revisions()} == set(migrate.REVISIONS)


async def test_the_file_is_for_its_owner_alone_and_in_wal_mode(tmp_path: Path) -> None:
    database = await opened(tmp_path / "ledger.db")
    assert (tmp_path / "ledger.db").stat().st_mode & 0o077 == 0
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    await database.close()


async def test_on_a_network_file_system_there_is_no_wal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("windlass.ledger.database.is_network_folder", lambda _: True)
    database = await opened(tmp_path / "ledger.db")
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    connection.close()
    await database.close()


class Mount(NamedTuple):
    """The part of psutil's answer that is looked at."""

    mountpoint: str
    fstype: str


@pytest.mark.parametrize(
    ("mounts", "folder", "network"),
    [
        ([("/", "ext4"), ("/home", "nfs4")], "/home/ann", True),
        ([("/", "ext4"), ("/home", "nfs4")], "/homes/ann", False),
        ([("/", "nfs"), ("/tmp", "tmpfs")], "/tmp/x", False),
        ([("/", "ext4"), ("/data", "ext4"), ("/data", "CIFS")], "/data", True),
        ([("/", "overlay"), ("/mnt", "fuse.sshfs"), ("/mnt/local", "xfs")], "/mnt/local/a", False),
        ([], "/anywhere", False),
    ],
)
def test_network_file_systems_are_told_by_the_mount_on_top(
    mounts: list[tuple[str, str]], folder: str, network: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: [Mount(*mount) for mount in mounts])
    assert is_network_folder(Path(folder)) is network


async def test_eight_that_open_at_once_migrate_once(tmp_path: Path) -> None:
    databases = await asyncio.gather(*(opened(tmp_path / "ledger.db") for _ in range(8)))
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        assert connection.execute("SELECT count(*) FROM ledger").fetchone() == (1,)
    connection.close()
    for database in databases:
        await database.close()


OPEN = """
import asyncio, pathlib, sys
from windlass.ledger.jobs import JobLedger
async def main():
    ledger = JobLedger(path=pathlib.Path(sys.argv[1]))
    await ledger.open()
    print((await ledger.changes(owner="a", epoch=None, since=0)).epoch)
    await ledger.close()
asyncio.run(main())
"""


def test_processes_that_open_at_once_share_one_ledger(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPEN, str(tmp_path / "ledger.db")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    epochs = {process.communicate(timeout=60)[0] for process in processes}
    assert [process.returncode for process in processes] == [0] * 4
    assert len(epochs) == 1


@pytest.mark.parametrize("damage", ["text", "header", "middle"])
async def test_a_damaged_file_is_moved_aside_whole(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "ledger.db"
    database = await opened(path)
    await database.close()
    content = path.read_bytes()
    broken = {
        "text": b"not a database at all" * 500,
        "header": b"\xff" * 100 + content[100:],
        "middle": content[:4096] + b"\xff" * (len(content) - 4096),
    }[damage]
    path.write_bytes(broken)
    ledger = JobLedger(path=path)
    aside = await ledger.open()
    assert aside is not None
    assert aside.read_bytes() == broken
    assert (await ledger.changes(owner="a", epoch=None, since=0)).jobs == []
    await ledger.close()


async def test_a_newer_file_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await (await opened(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'from the future'")
        connection.commit()
    connection.close()
    with pytest.raises(Unavailable, match="newer version"):
        await opened(path)
    assert list(tmp_path.glob("*.damaged*")) == []


async def test_a_folder_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be"):
        await opened(tmp_path / "file" / "ledger.db")
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(Unavailable, match="cannot be"):
        await opened(tmp_path / "folder.db")


async def test_a_full_disk_is_said_to_be_one(tmp_path: Path) -> None:
    database = await opened(tmp_path / "ledger.db")

    def fill(session: Any) -> None:
        connection = session.connection()
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
        connection.exec_driver_sql("CREATE TABLE filler (content BLOB)")
        for _ in range(100):
            connection.exec_driver_sql("INSERT INTO filler VALUES (zeroblob(100000))")

    with pytest.raises(StorageFull, match="make room"):
        await database.write(fill)
    await database.close()


async def test_after_the_end_there_is_a_sentence_and_no_hang(tmp_path: Path) -> None:
    database = await opened(tmp_path / "ledger.db")
    await database.close()
    with pytest.raises((Unavailable, RuntimeError)):
        await database.write(lambda _: None)


async def test_the_writes_of_another_process_are_noticed_and_ones_own_are_not(tmp_path: Path) -> None:
    mine, other = await opened(tmp_path / "ledger.db"), await opened(tmp_path / "ledger.db")
    before = await mine.foreign_changes()
    await mine.write(lambda session: session.connection().exec_driver_sql("UPDATE ledger SET sequence = 1") and None)
    assert await mine.foreign_changes() == before
    await other.write(lambda session: session.connection().exec_driver_sql("UPDATE ledger SET sequence = 2") and None)
    assert await mine.foreign_changes() != before
    await mine.close()
    await other.close()


async def test_a_question_that_the_file_cannot_answer_is_a_sentence_too(tmp_path: Path) -> None:
    """`foreign_changes` asks without SQLAlchemy; its errors have to be ours all the same."""
    database = await opened(tmp_path / "ledger.db")
    await database.write(lambda session: session.connection().engine.dispose())
    (tmp_path / "ledger.db").unlink()
    (tmp_path / "ledger.db").mkdir()
    with pytest.raises(Unavailable):
        await database.foreign_changes()
    await database.close()
