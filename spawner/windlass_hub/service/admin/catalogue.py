"""`admin/catalogue`: the whole document, read, checked while it is typed, and written."""

from __future__ import annotations

from typing import Any, ClassVar

from windlass_hub.profiles.changes import changes
from windlass_hub.profiles.model import CatalogueError
from windlass_hub.profiles.store import StoreError
from windlass_hub.service.answers import LARGEST_BODY_BYTES
from windlass_hub.service.auth import ServiceHandler
from windlass_hub.service.problems import InvalidRequest
from windlass_hub.settings import PROFILES_READ, PROFILES_WRITE

from . import documents
from .saving import CatalogueChange


class CatalogueHandler(CatalogueChange):
    """`api/admin/catalogue`."""

    scopes: ClassVar = {"GET": (PROFILES_READ,), "PUT": (PROFILES_READ, PROFILES_WRITE)}
    largest_body_bytes = 2 * LARGEST_BODY_BYTES
    """The document, and the one the edit began from."""

    async def get(self) -> None:
        """The document in force; its revision is the ETag."""
        document = await documents.current(self.state)
        self.set_header("ETag", f'"{document["revision"]}"')
        self.reply(document)

    async def put(self) -> None:
        """Put another in its place: `{"catalogue", "note", "base"}`, made from the revision in If-Match."""
        self.precondition()
        sent = object_of(self.json_body())
        note = self.note_of(sent.get("note"))
        catalogue = self.understood(sent.get("catalogue"), action="catalogue.save")
        await self.save(catalogue, action="catalogue.save", note=note, base=sent.get("base"))


class ValidateHandler(ServiceHandler):
    """`api/admin/catalogue/validate`."""

    scopes: ClassVar = {"POST": (PROFILES_READ,)}
    largest_body_bytes = 2 * LARGEST_BODY_BYTES

    async def post(self) -> None:
        """What is wrong with `{"catalogue"}`, what it changes of what is in force, and what its profiles cost."""
        sent = object_of(self.json_body())
        try:
            catalogue = documents.read(sent.get("catalogue"))
        except CatalogueError as error:
            self.reply({"problems": documents.problems(error), "changes": [], "prices": {}})
            return
        differences = documents.told(changes(await self._in_force(sent.get("base")), catalogue))
        self.reply({"problems": [], "changes": differences, "prices": documents.prices(catalogue)})

    async def _in_force(self, base: object) -> Any:
        try:
            if base is not None:
                return documents.read(base)
            return (await self.state.store.load()).catalogue
        except (CatalogueError, StoreError):
            return documents.read({})


def object_of(body: object) -> dict[str, Any]:
    """A JSON object. Raises InvalidRequest for anything else."""
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.")
    return body
