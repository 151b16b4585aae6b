"""`/services/windlass/`: for those who may see the profiles the admin page, for others what they may use."""

from __future__ import annotations

from typing import ClassVar

from windlass_hub.page import machine_in_words, price_in_words
from windlass_hub.profiles.access import Person, visible
from windlass_hub.profiles.prices import hourly_price
from windlass_hub.profiles.store import StoreError
from windlass_hub.settings import PROFILES_READ

from .template import TemplatePage


class HomePage(TemplatePage):
    """The page that the hub's menu leads to."""

    scopes: ClassVar = {"GET": ()}

    async def get(self) -> None:
        """The page that fits the caller."""
        if self.caller.has(PROFILES_READ):
            self.show("admin.html")
            return
        try:
            snapshot, _ = await self.state.catalogue()
        except StoreError:
            self.show("mine.html", profiles=None)
            return
        person = Person(name=self.caller.name, groups=self.caller.groups)
        catalogue = snapshot.catalogue
        cards = [
            {
                "name": profile.display_name,
                "description": profile.description,
                "machine": machine_in_words(profile),
                "price": price_in_words(hourly_price(profile, catalogue.prices)),
                "is_default": profile.default,
            }
            for profile in visible(catalogue, person)
        ]
        self.show("mine.html", profiles=cards)
