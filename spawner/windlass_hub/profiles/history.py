"""The states a catalogue was in, with who and when: the same rules for a file and for a ConfigMap.

Pure: it knows texts and times, not where they are kept. The newest entry is always the text in force: what was edited
by hand since the last save is an entry of its own as soon as somebody looks.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from .model import CatalogueError, load_catalogue
from .store import Snapshot, StoreError, Unreadable, Version

FOUND = "as it was found"
BY_HAND = "edited by hand"
_FORMAT = 1


class HistoryError(StoreError):
    """What is kept as the history is none."""


def revision_of(text: str) -> str:
    """The revision of a text: equal texts, equal revisions, whatever else was touched around them."""
    return hashlib.sha256(text.encode()).hexdigest()


def understood(text: str, *, owner: str | None, known: Snapshot | None) -> Snapshot:
    """A kept text as a snapshot; parsed only where `known` says something else.

    Raises:
        Unreadable: it is no catalogue.
    """
    if known is not None and known.text == text:
        return replace(known, owner=owner)
    revision = revision_of(text)
    try:
        catalogue = load_catalogue(text)
    except CatalogueError as error:
        raise Unreadable(error, revision=revision, text=text, owner=owner) from None
    return Snapshot(catalogue=catalogue, revision=revision, text=text, owner=owner)


@dataclass(frozen=True, kw_only=True)
class History:
    """Versions, newest first; `saving` is the number of a save that was under way when this was written."""

    versions: tuple[Version, ...] = ()
    saving: int | None = None

    def with_current(self, text: str, *, at: datetime) -> History:
        """With `text` as the newest entry: a save that was cut off goes, a hand edit made until `at` is added."""
        versions = self.versions
        if self.saving is not None and self._was_cut_off(text):
            versions = versions[1:]
        if not versions or versions[0].text != text:
            found = Version(
                number=_next(self.versions),
                saved_at=at,
                saved_by="",
                note=BY_HAND if versions else FOUND,
                text=text,
            )
            versions = (found, *versions)
        return History(versions=versions)

    def with_save(self, text: str, *, by: str, note: str, at: datetime, keep: int) -> History:
        """With one more save on top, of which at most `keep` states remain."""
        saved = Version(number=_next(self.versions), saved_at=at, saved_by=by, note=note, text=text)
        return History(versions=(saved, *self.versions)[:keep])

    def while_saving(self) -> History:
        """As it is written before the newest entry is in force."""
        return replace(self, saving=self.versions[0].number) if self.versions else self

    def shortened(self) -> History:
        """Without the oldest entry."""
        return replace(self, versions=self.versions[:-1])

    def dump(self) -> str:
        """As text; `read_history` reads it back."""
        entries = [
            {
                "number": version.number,
                "saved_at": version.saved_at.isoformat(),
                "saved_by": version.saved_by,
                "note": version.note,
                "text": version.text,
            }
            for version in self.versions
        ]
        return json.dumps({"format": _FORMAT, "saving": self.saving, "versions": entries}, ensure_ascii=False, indent=1)

    def _was_cut_off(self, text: str) -> bool:
        if not self.versions or self.versions[0].number != self.saving or self.versions[0].text == text:
            return False
        return len(self.versions) > 1 and self.versions[1].text == text


def read_history(text: str) -> History:
    """The history that `History.dump` wrote; an empty text is an empty one.

    Raises:
        HistoryError: it is something else.
    """
    if not text:
        return History()
    try:
        document = json.loads(text)
        if document["format"] != _FORMAT:
            raise HistoryError(f"The history is of format {document['format']}: a newer Windlass wrote it.")
        saving = document.get("saving")
        return History(
            versions=tuple(_version(entry) for entry in document["versions"]),
            saving=None if saving is None else int(saving),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise HistoryError(f"The history of the profiles does not read: {type(error).__name__}.") from None


def _version(entry: dict[str, object]) -> Version:
    saved_at = datetime.fromisoformat(str(entry["saved_at"]))
    return Version(
        number=int(str(entry["number"])),
        saved_at=saved_at if saved_at.tzinfo else saved_at.replace(tzinfo=timezone.utc),
        saved_by=str(entry["saved_by"]),
        note=str(entry["note"]),
        text=str(entry["text"]),
    )


def _next(versions: tuple[Version, ...]) -> int:
    return max((version.number for version in versions), default=0) + 1
