"""Routes that are imported when the first request for them comes.

The handlers bring pydantic models and the services with them, a quarter of a second that a Jupyter server start need
not wait for. This module imports tornado alone, which is there already.
"""

from __future__ import annotations

import importlib
from typing import Any

from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest
from tornado.routing import PathMatches, Rule, RuleRouter
from tornado.web import Application


class LazyRoutes(RuleRouter):
    """All routes of Windlass under the base URL."""

    def __init__(self, *, application: Application, base_url: str) -> None:
        super().__init__()
        self._application = application
        self._base_url = base_url.rstrip("/")

    def load(self) -> None:
        """Import the handlers; safe to call again, and from another thread ahead of the first request."""
        if self.rules:
            return
        routes = importlib.import_module("windlass.handlers.routes")
        rules = [Rule(PathMatches(self._base_url + pattern), handler) for pattern, handler in routes.patterns()]
        # In one step: a request that comes while another thread is at it finds all routes or none, never the first few.
        self.rules = [self.process_rule(rule) for rule in rules]

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> HTTPMessageDelegate | None:
        """The handler of a request."""
        self.load()
        return super().find_handler(request, **kwargs)

    def get_target_delegate(
        self, target: Any, request: HTTPServerRequest, **target_params: Any
    ) -> HTTPMessageDelegate | None:
        """Serve with the handler class that a rule names."""
        return self._application.get_handler_delegate(request, target, **target_params)
