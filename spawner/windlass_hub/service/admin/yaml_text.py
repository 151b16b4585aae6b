"""`admin/catalogue/yaml`: the catalogue as a file to take away, and one to bring back, looked at before it holds."""

from __future__ import annotations

from typing import ClassVar

from windlass_hub.profiles.changes import changes
from windlass_hub.profiles.merging import as_document
from windlass_hub.profiles.model import dump_catalogue
from windlass_hub.profiles.store import Missing, Unreadable
from windlass_hub.service.problems import Missing as NotThere
from windlass_hub.settings import PROFILES_READ, PROFILES_WRITE

from . import documents
from .saving import CatalogueChange

MEDIA_TYPE = "application/yaml; charset=utf-8"


class YamlHandler(CatalogueChange):
    """`api/admin/catalogue/yaml`."""

    scopes: ClassVar = {"GET": (PROFILES_READ,), "PUT": (PROFILES_READ, PROFILES_WRITE)}

    async def get(self) -> None:
        """The text as it is kept, comments and all."""
        try:
            snapshot = await self.state.store.load()
            text, revision = snapshot.text or dump_catalogue(snapshot.catalogue), snapshot.revision
        except Unreadable as error:
            text, revision = error.text, error.revision
        except Missing as error:
            raise NotThere(str(error)) from None
        self.set_header("Content-Type", MEDIA_TYPE)
        self.set_header("Content-Disposition", 'attachment; filename="windlass-profiles.yaml"')
        self.set_header("ETag", f'"{revision}"')
        self.finish(text)

    async def put(self) -> None:
        """Put this text in its place, with `?note=`; with `?dry_run=1` only say what would change."""
        dry = self.query_text("dry_run", most=8) in {"1", "true", "yes"}
        text = self.body_text()
        action = "catalogue.import"
        if not dry:
            self.precondition()
        catalogue = self.understood(text, action=action)
        if not dry:
            note = self.note_of(self.query_text("note")) or "imported"
            await self.save(catalogue, action=action, note=note, text=text)
            return
        differences = documents.told(changes(await self._before(), catalogue))
        self.reply({"changes": differences, "catalogue": as_document(catalogue), "prices": documents.prices(catalogue)})
