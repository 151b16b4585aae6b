"""`metrics`: the service's own figures for Prometheus.

They name users and money. Whoever asks shows a token of the hub that may see costs, or the one of a file, which works
while the hub is away too.
"""

from __future__ import annotations

import asyncio
import hmac
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST

from windlass_hub.service.auth import ServiceHandler, needs
from windlass_hub.service.exposing import exposition
from windlass_hub.settings import COSTS_READ


class ExpositionHandler(ServiceHandler):
    """`metrics`."""

    scopes = needs(GET=(COSTS_READ,))

    async def settle(self) -> None:
        """The file's token, or a token of the hub with the right."""
        if self.request.method == "GET" and await self._has_files_token():
            return
        await super().settle()

    async def get(self) -> None:
        """All figures."""
        text = await exposition(self.state)
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.finish(text)

    async def _has_files_token(self) -> bool:
        path, given = self.state.settings.metrics_token_file, self._bearer()
        if not path or given is None:
            return False
        try:
            # Read each time: it may be rotated.
            expected = (await asyncio.to_thread(Path(path).read_text, encoding="utf-8")).strip()
        except (OSError, UnicodeDecodeError):
            return False
        return bool(expected) and hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
