"""What a request asks for, read from its path and query as the real server reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.cluster.emulator.errors import ApiError, bad_request, not_served
from tests.cluster.emulator.kinds import Kind, Kinds
from tests.cluster.emulator.tokens import User

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


def flag(query: Mapping[str, str], name: str) -> bool:
    """A parameter that is yes or no; clients spell it differently."""
    return query.get(name) in {"1", "t", "T", "true", "TRUE", "True"}


@dataclass(frozen=True)
class Ask:
    """One request for objects. `namespace` is empty for kinds without, and for lists over all namespaces."""

    verb: str
    kind: Kind
    user: User
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    content_type: str = ""
    body: Any = None

    @property
    def dry_run(self) -> bool:
        options = self.body.get("dryRun") if self.verb == "delete" and isinstance(self.body, dict) else None
        return "All" in (options or [self.query.get("dryRun", "")])

    @property
    def manager(self) -> str:
        return self.query.get("fieldManager") or self.user.agent or "unknown"


def read(
    *,
    method: str,
    path: str,
    query: Mapping[str, str],
    user: User,
    kinds: Kinds,
    content_type: str = "",
    body: Any = None,
) -> Ask:
    """Raises a 404 for what is not served, 405 for a method that does not fit."""
    group, version, rest = _split([unquote(piece) for piece in path.strip("/").split("/")])
    namespace = ""
    # /namespaces/x is the object; /namespaces/x/pods is within it; /namespaces/x/status is the object's again.
    within = len(rest) > 2 and rest[0] == "namespaces" and rest[2] not in {"status", "finalize"}
    if within:
        namespace, rest = rest[1], rest[2:]
    kind = kinds.find(group, version, rest[0]) if rest else None
    if kind is None or len(rest) > 3 or (namespace and not kind.namespaced):
        raise not_served()
    name, subresource = (rest[1] if len(rest) > 1 else ""), (rest[2] if len(rest) > 2 else "")
    if subresource and not (subresource == "status" and kind.status) and subresource not in kind.subresources:
        raise not_served()
    if name and kind.namespaced and not namespace:
        raise not_served()
    verb = _verb(method, name, subresource, watching=flag(query, "watch"))
    if verb == "create" and kind.namespaced and not namespace:
        raise bad_request("an empty namespace may not be set during creation")
    return Ask(verb, kind, user, namespace, name, subresource, query, content_type, body)


def _split(pieces: list[str]) -> tuple[str, str, list[str]]:
    if pieces[0] == "api" and len(pieces) > 2:
        return "", pieces[1], pieces[2:]
    if pieces[0] == "apis" and len(pieces) > 3:
        return pieces[1], pieces[2], pieces[3:]
    raise not_served()


def _verb(method: str, name: str, subresource: str, *, watching: bool) -> str:
    if method == "GET":
        if watching and not subresource:
            return "watch"
        return "get" if name else "list"
    if method == "DELETE" and not subresource:
        return "delete" if name else "deletecollection"
    fits = method in _VERBS and bool(name) == (method != "POST" or bool(subresource))
    if not fits:
        raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    return _VERBS[method]
