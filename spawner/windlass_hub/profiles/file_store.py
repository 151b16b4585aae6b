"""The catalogue in a YAML file beside the hub: for hubs without Kubernetes, and for configuration management.

The file is the admin's: it may be edited by hand at any time, and keeps its mode. History and lock are in files beside
it whose names start with a dot. Reading takes no lock: the file is replaced in one step.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from stat import S_IMODE

from .history import History, HistoryError, read_history, revision_of, understood
from .model import Catalogue, CatalogueError, Problem, dump_catalogue, load_catalogue
from .store import NOTHING, Missing, ReadOnly, SaveConflict, Snapshot, StoreError, Unreadable, Version
from .whole_file import locked, owner_of, replace_text

log = logging.getLogger(__name__)

EXAMPLES = Path(__file__).with_name("examples.yaml")
LARGEST_BYTES = 4 * 1024 * 1024
_SETTLED_SECONDS = 2.0
"""Younger than this, a file may change again without a new time stamp: it is read once more."""


@dataclass(frozen=True, kw_only=True)
class _Read:
    """What the file held; `mark` tells whether it may have changed since, None where it cannot tell yet."""

    text: str
    at: datetime
    mark: tuple[int, int, int, int] | None
    is_text: bool


class FileStore:
    """A `Store` in one file. Safe for several processes on one machine."""

    def __init__(self, path: str | os.PathLike[str], *, keep_versions: int) -> None:
        self.path = Path(path).expanduser().absolute()
        self._keep = keep_versions
        self._read: _Read | None = None
        self._snapshot: Snapshot | None = None

    async def load(self) -> Snapshot:
        """See `Store.load`. A stat when nothing changed.

        Raises:
            Missing: there is no such file.
            StoreError: it cannot be read.
            Unreadable: it is no catalogue.
        """
        return await asyncio.to_thread(self._load)

    async def save(
        self, catalogue: Catalogue, *, revision: str, by: str, note: str = "", text: str | None = None
    ) -> Snapshot:
        """See `Store.save`."""
        if text is not None and load_catalogue(text) != catalogue:
            raise ValueError("The text does not read as the catalogue it is to be kept for.")
        written = dump_catalogue(catalogue) if text is None else text
        return await asyncio.to_thread(self._save, written, revision, by, note)

    async def history(self) -> list[Version]:
        """See `Store.history`."""
        return await asyncio.to_thread(self._history)

    async def close(self) -> None:
        """Nothing is held open."""

    def _load(self) -> Snapshot:
        return self._understood(self._current(), owner=owner_of(self.path))

    def _current(self) -> _Read:
        """The text as it is now; read again only where the file may have changed."""
        known = self._read
        try:
            mark = _mark(self.path)
            if known is None or mark != known.mark:
                known = self._read = _read(self.path, mark)
        except FileNotFoundError:
            raise Missing(
                f"There is no file {self.path}: copy {EXAMPLES} there and edit it, or start from the examples on the "
                "Windlass admin page."
            ) from None
        except OSError as error:
            raise StoreError(f"The profiles in {self.path} cannot be read: {_why(error)}.") from error
        return known

    def _understood(self, read: _Read, *, owner: str | None) -> Snapshot:
        """Parsed, or as parsed before where it says the same."""
        known = self._snapshot
        if known is None or known.text != read.text or known.owner != owner:
            if not read.is_text:
                error = CatalogueError([Problem(path="", message=f"{self.path} is no UTF-8 text.")])
                raise Unreadable(error, revision=revision_of(read.text), text=read.text, owner=owner)
            known = self._snapshot = understood(read.text, owner=owner, known=known)
        return known

    def _save(self, text: str, revision: str, by: str, note: str) -> Snapshot:
        if owner := owner_of(self.path):
            raise ReadOnly(f"The profiles are in {owner}, {self.path}: change them where that comes from.")
        target = self.path.resolve()
        try:
            with locked(self._beside("lock")):
                self._write(target, text, revision, by, note)
        except OSError as error:
            raise StoreError(f"The profiles could not be saved to {self.path}: {_why(error)}.") from error
        return self._load()

    def _write(self, target: Path, text: str, revision: str, by: str, note: str) -> None:
        now = datetime.now(timezone.utc)
        mode, owner, history = 0o644, None, History()
        try:
            before = self._current()
        except Missing:
            if revision != NOTHING:
                raise
        else:
            if revision != revision_of(before.text):
                raise SaveConflict(self._understood(before, owner=None))
            if before.text == text:
                return
            facts = target.stat()
            mode, owner = S_IMODE(facts.st_mode), (facts.st_uid, facts.st_gid)
            history = self._kept_history().with_current(before.text, at=before.at)
        history = history.with_save(text, by=by, note=note, at=now, keep=self._keep)
        # The history first, marked: a save that is cut off between the two is then known for what it is.
        replace_text(self._beside("history.json"), history.while_saving().dump(), mode=0o600)
        replace_text(target, text, mode=mode, owner=owner)
        try:
            replace_text(self._beside("history.json"), history.dump(), mode=0o600)
        except OSError as error:  # the save itself holds, and the marked history says the same
            log.warning("The history of %s could not be tidied after a save: %s", self.path, _why(error))

    def _history(self) -> list[Version]:
        current = self._current()
        try:
            kept = read_history(_text_of(self._beside("history.json")))
        except HistoryError as error:
            log.warning("%s", error)
            kept = History()
        except OSError as error:
            raise StoreError(f"The history of {self.path} cannot be read: {_why(error)}.") from error
        return list(kept.with_current(current.text, at=current.at).versions)

    def _kept_history(self) -> History:
        """The history on disk; one that does not read is put aside, not written over."""
        place = self._beside("history.json")
        try:
            return read_history(_text_of(place))
        except HistoryError as error:
            aside = place.with_name(f"{place.name}.broken-{int(time.time())}")
            place.replace(aside)
            log.warning("%s It is kept as %s, and a new history begins.", error, aside)
            return History()

    def _beside(self, what: str) -> Path:
        target = self.path.resolve()
        return target.with_name(f".{target.name}.{what}")


def _mark(path: Path) -> tuple[int, int, int, int]:
    facts = path.stat()
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns


def _read(path: Path, mark: tuple[int, int, int, int]) -> _Read:
    if mark[2] > LARGEST_BYTES:
        raise StoreError(f"{path} is larger than {LARGEST_BYTES >> 20} MiB: that is no catalogue of profiles.")
    changed = mark[3] / 1e9
    settled = time.time() - changed > _SETTLED_SECONDS
    content = path.read_bytes()
    text = content.decode(errors="replace")
    return _Read(
        text=text,
        at=datetime.fromtimestamp(changed, timezone.utc),
        mark=mark if settled else None,
        is_text=text.encode() == content,
    )


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise HistoryError("The history of the profiles is no text.") from None


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
