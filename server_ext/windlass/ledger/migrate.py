"""Brings the ledger's file to the newest schema, whoever comes first.

All migrations run inside one `BEGIN IMMEDIATE` transaction: of two servers that start at once the second waits and
then finds nothing left to do, and one that is killed half-way leaves the old schema behind. Alembic is imported only
when there is something to migrate; it costs a tenth of a second.
"""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import Connection, text

from windlass.errors import Unavailable

MIGRATIONS = Path(__file__).parent / "migrations"
REVISIONS = tuple(sorted(path.name.split("_", 1)[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")))
NEWEST = REVISIONS[-1]

_alembic_lock = threading.Lock()  # Alembic's `op` and `context` are module globals.


def migrate(connection: Connection) -> None:
    """Upgrade inside the caller's write transaction. Raises Unavailable when the file is of a newer Windlass."""
    current = _current_revision(connection)
    if current == NEWEST:
        return
    if current is not None and current not in REVISIONS:
        raise Unavailable(
            "The job ledger was written by a newer version of Windlass. Update Windlass in this environment, or set "
            "WINDLASS_DATA_DIR to another folder."
        )
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    with _alembic_lock:
        command.upgrade(config, "head")


def _current_revision(connection: Connection) -> str | None:
    known = connection.execute(text("SELECT name FROM sqlite_master WHERE name = 'alembic_version'")).first()
    if known is None:
        return None
    row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
    return str(row[0]) if row else None
