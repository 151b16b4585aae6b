"""Who asks the service, and whether they may: settled before a byte of the body is kept.

A handler says per HTTP method which scopes it needs; what it does not name is not offered. The scopes looked at are
those of the token that was sent (or of the browser's own token), as the hub tells them: a hub admin, a user's server
and a read-only token each hold only what they hold. Cookies count only with the XSRF token; with a token in the
Authorization header no cookie is looked at.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

from jupyterhub.httpclient import JupyterHubHTTPClient
from jupyterhub.services.auth import HubOAuth, HubOAuthCallbackHandler, HubOAuthenticated, UserNotAllowed, check_scopes
from tornado.web import HTTPError

from windlass_hub.settings import ACCESS_SERVICE

from .answers import AnswerHandler
from .limits import RateLimit
from .problems import Away, NotLoggedIn, Refused

_NUMBER = re.compile(r"/[0-9]+(?=/|$)")
_BEARER = re.compile(r"(?:token|bearer)\s+(\S+)\s*", re.IGNORECASE)
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
UNKNOWN = "(unknown)"
"""Who is written down for a request that was refused before anybody was known; no name of a user."""
REMEMBERED_SECONDS = 30
"""How long a reading request trusts what the hub said of a token; a changing one asks the hub anew each time."""
HUB_SECONDS = 10.0
"""How long the hub may take to say whose a token is."""
_READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Whoever asks, as the hub says. `admin` is None where the hub does not tell it to this token."""

    name: str
    kind: str
    groups: frozenset[str]
    scopes: frozenset[str]
    admin: bool | None

    @property
    def who(self) -> str:
        """For the audit log: a service is told from a user of the same name."""
        return self.name if self.kind == "user" else f"service:{self.name}"

    def has(self, scope: str) -> bool:
        """Whether the token that was sent holds `scope`."""
        return bool(check_scopes({scope}, set(self.scopes)))


