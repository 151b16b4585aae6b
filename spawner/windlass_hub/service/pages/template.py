"""What the service's pages share: their frame, in the hub's look, and refusals that are pages too."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from tornado.web import HTTPError

from windlass_hub.service.auth import PAGE_POLICY, PageHandler
from windlass_hub.service.problems import problem_of
from windlass_hub.settings import COSTS_READ, PROFILES_WRITE


class TemplatePage(PageHandler):
    """Base of the pages."""

    content_policy = f"{PAGE_POLICY}; font-src 'self'"
    """The hub's style sheet brings a font of its icons."""
    here = ""
    """The page's own address below the service's prefix: the navigation marks it."""

    def show(self, template: str, **values: Any) -> None:
        """Answer with a page."""
        caller = getattr(self, "caller", None)
        page = _environment().get_template(template)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(
            page.render(
                prefix=self.hub_auth.base_url,
                hub=self.hub_auth.hub_prefix,
                here=self.here,
                has_promotions=self.state.promoting is not None,
                has_costs=self.state.spending is not None,
                user=caller.name if caller else "",
                xsrf=self.xsrf_token.decode() if caller else "",
                may_write=bool(caller and caller.has(PROFILES_WRITE)),
                may_see_costs=bool(caller and caller.has(COSTS_READ)),
                **values,
            )
        )

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say what is wrong on a page."""
        error = kwargs.get("exc_info", (None, None, None))[1] or HTTPError(status_code)
        problem = problem_of(error, error_id=self.error_id)
        if problem.status == HTTPStatus.METHOD_NOT_ALLOWED:
            super().write_error(status_code, **kwargs)
            return
        self.show("problem.html", title=problem.title, detail=problem.detail)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("windlass_hub", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
