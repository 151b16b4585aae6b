"""Who is in which group, as the hub says: asked for all at once now and then, and kept while the hub is away."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping

log = logging.getLogger("windlass_hub.spending")

ASKED_SECONDS = 300.0
HubUsers = Callable[[], AsyncIterator[tuple[str, Collection[str]]]]
"""All users with their groups. Raises HubAway."""


class HubAway(Exception):
    """The hub does not say now; `str()` is a sentence."""


class People:
    """The hub's users.

    Args:
        users: asks the hub.
        clock: monotonic seconds.
    """

    def __init__(self, users: HubUsers, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._users = users
        self._clock = clock
        self._asked_at: float | None = None
        self._known: Mapping[str, frozenset[str]] | None = None

    async def look(self) -> None:
        """Ask the hub where it is time to."""
        now = self._clock()
        if self._asked_at is not None and now - self._asked_at < ASKED_SECONDS and self._known is not None:
            return
        self._asked_at = now
        try:
            self._known = {name: frozenset(groups) async for name, groups in self._users()}
        except HubAway as error:
            log.info("Users' groups are those of before: %s", error)

    @property
    def names(self) -> Collection[str]:
        """All that are known."""
        return self._known.keys() if self._known is not None else ()

    def groups_of(self, name: str) -> frozenset[str] | None:
        """The groups of a user; None while nobody has said."""
        return None if self._known is None else self._known.get(name, frozenset())
