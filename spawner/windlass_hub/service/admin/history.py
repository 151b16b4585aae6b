"""`admin/history`: the states the catalogue was in, what each changed, and how to go back to one."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar

from windlass_hub.profiles.changes import changes
from windlass_hub.profiles.merging import as_document
from windlass_hub.profiles.model import Catalogue, CatalogueError, load_catalogue
from windlass_hub.profiles.store import Missing, Version
from windlass_hub.service.auth import ServiceHandler
from windlass_hub.service.problems import Missing as NotThere
from windlass_hub.settings import PROFILES_READ, PROFILES_WRITE

from . import documents
from .catalogue import object_of
from .saving import CatalogueChange, invalid


class HistoryHandler(ServiceHandler):
    """`api/admin/history`."""

    scopes: ClassVar = {"GET": (PROFILES_READ,)}

    async def get(self) -> None:
        """Every state that is kept, newest first, with what it changed of the one before."""
        try:
            versions = await self.state.store.history()
        except Missing:
            versions = []
        older: list[Version | None] = [*versions[1:], None]
        pairs = zip(versions, older, strict=True)
        items = [_listed(version, before, in_force=index == 0) for index, (version, before) in enumerate(pairs)]
        self.reply({"versions": items, "keep_versions": self.state.settings.keep_versions})


class VersionHandler(ServiceHandler):
    """`api/admin/history/{number}`."""

    scopes: ClassVar = {"GET": (PROFILES_READ,)}

    async def get(self, number: str) -> None:
        """One state, and what going back to it would change."""
        versions = await self.state.store.history()
        version = find(versions, number)
        catalogue = _parsed(version.text)
        now = _parsed(versions[0].text) or load_catalogue({})
        self.reply(
            {
                **_facts(version),
                "in_force": version.number == versions[0].number,
                "text": version.text,
                "catalogue": as_document(catalogue) if catalogue else None,
                "changes": documents.told(changes(now, catalogue)) if catalogue else None,
            }
        )


class RestoreHandler(CatalogueChange):
    """`api/admin/history/{number}/restore`."""

    scopes: ClassVar = {"POST": (PROFILES_READ, PROFILES_WRITE)}

    async def post(self, number: str) -> None:
        """Put that state in force again, as a new one; If-Match names the revision that is in force now."""
        self.precondition()
        sent = object_of(self.json_body())
        version = find(await self.state.store.history(), number)
        try:
            catalogue = load_catalogue(version.text)
        except CatalogueError as error:
            self.audit("catalogue.restore", target=number, decision="refused", reason="invalid", problem=str(error))
            raise invalid(error) from None
        note = self.note_of(sent.get("note")) or f"back to version {version.number}"
        await self.save(catalogue, action="catalogue.restore", note=note, text=version.text)


def find(versions: list[Version], number: str) -> Version:
    """The version of that number. Raises Missing."""
    found = next((version for version in versions if version.number == int(number)), None)
    if found is None:
        raise NotThere(f"Version {int(number)} is not kept: only the last ones are.")
    return found


def _listed(version: Version, before: Version | None, *, in_force: bool) -> dict[str, Any]:
    new, old = _parsed(version.text), _parsed(before.text) if before else None
    told: list[str] | None = None
    if before is not None and new is not None and old is not None:
        told = [str(change) for change in changes(old, new)]
    return {**_facts(version), "in_force": in_force, "readable": new is not None, "changes": told}


def _facts(version: Version) -> dict[str, Any]:
    return {
        "number": version.number,
        "saved_at": version.saved_at.isoformat(),
        "saved_by": version.saved_by or None,
        "note": version.note,
    }


@lru_cache(maxsize=256)
def _parsed(text: str) -> Catalogue | None:
    """Versions never change, and a list of twenty would otherwise be parsed at each look."""
    try:
        return load_catalogue(text)
    except CatalogueError:
        return None
