"""The web application: routes, settings, and how requests are logged. What stands behind the routes is `state.py`."""

from __future__ import annotations

import hashlib
import hmac
import logging
from typing import Any

from jupyterhub.services.auth import HubOAuth
from tornado.httpserver import HTTPServer
from tornado.web import Application, RedirectHandler, RequestHandler

from . import admin, pages
from .answers import LARGEST_BODY_BYTES, UnknownHandler
from .auth import CallbackHandler
from .handlers.routes import ROUTES
from .limits import RateLimit
from .state import ServiceState

log = logging.getLogger("windlass_hub.service.access")

_SLOW_SECONDS = 2.0


def make_app(state: ServiceState, hub_auth: HubOAuth) -> Application:
    """All routes below the service's prefix.

    Args:
        state: the parts.
        hub_auth: as `auth.make_hub_auth` makes it; its `base_url` is the prefix.
    """
    prefix = str(hub_auth.base_url)
    routes = [(r"oauth_callback", CallbackHandler), *ROUTES, *admin.ROUTES, *pages.ROUTES]
    return Application(
        [
            *((prefix + pattern, handler) for pattern, handler in routes),
            (prefix.rstrip("/"), RedirectHandler, {"url": prefix, "permanent": False}),
        ],
        default_handler_class=UnknownHandler,
        windlass=state,
        windlass_limits=_limits(),
        hub_auth=hub_auth,
        cookie_secret=cookie_secret(str(hub_auth.api_token)),
        # Also for handlers that would forget it; ServiceHandler knows when none is needed.
        xsrf_cookies=True,
        log_function=_log_request,
    )


def _limits() -> dict[str, RateLimit]:
    # A Kubernetes token lives for ten minutes at least; who asks much more often has lost their way.
    return {
        "token": RateLimit(burst=10, seconds=30),
        "metrics": RateLimit(burst=60, seconds=1),
        "promotions": RateLimit(burst=30, seconds=2),
        "costs": RateLimit(burst=60, seconds=1),
        "registrations": RateLimit(burst=30, seconds=2),
        "model-reads": RateLimit(burst=200, seconds=0.2),
    }


def make_server(application: Application) -> HTTPServer:
    """The HTTP server, with bounds on what it takes in."""
    return HTTPServer(
        application,
        # What is too large is passed over, not kept: more than this is no mistake any more.
        max_body_size=64 * LARGEST_BODY_BYTES,
        max_header_size=64 * 1024,
        idle_connection_timeout=120,
        body_timeout=60,
    )


def cookie_secret(api_token: str) -> bytes:
    """Signs our cookies: the same after a restart with the same token, and in every replica; known to nobody else."""
    return hmac.new(api_token.encode(), b"windlass hub service cookies", hashlib.sha256).digest()


def _log_request(handler: RequestHandler) -> None:
    # The path alone: a query may hold an OAuth code.
    milliseconds = 1000 * handler.request.request_time()
    status = handler.get_status()
    caller: Any = getattr(handler, "caller", None)
    # What is away says so in its own problem; a 500 is ours.
    troubled = status == 500 or milliseconds > 1000 * _SLOW_SECONDS
    log.log(
        logging.WARNING if troubled else logging.DEBUG,
        "%s %s -> %d in %.0f ms for %r",
        handler.request.method,
        handler.request.path,
        status,
        milliseconds,
        caller.who if caller else "nobody",
    )
