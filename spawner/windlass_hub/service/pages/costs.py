"""`/services/windlass/costs`: what was spent, by whom and for what, and how budgets stand."""

from __future__ import annotations

from typing import ClassVar

from windlass_hub.service.problems import Refused

from .template import TemplatePage


class CostsPage(TemplatePage):
    """The page; its script asks for the rest."""

    scopes: ClassVar = {"GET": ()}
    people_only = True
    here = "costs"

    async def get(self) -> None:
        """The same for everybody: whose costs they see is decided where they ask for them."""
        if self.state.spending is None:
            raise Refused(f"This hub keeps no records of costs. {self.state.spending_problem}")
        self.show("costs.html")
