"""`/services/windlass/`: for those who may see the profiles the admin page, for others what they may use."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import Any, ClassVar

from jinja2 import Environment, PackageLoader, StrictUndefined
from tornado.web import HTTPError

from windlass_hub.page import machine_in_words, price_in_words
from windlass_hub.profiles.access import Person, visible
from windlass_hub.profiles.prices import hourly_price
from windlass_hub.profiles.store import StoreError
from windlass_hub.service.auth import PAGE_POLICY, PageHandler
from windlass_hub.service.problems import problem_of
from windlass_hub.settings import COSTS_READ, PROFILES_READ, PROFILES_WRITE


class HomePage(PageHandler):
    """The one page there is; errors of it are pages too."""

    scopes: ClassVar = {"GET": ()}
    content_policy = f"{PAGE_POLICY}; font-src 'self'"
    """The hub's style sheet brings a font of its icons."""

    async def get(self) -> None:
        """The page that fits the caller."""
        if self.caller.has(PROFILES_READ):
            self._show("admin.html")
            return
        try:
            snapshot, _ = await self.state.catalogue()
        except StoreError:
            self._show("mine.html", profiles=None)
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
        self._show("mine.html", profiles=cards)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say what is wrong on a page."""
        error = kwargs.get("exc_info", (None, None, None))[1] or HTTPError(status_code)
        problem = problem_of(error, error_id=self.error_id)
        if problem.status == HTTPStatus.METHOD_NOT_ALLOWED:
            super().write_error(status_code, **kwargs)
            return
        self._show("problem.html", title=problem.title, detail=problem.detail)

    def _show(self, template: str, **values: Any) -> None:
        caller = getattr(self, "caller", None)
        page = _environment().get_template(template)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(
            page.render(
                prefix=self.hub_auth.base_url,
                hub=self.hub_auth.hub_prefix,
                user=caller.name if caller else "",
                xsrf=self.xsrf_token.decode() if caller else "",
                may_write=bool(caller and caller.has(PROFILES_WRITE)),
                may_see_costs=bool(caller and caller.has(COSTS_READ)),
                **values,
            )
        )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("windlass_hub", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
