"""What the hub process alone may ask, which knows the service by a shared secret; `internal/capacity`: the nodes."""

from __future__ import annotations

import hmac

from windlass_hub.service.answers import AnswerHandler
from windlass_hub.service.problems import Away, NotLoggedIn

_SCHEME = "token "


class InternalHandler(AnswerHandler):
    """Base. No identity of the hub opens it."""

    async def settle(self) -> None:
        """Compare the secret, in constant time; none configured opens nothing."""
        expected = self.state.feed_token
        header = self.request.headers.get("Authorization", "")
        given = header[len(_SCHEME) :].strip() if header[: len(_SCHEME)].lower() == _SCHEME else ""
        if not expected or not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
            raise NotLoggedIn("This is for the hub itself.")


class InternalCapacityHandler(InternalHandler):
    """`api/internal/capacity`: names of nodes and labels are not for everybody."""

    async def get(self) -> None:
        """The newest snapshot."""
        capacity = self.state.capacity
        snapshot = await capacity.snapshot() if capacity else None
        if snapshot is None:
            raise Away((capacity.problem if capacity else None) or "Nothing is known of the capacity yet.")
        self.reply(snapshot)
