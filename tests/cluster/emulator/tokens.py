"""Who asks: the admin, the fake kubelet, and ServiceAccounts with the tokens TokenRequest gave them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.cluster.emulator.errors import ApiError, invalid
from tests.cluster.emulator.kinds import SERVICE_ACCOUNTS
from tests.cluster.emulator.storage import Storage
from tests.cluster.emulator.times import rfc3339

LEAST_SECONDS = 600
AUDIENCE = "https://kubernetes.default.svc"


@dataclass(frozen=True)
class User:
    """An authenticated account. `agent` is the program's name, the field manager where none is given."""

    name: str
    groups: tuple[str, ...] = ()
    agent: str = ""

    @property
    def unlimited(self) -> bool:
        return "system:masters" in self.groups


class Tokens:
    """Makes and checks bearer tokens; `clock` gives POSIX seconds."""

    def __init__(self, *, storage: Storage, clock: Callable[[], float]) -> None:
        self._storage = storage
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._fixed: dict[str, User] = {}
        self.admin = self.add("admin", groups=("system:masters",))
        self.kubelet = self.add("windlass:fake-kubelet", groups=("system:masters",))

    def add(self, name: str, *, groups: tuple[str, ...] = ()) -> str:
        """A token that never expires, for a user of that name."""
        token = secrets.token_urlsafe(24)
        self._fixed[token] = User(name, (*groups, "system:authenticated"))
        return token

    def revoke(self, token: str) -> None:
        self._fixed.pop(token, None)

    def who(self, authorization: str, agent: str) -> User:
        """Raises a 401."""
        token = authorization.removeprefix("Bearer ").strip()
        known = self._fixed.get(token) or self._service_account(token)
        if known is None:
            raise ApiError(401, "Unauthorized", "Unauthorized")
        return User(known.name, known.groups, agent)

    def request(self, account: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Answer a TokenRequest for a ServiceAccount. Raises a 422 for a life shorter than ten minutes."""
        metadata, spec = account["metadata"], body.get("spec") or {}
        seconds = int(spec.get("expirationSeconds") or 3600)
        if seconds < LEAST_SECONDS:
            why = f"Invalid value: {seconds}: may not specify a duration less than 10 minutes"
            raise invalid(SERVICE_ACCOUNTS, metadata["name"], [("spec.expirationSeconds", why)])
        audiences = spec.get("audiences") or [AUDIENCE]
        now = int(self._clock())
        claims = {
            "aud": audiences,
            "exp": now + seconds,
            "iat": now,
            "iss": AUDIENCE,
            "kubernetes.io": {
                "namespace": metadata["namespace"],
                "serviceaccount": {"name": metadata["name"], "uid": metadata["uid"]},
            },
            "sub": f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}",
        }
        return {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
            "spec": {"audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": None},
            "status": {"token": self._signed(claims), "expirationTimestamp": rfc3339(now + seconds)},
        }

    def _signed(self, claims: dict[str, Any]) -> str:
        head = f"{_encoded({'alg': 'HS256', 'typ': 'JWT'})}.{_encoded(claims)}"
        return f"{head}.{self._signature(head)}"

    def _signature(self, head: str) -> str:
        digest = hmac.new(self._key, head.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def _service_account(self, token: str) -> User | None:
        head, dot, signature = token.rpartition(".")
        if not dot or not hmac.compare_digest(signature, self._signature(head)):
            return None
        text = head.partition(".")[2]
        claims = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        bound = claims["kubernetes.io"]
        namespace, account = bound["namespace"], bound["serviceaccount"]
        there = self._storage.get(SERVICE_ACCOUNTS, namespace, account["name"])
        if claims["exp"] <= self._clock() or AUDIENCE not in claims["aud"]:
            return None
        if there is None or there["metadata"]["uid"] != account["uid"]:
            return None
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        return User(claims["sub"], groups)


def _encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
