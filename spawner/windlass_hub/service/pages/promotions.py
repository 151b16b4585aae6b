"""`/services/windlass/promotions`: what waits for somebody's approval, and what was promoted before."""

from __future__ import annotations

from typing import ClassVar

from windlass_hub.service.problems import Refused

from .template import TemplatePage


class PromotionsPage(TemplatePage):
    """The page; its script asks for the rest."""

    scopes: ClassVar = {"GET": ()}
    people_only = True
    here = "promotions"

    async def get(self) -> None:
        """The same for everybody: what they may see and do is decided where they ask for it."""
        if self.state.promoting is None:
            raise Refused("This hub keeps no promotions: its admins have not told it where MLflow is.")
        self.show("promotions.html")
