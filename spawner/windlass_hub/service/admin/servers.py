"""`admin/servers`: who runs what now. The money in it needs a scope of its own."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import ClassVar

from windlass_hub.service.auth import ServiceHandler
from windlass_hub.settings import COSTS_READ, PROFILES_READ

from .running import Running, listed

_RUNNING = "windlass_running"


class ServersHandler(ServiceHandler):
    """`api/admin/servers`."""

    scopes: ClassVar = {"GET": (PROFILES_READ,)}

    async def get(self) -> None:
        """The servers that run or start, with prices for those who may see costs."""
        running: Running = self.settings.setdefault(_RUNNING, Running(self.state.hub_api))
        users = await running.users()
        self.reply(listed(users, now=datetime.now(timezone.utc), costs=self.caller.has(COSTS_READ)))
