"""How every change of the catalogue is made: its precondition, its refusals in words, and a line in the audit log.

One way for edits, imports and restores, so that none of them forgets one of these.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from windlass_hub.profiles.changes import changes
from windlass_hub.profiles.fields import Text
from windlass_hub.profiles.history import revision_of
from windlass_hub.profiles.merging import as_document, merge
from windlass_hub.profiles.model import Catalogue, CatalogueError, load_catalogue
from windlass_hub.profiles.store import NOTHING, ReadOnly, SaveConflict, Snapshot, StoreError
from windlass_hub.service.auth import ServiceHandler
from windlass_hub.service.problems import Clash, InvalidRequest, PreconditionRequired, ServiceError, Stale

from . import documents

LONGEST_NOTE = 500
_NOTE: TypeAdapter[str] = TypeAdapter(Annotated[Text, Field(max_length=LONGEST_NOTE)])


class InvalidCatalogue(ServiceError):
    """The catalogue that was sent breaks a rule; the fields say which."""

    status, code, title = 422, "invalid-catalogue", "The catalogue cannot be used as it is"


class CatalogueChange(ServiceHandler):
    """Base of what changes the catalogue."""

    def precondition(self) -> str:
        """The revision this change was made from, of `If-Match`; `If-None-Match: *` where nothing is there yet.

        Raises:
            PreconditionRequired: neither is there.
        """
        if self.request.headers.get("If-None-Match", "").strip() == "*":
            return NOTHING
        tag = self.request.headers.get("If-Match", "").strip()
        if tag in {"", "*"}:
            raise PreconditionRequired("Send the revision you edited as If-Match, so that nobody's change is lost.")
        return tag.removeprefix("W/").strip('"')

    def note_of(self, note: object) -> str:
        """Why somebody changed it, in one line at most. Raises InvalidRequest."""
        text = "" if note is None else note
        try:
            return " ".join(_NOTE.validate_python(text).split())
        except ValidationError:
            message = f"A note is text of {LONGEST_NOTE} characters at most, without hidden characters."
            raise InvalidRequest(message, fields=[("note", message)]) from None

    def understood(self, document: object, *, action: str) -> Catalogue:
        """What was sent, as a catalogue. Raises InvalidCatalogue, and audits it."""
        try:
            return load_catalogue(document) if isinstance(document, str) else documents.read(document)
        except CatalogueError as error:
            self.audit(action, decision="refused", reason="invalid", problem=str(error))
            raise invalid(error) from None

    async def save(
        self, catalogue: Catalogue, *, action: str, note: str, base: object = None, text: str | None = None
    ) -> None:
        """Write it and answer with what is kept now.

        Args:
            catalogue: what is to hold.
            action: for the audit log.
            note: why.
            base: the document the edit began from; with it a conflict can say what the other changed.
            text: YAML to keep as it is.

        Raises:
            Stale: somebody else saved; what they changed and how both fit together is in it.
            Clash: the document is not ours to write.
            StoreError: it could not be written.
        """
        revision = self.precondition()
        before = await self._before()
        try:
            saved = await self.state.store.save(catalogue, revision=revision, by=self.caller.who, note=note, text=text)
        except SaveConflict as conflict:
            self.audit(action, target=revision, decision="refused", reason="somebody else saved")
            raise await self._stale(conflict, mine=catalogue, base=base, revision=revision) from None
        except ReadOnly as error:
            self.audit(action, target=revision, decision="refused", reason=str(error))
            raise Clash(str(error), extra={"read_only": True}) from None
        except StoreError as error:
            self.audit(action, target=revision, decision="failed", reason=str(error))
            raise
        differences = changes(before, saved.catalogue)
        self.audit(
            action, target=saved.revision, note=note, changes="\n".join(map(str, differences)), count=len(differences)
        )
        self.set_header("ETag", f'"{saved.revision}"')
        self.reply({**documents.of_snapshot(saved), "changes": documents.told(differences)})

    async def _before(self) -> Catalogue:
        try:
            return (await self.state.store.load()).catalogue
        except (StoreError, CatalogueError):
            return load_catalogue({})

    async def _stale(self, conflict: SaveConflict, *, mine: Catalogue, base: object, revision: str) -> Stale:
        current = conflict.current
        start = await self._base(base, revision=revision)
        extra: dict[str, Any] = {
            "revision": current.revision,
            "current": as_document(current.catalogue),
            "mine": as_document(mine),
            **await self._by_whom(current),
            "changes": documents.told(changes(start or mine, current.catalogue)),
            "merged": None,
            "clashes": [],
        }
        if start is not None:
            merged = merge(start, mine, current.catalogue)
            extra["merged"] = merged.document
            extra["clashes"] = [
                {"path": list(clash.path), "mine": clash.mine, "theirs": clash.theirs} for clash in merged.clashes
            ]
        return Stale(str(conflict), extra=extra)

    async def _base(self, sent: object, *, revision: str) -> Catalogue | None:
        """What the edit began from: as sent, else as the history knows it."""
        try:
            if sent is not None:
                return documents.read(sent)
            texts = (version.text for version in await self.state.store.history())
            found = next((text for text in texts if revision_of(text) == revision), None)
            return None if found is None else load_catalogue(found)
        except (CatalogueError, StoreError):
            return None

    async def _by_whom(self, current: Snapshot) -> dict[str, str | None]:
        try:
            newest = (await self.state.store.history())[0]
        except (StoreError, IndexError):
            return {"saved_by": None, "saved_at": None, "note": None}
        if newest.text != current.text:
            return {"saved_by": None, "saved_at": None, "note": None}
        return {"saved_by": newest.saved_by, "saved_at": newest.saved_at.isoformat(), "note": newest.note}


def invalid(error: CatalogueError) -> InvalidCatalogue:
    """The same as a problem with fields."""
    return InvalidCatalogue(str(error), fields=[(problem.path, problem.message) for problem in error.problems])
