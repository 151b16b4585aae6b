"""How many servers of a profile run or start now, and who holds a place.

A profile may say how many of its servers may run at once. The hub is one process with one event loop, so a count and a
claim with no `await` between them cannot be overtaken. Nothing is counted up and down: the spawners themselves are
looked at, so that a failed start, a renamed user or a restart of the hub leaves no wrong number behind.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any, Protocol

from sqlalchemy.exc import SQLAlchemyError

from .profiles.model import Profile


class Holder(Protocol):
    """What is looked at of a spawner."""

    profile_store: str
    orm_spawner: Any
    user: Any

    @property
    def name(self) -> str:
        """Of the server; empty for a user's default server."""
        ...

    @property
    def profile_slug(self) -> str | None:
        """The profile it starts or runs with; None when it does neither."""
        ...


_holders: weakref.WeakSet[Any] = weakref.WeakSet()


def remember(holder: Holder) -> None:
    """From now on `holder` is looked at."""
    _holders.add(holder)


def full(profile: Profile, holder: Holder) -> str | None:
    """Why `holder` may not have one more server of this profile; None when it may. Its own place does not count."""
    if profile.max_servers is None and profile.max_servers_per_user is None:
        return None
    me = (holder.user.name, holder.name)
    others = {key for key in _taken(profile.slug, holder.profile_store) if key != me}
    if profile.max_servers is not None and len(others) >= profile.max_servers:
        count = profile.max_servers
        which = "The only server" if count == 1 else f"All {count} servers"
        return (
            f"{which} of {profile.display_name} that may run at once {'is' if count == 1 else 'are'} taken: "
            "wait until one is stopped, or choose another."
        )
    mine = sum(key[0] == me[0] for key in others)
    if profile.max_servers_per_user is not None and mine >= profile.max_servers_per_user:
        return (
            f"You have {mine} server{'' if mine == 1 else 's'} of {profile.display_name}, as many as you may: "
            "stop one first, or choose another."
        )
    return None


def _taken(slug: str, store: str) -> set[tuple[str, str]]:
    """User and server name of every server of a profile, once each."""
    return {(other.user.name, other.name) for other in holders(store) if other.profile_slug == slug}


def holders(store: str) -> Iterator[Any]:
    """The spawners of a store whose server starts or runs."""
    for other in list(_holders):
        if other.profile_slug is not None and other.profile_store == store and _has_server(other):
            yield other


def _has_server(holder: Holder) -> bool:
    """Whether the hub's database says so, where there is one: JupyterHub makes the entry before it starts a server."""
    try:
        return holder.orm_spawner is None or holder.orm_spawner.server is not None
    except SQLAlchemyError:  # the server was removed from the database, and only its object is left
        return False
