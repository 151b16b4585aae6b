"""What a hub or an admin plugs into a Jupyter server, small: identities with names, and an authorizer that says no."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth import Authorizer
from jupyter_server.auth.identity import IdentityProvider, User


class HeaderIdentity(IdentityProvider):
    """Whoever the header names, as behind a proxy that has logged them in; nobody without it."""

    def get_user(self, handler: Any) -> User | None:
        name = handler.request.headers.get("X-User")
        return User(username=name) if name else None

    def is_token_authenticated(self, handler: Any) -> bool:
        return "X-Xsrf" not in handler.request.headers


class ReadersAndOthers(Authorizer):
    """`nobody` may do nothing with Windlass, `reader` may only read."""

    def is_authorized(self, handler: Any, user: User, action: str, resource: str) -> bool:
        if resource != "windlass" or user.username == "nobody":
            return False
        return user.username != "reader" or action == "read"
