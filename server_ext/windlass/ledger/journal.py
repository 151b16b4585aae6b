"""Setting how an SQLite file keeps its journal, while others open the same file."""

from __future__ import annotations

import sqlite3
import time

_LOOK_SECONDS = 0.01


def set_journal(connection: sqlite3.Connection, mode: str, *, seconds: float) -> None:
    """Set the journal mode, waiting up to `seconds` for those who write. Raises sqlite3.OperationalError.

    SQLite's own timeout does not hold for this. A change of mode reads the file first and then asks for all of it;
    where another writes in between, SQLite refuses at once, since of two that waited like that neither would ever go
    on. The refused one has let go of its own lock, so that waiting out here is safe.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            connection.execute(f"PRAGMA journal_mode = {mode}").close()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= deadline:
                raise
        time.sleep(_LOOK_SECONDS)
