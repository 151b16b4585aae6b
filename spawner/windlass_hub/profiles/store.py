"""Where the catalogue is kept: what every store promises, and the shelf that keeps the last good copy.

Two processes read it (the hub at each spawn, the hub service for the admin page) and only the service writes. A store
that cannot be read must not open the door: the last good copy stays in force, and before there ever was one nothing
starts.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from .model import Catalogue, CatalogueError

NOTHING = ""
"""The revision of a document that is not there yet."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The catalogue as it was read.

    Attributes:
        revision: opaque; equal revisions are equal documents. A save must name the one it was made from.
        text: the YAML as it is kept, comments and all.
        owner: who owns the document when it is not ours to write (`Argo CD`, `Helm`, a read-only file), in one
            short name; else None.
    """

    catalogue: Catalogue
    revision: str
    text: str
    owner: str | None = None


@dataclass(frozen=True, kw_only=True)
class Version:
    """One earlier state of the catalogue. `number` grows by one with each save; `text` is its YAML."""

    number: int
    saved_at: datetime
    saved_by: str
    note: str
    text: str


class StoreError(Exception):
    """The store cannot be read or written now; `str()` says which and why."""


class Missing(StoreError):
    """There is no document yet; `str()` says how one is made. A save that names the revision `NOTHING` makes it."""


class Unreadable(CatalogueError):
    """What is kept does not read (a hand edit gone wrong): its text, and the revision a save must name to mend it."""

    def __init__(self, error: CatalogueError, *, revision: str, text: str, owner: str | None) -> None:
        self.revision, self.text, self.owner = revision, text, owner
        super().__init__(error.problems)


class ReadOnly(StoreError):
    """The document belongs to somebody else (GitOps, a read-only file); `str()` says where to change it."""


class SaveConflict(StoreError):
    """Somebody saved in between. `current` is what is kept now, so that the second can be told what changed."""

    def __init__(self, current: Snapshot, message: str = "Somebody else saved in the meantime.") -> None:
        self.current = current
        super().__init__(message)


class Store(Protocol):
    """A place for the catalogue, with optimistic locking. Every call may raise StoreError or CatalogueError."""

    async def load(self) -> Snapshot:
        """Read it. Cheap when nothing changed: unchanged text is not parsed again."""
        ...

    async def save(
        self, catalogue: Catalogue, *, revision: str, by: str, note: str = "", text: str | None = None
    ) -> Snapshot:
        """Write it, if it still is at `revision`. `text` is YAML that reads as `catalogue`, kept as it is (an import).

        Raises:
            SaveConflict: it is not.
            ReadOnly: it is not ours to write.
        """
        ...

    async def history(self) -> list[Version]:
        """The states the document was in, newest first; the first is the one in force."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...


class Shelf:
    """A store read through a last good copy. One per process; safe for concurrent use on one event loop."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.last: Snapshot | None = None
        self.problem: str | None = None
        self.failed_since: float | None = None

    async def read(self) -> Snapshot:
        """The catalogue in force.

        Raises:
            StoreError: it was never read; nothing may start then.
        """
        try:
            self.last = await self.store.load()
        except Exception as error:  # whatever keeps it from being read, the last good copy holds
            self.problem = str(error) or type(error).__name__
            self.failed_since = self.failed_since or time.monotonic()
            if self.last is None:
                raise StoreError(f"The profiles could not be read: {self.problem}") from error
        else:
            self.problem = self.failed_since = None
        return self.last
