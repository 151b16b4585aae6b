"""`admin/preview`: the pod a profile would give, also of a catalogue that is not saved yet."""

from __future__ import annotations

from typing import ClassVar

import yaml

from windlass_hub.profiles.model import Catalogue, CatalogueError
from windlass_hub.profiles.options import Choice
from windlass_hub.service.auth import ServiceHandler
from windlass_hub.service.problems import InvalidRequest
from windlass_hub.settings import PROFILES_READ

from . import documents
from .catalogue import object_of
from .saving import invalid


class PreviewHandler(ServiceHandler):
    """`api/admin/preview`."""

    scopes: ClassVar = {"POST": (PROFILES_READ,)}

    async def post(self) -> None:
        """The pod of `{"catalogue", "profile", "image"}` as YAML; the catalogue in force when none is sent."""
        sent = object_of(self.json_body())
        try:
            catalogue = documents.read(sent["catalogue"]) if "catalogue" in sent else None
        except CatalogueError as error:
            raise invalid(error) from None
        if catalogue is None:
            catalogue = (await self.state.catalogue())[0].catalogue
        choice = _choice(catalogue, profile=sent.get("profile"), image=sent.get("image"))
        from windlass_hub.preview import preview_pod  # KubeSpawner takes half a second to import

        pod = await preview_pod(choice, catalogue)
        self.reply({"yaml": yaml.safe_dump(pod, sort_keys=False, allow_unicode=True, width=100)})


def _choice(catalogue: Catalogue, *, profile: object, image: object) -> Choice:
    found = catalogue.profile(profile) if isinstance(profile, str) else None
    if found is None:
        message = "There is no such profile in the catalogue."
        raise InvalidRequest(message, fields=[("profile", message)])
    slug = image if image is not None else next(iter(found.images), None)
    if slug is None:
        return Choice(profile=found, image=None, image_slug=None)
    offered = catalogue.image(slug) if isinstance(slug, str) and slug in found.images else None
    if offered is None:
        message = "This profile does not offer that image."
        raise InvalidRequest(message, fields=[("image", message)])
    return Choice(profile=found, image=offered.image, image_slug=offered.slug)
