"""What this server can do, in one answer."""

from __future__ import annotations

import asyncio
from pathlib import Path

from windlass.contract.info import Info
from windlass.services.engines import Engines
from windlass.services.hub import HubFacts
from windlass.services.lifetime import ends_with_server
from windlass.services.settings import Settings
from windlass.tracking.tracking import Tracking


class About:
    """The server about itself."""

    def __init__(self, *, settings: Settings, engines: Engines, tracking: Tracking, hub: HubFacts) -> None:
        self._settings = settings
        self._engines = engines
        self._tracking = tracking
        self._hub = hub

    async def info(self, *, user: str) -> Info:
        """What this server can do, and what is missing."""
        engines, tracking, hub = await asyncio.gather(self._engines.describe(), self._tracking.info(), self._hub.info())
        return Info(
            version=self._settings.version,
            user=user,
            root=shown_path(self._settings.root_dir),
            default_engine=self._settings.default_engine,
            engines=engines,
            tracking=tracking,
            max_bundle_bytes=self._settings.max_bundle_bytes,
            on_hub=self._settings.on_hub,
            hub=hub,
            job_survives_server=ends_with_server() is None,
        )


def shown_path(path: Path) -> str:
    """A path as shown to people: `~` for the home folder."""
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(path)
