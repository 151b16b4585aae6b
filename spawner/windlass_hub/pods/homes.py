"""Which volume is whose home, when named servers are renamed, deleted and made again.

KubeSpawner names a server's volume after the user and the server, and remembers the name once the volume exists. After
a rename the remembered name is the old one; a new server of the old name would be given the same volume, and deleting
either would delete the other's files. With users it is worse: whoever gets the name of a user who was renamed would get
that user's home.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jupyterhub import orm
from sqlalchemy import Text, literal_column
from sqlalchemy.orm import object_session
from tornado import web

from .watching import PodWatching

_LONGEST = 63


class HomeKeeping(PodWatching):
    """KubeSpawner whose servers keep their homes through renames, and share none by mistake."""

    def get_pvc_manifest(self) -> Any:
        """KubeSpawner's; a name that another server, or another user, brought along in a rename is not used again."""
        self.pvc_name = free_name(self.pvc_name, self._others_volumes())
        return super().get_pvc_manifest()

    async def rename(self, old_name: str, new_name: str) -> None:
        """A named server gets another name; its home comes along.

        Raises:
            web.HTTPError: its pod still runs, or its home would be left behind.
        """
        if await self.poll() is None:
            raise web.HTTPError(409, f"The server {old_name or self.user.name} still runs. Stop it before renaming it.")
        if self._pvc_exists and not self.remember_pvc_name and "server" in self.pvc_name_template:
            raise web.HTTPError(
                409,
                f"The server {old_name} cannot be renamed to {new_name}: this hub finds a server's home by the "
                "server's name (remember_pvc_name is off), so the home would be left behind.",
            )

    async def delete_forever(self) -> None:
        """A named server or a user is deleted, and the volume with them: unless another server has it."""
        if self._pvc_exists and self.pvc_name in self._others_volumes():
            self.log.info("Not deleting volume %s: another server of %s has it", self.pvc_name, self.user.name)
        else:
            await super().delete_forever()

    def _others_volumes(self) -> set[str]:
        found = self._volumes_of_other_users()
        servers = getattr(self.user, "orm_spawners", None)
        if "server" in self.pvc_name_template and isinstance(servers, Mapping):  # else one home for all of a user's
            found |= taken_by_others(servers, name=self.name)
        return found

    def _volumes_of_other_users(self) -> set[str]:
        """Those of this namespace whose names begin as this server's; asked for once, before a first volume is made."""
        entry = self.orm_spawner
        session = object_session(entry) if isinstance(entry, orm.Spawner) else None
        if session is None:
            return set()
        state = literal_column("spawners.state", Text)  # as it is kept, so that only what may matter is read
        named = state.contains(f'"{self.pvc_name}"', autoescape=True) | state.contains(
            f'"{self.pvc_name}-', autoescape=True
        )
        others = session.query(orm.Spawner).filter(named, orm.Spawner.user_id != entry.user_id)
        kept = [other.state for other in others if isinstance(other.state, Mapping)]
        return {str(each["pvc_name"]) for each in kept if _keeps_a_volume_in(each, self.namespace)}


def _keeps_a_volume_in(state: Mapping[str, Any], namespace: str) -> bool:
    return isinstance(state.get("pvc_name"), str) and state.get("namespace", namespace) == namespace


def taken_by_others(servers: Mapping[str, Any], *, name: str) -> set[str]:
    """The volumes that a user's other servers remember.

    Args:
        servers: by name, what the hub keeps of each; of some other kind in other people's tests.
        name: of the server that asks.
    """
    found = set()
    for other, kept in servers.items():
        state = getattr(kept, "state", None)
        if other != name and isinstance(state, Mapping) and isinstance(state.get("pvc_name"), str):
            found.add(state["pvc_name"])
    return found


def free_name(wanted: str, taken: Iterable[str]) -> str:
    """`wanted`, or the first of `wanted-2`, `wanted-3`… that no other server has."""
    taken = set(taken)
    number, name = 1, wanted
    while name in taken:
        number += 1
        tail = f"-{number}"
        name = wanted[: _LONGEST - len(tail)].rstrip("-") + tail
    return name
