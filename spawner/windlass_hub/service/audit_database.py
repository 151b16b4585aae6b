"""The audit log's database: opened, migrated, written and read. Blocking; `audit.Audit` calls it from its threads.

SQLite for one hub, PostgreSQL where the admin has one. Several services may start at once (a roll-out): the schema is
brought up inside one locked transaction, and the second finds nothing left to do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, delete, event, insert, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from windlass.ledger.journal import set_journal

from .audit_tables import DecisionRow

MIGRATIONS = Path(__file__).parent / "migrations"
REVISIONS = tuple(sorted(path.name.split("_", 1)[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")))
VERSION_TABLE = "alembic_version"
BUSY_SECONDS = 5
_CONNECT_SECONDS = 5
_SILENT_SECONDS = 30
"""How long what was sent to a database may stay without any sign that it came."""
_MIGRATION_LOCK = 0x57494E44
"""PostgreSQL's advisory lock for the migration; any number of ours."""
_alembic_lock = threading.Lock()  # Alembic's `op` and `context` are module globals.


class DatabaseProblem(Exception):
    """The database cannot be used now; `str()` is a sentence without address and password."""


class RowRefused(DatabaseProblem):
    """The database is there, and does not take what was to be written: it will not take it later either."""


class AuditDatabase:
    """The database behind the log.

    Args:
        url: SQLAlchemy URL, without the password.
        password_file: a file with the password, read at each new connection: it may be rotated.
    """

    def __init__(self, *, url: str, password_file: str = "") -> None:
        self._url = make_url(url)
        self._password_file = password_file
        self._engine: Engine | None = None
        self._opening = threading.Lock()

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        """Append, all or none. Raises DatabaseProblem; RowRefused where another try is no use."""
        self._run(lambda connection: connection.execute(insert(DecisionRow), list(rows)), writing=True)

    def prune(self, *, before_us: int) -> int:
        """Delete what is older; the number of rows. Raises DatabaseProblem."""
        old = delete(DecisionRow).where(DecisionRow.at_us < before_us)
        return int(self._run(lambda connection: connection.execute(old), writing=True).rowcount)

    def latest(self, *, limit: int, before: int | None, who: str | None, action: str | None) -> list[dict[str, Any]]:
        """The newest rows first, below the id `before`. Raises DatabaseProblem."""
        wanted = select(DecisionRow.__table__).order_by(DecisionRow.id.desc()).limit(limit)
        if before is not None:
            wanted = wanted.where(DecisionRow.id < before)
        if who is not None:
            wanted = wanted.where(DecisionRow.who == who)
        if action is not None:
            wanted = wanted.where(DecisionRow.action == action)
        rows = self._run(lambda connection: connection.execute(wanted).mappings().all(), writing=False)
        return [dict(row) for row in rows]

    def run(self, work: Callable[[Connection], Any], *, writing: bool) -> Any:
        """What `work` answers, in a transaction of its own. Raises DatabaseProblem."""
        return self._run(work, writing=writing)

    def close(self) -> None:
        """Give back the connections."""
        if self._engine is not None:
            self._engine.dispose()

    def _run(self, work: Callable[[Connection], Any], *, writing: bool) -> Any:
        try:
            with self._opened().connect().execution_options(writing=writing) as connection, connection.begin():
                return work(connection)
        except (DataError, IntegrityError, UnicodeError) as error:
            raise RowRefused(f"The audit database does not take an entry ({type(error).__name__}).") from error
        except SQLAlchemyError as error:
            raise DatabaseProblem(_sentence(error)) from error
        except (OSError, ImportError) as error:
            raise DatabaseProblem(f"The audit database cannot be opened: {error}") from error

    def _opened(self) -> Engine:
        with self._opening:
            if self._engine is None:
                engine = self._made()
                try:
                    with engine.connect().execution_options(writing=True) as connection, connection.begin():
                        _migrate(connection)
                except BaseException:
                    engine.dispose()
                    raise
                self._engine = engine
            return self._engine

    def _made(self) -> Engine:
        if self._url.get_backend_name() == "sqlite":
            return _sqlite(self._url)
        engine = create_engine(
            self._url,
            pool_size=2,
            max_overflow=0,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args=_connect_arguments(self._url),
        )
        if self._password_file:
            event.listen(engine, "do_connect", self._give_password)
        return engine

    def _give_password(self, _dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
        parameters["password"] = Path(self._password_file).read_text(encoding="utf-8").strip()


def storable(text: str, longest: int | None = None) -> str:
    """What every database can keep: names of users and paths may be odd, and are to be found again all the same."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()[:longest]


def _connect_arguments(url: URL) -> dict[str, Any]:
    """So that a PostgreSQL that is cut off holds up nobody for long; what the URL says is left."""
    driver = url.get_driver_name()
    if driver not in ("psycopg", "psycopg2"):
        return {}
    arguments: dict[str, Any] = {"connect_timeout": _CONNECT_SECONDS, "tcp_user_timeout": 1000 * _SILENT_SECONDS}
    if driver == "psycopg":
        # A pooler between hands each transaction to another connection, which does not know what was prepared.
        arguments["prepare_threshold"] = None
    return {name: value for name, value in arguments.items() if name not in url.query}


def _sqlite(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}, hide_parameters=True
    )

    def prepare(connection: Any, _record: Any) -> None:
        # Transactions are begun by us (below): the driver's own would begin them late and without the write lock.
        connection.isolation_level = None
        set_journal(connection, "WAL", seconds=BUSY_SECONDS)
        connection.execute("PRAGMA synchronous = NORMAL").close()

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    # A reader that took the write lock would wait for every writer.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writing") else "BEGIN")


def _migrate(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    current = _current_revision(connection)
    if current == REVISIONS[-1]:
        return
    if current is not None and current not in REVISIONS:
        raise DatabaseProblem(
            "The audit database was written by a newer version of Windlass, or is another application's: update "
            "Windlass, or give it a database of its own."
        )
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    with _alembic_lock:
        command.upgrade(config, "head")


def _current_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    row = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).first()  # noqa: S608  (a constant)
    return str(row[0]) if row else None


_SENTENCES = (
    (("full", "no space"), "The disk that holds the audit database is full: make room."),
    (("locked",), "The audit database is locked by another process."),
    (
        ("readonly", "read-only"),
        "The audit database cannot be written: make its folder writable for the hub service.",
    ),
    (
        ("unable to open",),
        "The audit database cannot be opened: is its folder there, and writable for the hub service?",
    ),
    (("refused", "could not connect", "resolve"), "The audit database cannot be reached."),
    (("password", "authentication"), "The audit database does not accept the password."),
)


def _sentence(error: SQLAlchemyError) -> str:
    said = str(getattr(error, "orig", None) or error).lower()
    for words, sentence in _SENTENCES:
        if any(word in said for word in words):
            return sentence
    return f"The audit database did not answer ({type(error).__name__})."
