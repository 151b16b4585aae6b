"""`prices`, `images`, `profiles`: what the catalogue offers, to whom."""

from __future__ import annotations

from windlass.contract.hub import (
    CatalogueImage,
    ImageList,
    Prices,
    ProfileAvailability,
    ProfileGpu,
    ProfileList,
    UserProfile,
)
from windlass.kube.quantities import parse_bytes, parse_quantity
from windlass_hub.profiles.access import Person, visible
from windlass_hub.profiles.availability import CapacitySnapshot, room_for
from windlass_hub.profiles.model import Catalogue, Gpu, Profile
from windlass_hub.profiles.prices import hourly_price
from windlass_hub.service.auth import ServiceHandler, needs


class PricesHandler(ServiceHandler):
    """`api/prices`."""

    scopes = needs(GET=())

    async def get(self) -> None:
        """What things cost per hour."""
        snapshot, stale = await self.state.catalogue()
        prices = snapshot.catalogue.prices
        self.reply(Prices(**prices.model_dump(), revision=snapshot.revision, stale=stale))


class ImagesHandler(ServiceHandler):
    """`api/images`."""

    scopes = needs(GET=())

    async def get(self) -> None:
        """The images that servers and jobs may use."""
        snapshot, stale = await self.state.catalogue()
        items = [CatalogueImage(**image.model_dump(mode="json")) for image in snapshot.catalogue.images]
        self.reply(ImageList(items=items, revision=snapshot.revision, stale=stale))


class ProfilesHandler(ServiceHandler):
    """`api/profiles`."""

    scopes = needs(GET=())
    people_only = True

    async def get(self) -> None:
        """The profiles that the caller may use, with price and room."""
        snapshot, stale = await self.state.catalogue()
        capacity = await self.state.capacity.snapshot() if self.state.capacity else None
        person = Person(name=self.caller.name, groups=self.caller.groups)
        items = [_shown(profile, snapshot.catalogue, capacity) for profile in visible(snapshot.catalogue, person)]
        self.reply(ProfileList(items=items, revision=snapshot.revision, stale=stale))


def _shown(profile: Profile, catalogue: Catalogue, capacity: CapacitySnapshot | None) -> UserProfile:
    room = room_for(profile, capacity)
    return UserProfile(
        slug=profile.slug,
        display_name=profile.display_name,
        description=profile.description,
        cpu_cores=float(parse_quantity(profile.cpu)),
        memory_bytes=parse_bytes(profile.memory),
        gpu=_gpu(profile.gpu) if profile.gpu else None,
        spot=profile.spot,
        interface=profile.interface,
        images=list(profile.images),
        usd_per_hour=hourly_price(profile, catalogue.prices),
        availability=ProfileAvailability(
            free=room.free,
            total=room.total,
            starts_node=room.starts_node,
            minutes=room.minutes,
            sentence=room.sentence,
            impossible=room.impossible,
        ),
    )


def _gpu(gpu: Gpu) -> ProfileGpu:
    return ProfileGpu(product=gpu.product, count=gpu.count, mode=gpu.mode, resource=gpu.resource_name, cards=gpu.cards)