def needs(**scopes: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """What a handler offers: by HTTP method, the scopes that are all needed."""
    return MappingProxyType(scopes)


class ServiceHandler(HubOAuthenticated, AnswerHandler):  # type: ignore[misc]  # jupyterhub has no types
    """Base of every handler that somebody must be known to ask."""

    scopes: ClassVar[Mapping[str, tuple[str, ...]]] = needs()
    """By HTTP method, the scopes that are all needed; an empty tuple: anybody with access to the service."""
    people_only = False
    """Whether only users may ask, not other services."""

    caller: Caller

    def initialize(self) -> None:
        """Take the hub's authentication from the application: nothing here is a process-wide singleton."""
        super().initialize()
        self.hub_auth = self.settings["hub_auth"]
        self._settling = False

    @property
    def verbs(self) -> tuple[str, ...]:
        """The HTTP methods offered here."""
        return tuple(self.scopes)

    async def settle(self) -> None:
        """Settle who asks, whether they may, and whether the body may come. Raises a ServiceError."""
        method = str(self.request.method)
        if method not in self.scopes:
            raise HTTPError(405)
        if self.request.headers.get("Sec-Fetch-Mode") == "websocket":
            raise HTTPError(400)  # There are none here, and jupyterhub would take a token in the address from them.
        self._settling = True
        try:
            self.check_xsrf_cookie()
        except HTTPError:
            self._audit_refusal(reason="a cookie without the XSRF token")
            raise
        model = await self._identified(method)
        if model is None:
            self.turn_away()
            return
        self.current_user = model
        self.caller = make_caller(model)
        self._refuse_without_right(method)
        self.refuse_announced()

    def turn_away(self) -> None:
        """Answer somebody who is not logged in."""
        raise NotLoggedIn("Log in to the hub first, or send a token of yours in the Authorization header.")

    def check_xsrf_cookie(self) -> None:
        """As JupyterHub does, for who comes with a cookie and no token of their own."""
        if self._settling and self._bearer() is None and self.hub_auth.get_token(self, in_cookie=True):
            super().check_xsrf_cookie()

    def get_current_user(self) -> Any:
        """Nobody, until `prepare` has asked the hub."""
        return None

    def audit(self, action: str, *, target: str = "", decision: str = "allowed", **detail: Any) -> None:
        """Write a decision about this request down; `detail` must hold no secret."""
        # Before the hub was asked nobody is known: what a cookie says counts for nothing then.
        who = self.caller.who if hasattr(self, "caller") else UNKNOWN
        self.state.audit.record(who=who, action=action, target=target, decision=decision, detail=detail)

    def limit(self, what: str) -> None:
        """Count one request of the caller's. Raises TooMany when they ask for this too often."""
        limit: RateLimit = self.settings["windlass_limits"][what]
        limit.take(self.caller.who)

    def _bearer(self) -> str | None:
        match = _BEARER.fullmatch(self.request.headers.get("Authorization", ""))
        return match[1] if match else None

    async def _identified(self, method: str) -> dict[str, Any] | None:
        try:
            model = await asyncio.wait_for(self._model(method), HUB_SECONDS)
        except (HTTPError, asyncio.TimeoutError) as error:
            raise Away("The hub cannot say who you are now; try again.") from error
        if model is None:
            return None
        try:
            allowed: dict[str, Any] | None = self.check_hub_user(model)
        except UserNotAllowed:
            self.caller = make_caller(model)
            self._audit_refusal(missing=", ".join(sorted(self.hub_auth.access_scopes)))
            raise Refused("You have no access to this service: ask an admin of the hub for it.") from None
        return allowed

    async def _model(self, method: str) -> dict[str, Any] | None:
        fresh = method not in _READING
        token = self._bearer()
        if token is not None:
            return await self._ask(token, fresh=fresh)
        model: dict[str, Any] | None = await self.hub_auth.get_user(self, sync=False)
        if model is not None and fresh:
            return await self._ask(self.hub_auth.get_token(self, in_cookie=True), fresh=True)
        return model

    async def _ask(self, token: str, *, fresh: bool) -> dict[str, Any] | None:
        session = self.hub_auth.get_session_id(self)
        model: dict[str, Any] | None = await self.hub_auth.user_for_token(
            token, use_cache=not fresh, session_id=session, sync=False
        )
        return model

    def _refuse_without_right(self, method: str) -> None:
        if self.people_only and self.caller.kind != "user":
            self._audit_refusal(reason="only for people")
            raise Refused("Only a user can ask this, with a token of their own.")
        missing = [scope for scope in self.scopes[method] if not self.caller.has(scope)]
        if missing:
            self._audit_refusal(missing=", ".join(missing))
            raise Refused(f"This needs the permission {' and '.join(missing)}, which your token does not hold.")

    def _audit_refusal(self, **detail: str) -> None:
        # Without its numbers: repeats are counted by action, and there are a thousand million addresses of versions.
        action = f"{self.request.method} {_NUMBER.sub('/N', self.request.path)}"
        self.audit(action, decision="refused", **detail)


class PageHandler(ServiceHandler):
    """Base of the pages for browsers: whoever is not logged in is sent to the hub and back."""

    content_policy = PAGE_POLICY

    def turn_away(self) -> None:
        """Send to the hub's login; only who looks at a page can come back from there."""
        if self.request.method not in _READING:
            super().turn_away()
        self.answer_instead(self._to_login)

    async def _to_login(self, *_path: str) -> None:
        self.redirect(self.get_login_url())


class CallbackHandler(HubOAuthCallbackHandler, AnswerHandler):  # type: ignore[misc]  # jupyterhub has no types
    """The end of the login: the hub sends the browser here with a code."""

    def initialize(self) -> None:
        """Take the hub's authentication from the application."""
        super().initialize()
        self.hub_auth = self.settings["hub_auth"]

    def get_current_user(self) -> Any:
        """Nobody: whoever comes here is about to be known."""
        return None


def make_hub_auth(**traits: Any) -> HubOAuth:
    """The hub's authentication, configured by the environment that JupyterHub gives its services."""
    auth = HubOAuth(cache_max_age=REMEMBERED_SECONDS, **traits)
    if not auth.access_scopes:
        # Without any, jupyterhub lets everybody in whom the hub knows.
        auth.access_scopes = {ACCESS_SERVICE}
    return auth


async def close_hub_auth() -> None:
    """Close the connections with which the hub was asked; jupyterhub keeps them per event loop."""
    await JupyterHubHTTPClient.loop_instance().close()


def make_caller(model: Mapping[str, Any]) -> Caller:
    """Who a token belongs to, of what the hub answered."""
    admin = model.get("admin")
    return Caller(
        name=str(model["name"]),
        kind=str(model.get("kind", "user")),
        groups=frozenset(model.get("groups") or ()),
        scopes=frozenset(model.get("scopes") or ()),
        admin=admin if isinstance(admin, bool) else None,
    )
