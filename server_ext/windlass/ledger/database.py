"""The ledger's file: opened, migrated, repaired, and reached only from its own threads.

One thread writes, so that this process never waits for itself; a few read. SQLite's own locks stand between servers
that share the file. Nothing here knows what is in the tables.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from windlass.errors import StorageFull, Unavailable, WindlassError
from windlass.ledger.filesystems import is_network_folder
from windlass.ledger.journal import set_journal
from windlass.ledger.migrate import migrate

T = TypeVar("T")

BUSY_SECONDS = 15
"""How long to wait for another server's write."""
READERS = 2
CORRUPT = (11, 26)
"""SQLite's primary result codes: damaged, and no database at all. Those below are others of them."""
FULL = 13
READ_ONLY = 8
CANNOT_OPEN = 14


class Database:
    """The file, and the threads that work on it."""

    def __init__(self, *, path: Path) -> None:
        self.path = path
        self.set_aside: Path | None = None
        """Where a damaged file was moved when this was opened; then the ledger started empty."""
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="windlass-ledger-writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="windlass-ledger-reader")
        self._write_engine: Engine | None = None
        self._read_engine: Engine | None = None

    async def open(self) -> None:
        """Open and migrate; a damaged file is moved aside. Raises Unavailable and StorageFull."""
        await asyncio.get_running_loop().run_in_executor(self._writer, _translating(self._open))

    async def write(self, work: Callable[[Session], T]) -> T:
        """Run `work` in one write transaction, after all writes asked for before it."""
        return await asyncio.get_running_loop().run_in_executor(
            self._writer, _translating(lambda: _transact(self._write_engine, work))
        )

    async def read(self, work: Callable[[Session], T]) -> T:
        """Run `work` on a consistent view of the file."""
        return await asyncio.get_running_loop().run_in_executor(
            self._readers, _translating(lambda: _transact(self._read_engine, work))
        )

    async def foreign_changes(self) -> int:
        """A number that is another one after a different process has written to the file."""

        def ask() -> int:
            if self._write_engine is None:
                return 0
            # Outside any transaction: inside one the answer would stay the same.
            connection = self._write_engine.raw_connection()
            try:
                return int(connection.cursor().execute("PRAGMA data_version").fetchone()[0])
            finally:
                connection.close()

        return await asyncio.get_running_loop().run_in_executor(self._writer, _translating(ask))

    async def close(self) -> None:
        """Finish what is under way and let go of the file."""

        def dispose() -> None:
            for engine in (self._write_engine, self._read_engine):
                if engine is not None:
                    engine.dispose()
            self._write_engine = self._read_engine = None

        await asyncio.to_thread(self._readers.shutdown)
        await asyncio.get_running_loop().run_in_executor(self._writer, dispose)
        self._writer.shutdown()

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._connect()
        except DatabaseError as error:
            if _sqlite_code(error) not in CORRUPT:
                raise
            self.set_aside = _move_aside(self.path)
            self._connect()

    def _connect(self) -> None:
        journal = "DELETE" if is_network_folder(self.path.parent) else "WAL"
        engine = _make_engine(self.path, journal=journal, begin="BEGIN IMMEDIATE", connections=1)
        try:
            with engine.begin() as connection:
                verdict = connection.execute(text("PRAGMA quick_check(1)")).scalar_one()
                if verdict != "ok":
                    raise DatabaseError("quick_check", None, _corruption(str(verdict)))
                migrate(connection)
        except BaseException:
            engine.dispose()
            raise
        self.path.chmod(0o600)
        self._write_engine = engine
        self._read_engine = _make_engine(self.path, journal=journal, begin="BEGIN", connections=READERS)


def _make_engine(path: Path, *, journal: str, begin: str, connections: int) -> Engine:
    engine = create_engine(
        f"sqlite+pysqlite:///{path}",
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )

    def prepare(dbapi_connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
        # Transactions are begun by us (below): the driver's own would begin them late and without the write lock.
        dbapi_connection.isolation_level = None
        set_journal(dbapi_connection, journal, seconds=BUSY_SECONDS)
        cursor = dbapi_connection.cursor()
        for pragma in ("foreign_keys = ON", "synchronous = NORMAL"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _transact(engine: Engine | None, work: Callable[[Session], T]) -> T:
    if engine is None:
        raise Unavailable("The job ledger is closed: the server is shutting down.")
    with Session(engine, expire_on_commit=False) as session, session.begin():
        return work(session)


def _translating(work: Callable[[], T]) -> Callable[[], T]:
    """Turn the database's errors into ours, with a sentence each."""

    def run() -> T:
        try:
            return work()
        except DatabaseError as error:
            raise _domain_error(error) from error
        except sqlite3.Error as error:  # Of a connection asked without SQLAlchemy.
            raise _domain_error(DatabaseError(None, None, error)) from error
        except OSError as error:
            raise Unavailable(f"The job ledger cannot be opened: {error.strerror}.") from error

    return run


def _domain_error(error: DatabaseError) -> WindlassError:
    code = _sqlite_code(error)
    if code == FULL:
        return StorageFull("The disk that holds the job ledger is full: make room, then try again.")
    if code in CORRUPT:
        return Unavailable(
            "The job ledger is damaged. Restart the Jupyter server: it is then rebuilt from the jobs on disk."
        )
    if code in (READ_ONLY, CANNOT_OPEN):
        return Unavailable("The job ledger cannot be written: make the Windlass data folder writable for you.")
    return Unavailable("The job ledger did not answer; try again. (Is another process holding it locked?)")


def _sqlite_code(error: DatabaseError) -> int | None:
    """The primary result code; told by the words before Python 3.11."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return int(code) & 0xFF
    words = str(error.orig)
    known = {"full": FULL, "malformed": 11, "not a database": 26, "readonly": READ_ONLY, "unable to open": CANNOT_OPEN}
    return next((value for word, value in known.items() if word in words), None)


def _corruption(verdict: str) -> sqlite3.DatabaseError:
    return sqlite3.DatabaseError(f"database disk image is malformed: {verdict}")


def _move_aside(path: Path) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    path.replace(aside)
    for suffix in ("-wal", "-shm", "-journal"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.replace(aside.with_name(aside.name + suffix))
    return aside
