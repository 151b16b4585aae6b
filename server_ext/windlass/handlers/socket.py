"""The one WebSocket of a browser tab: carries text between it and its session."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from windlass.errors import WindlassError
from windlass.handlers.base import WindlassIdentity
from windlass.handlers.problems import problem_of
from windlass.services.session import SocketSession

LARGEST_MESSAGE_BYTES = 64 * 1024
GOING_AWAY = 1001
TRY_LATER = 1013


class SocketHandler(WindlassIdentity, WebSocketMixin, WebSocketHandler, JupyterHandler):
    """`/socket`."""

    _session: SocketSession | None = None
    _running: asyncio.Task[None] | None = None

    @property
    def max_message_size(self) -> int:
        """The largest message taken, in bytes."""
        return LARGEST_MESSAGE_BYTES

    @ws_authenticated
    @authorized
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Open the socket."""
        await self.services.ready()
        await super().get(*args, **kwargs)

    def get_compression_options(self) -> dict[str, Any]:
        """Compress: logs and lists of jobs are mostly repetition."""
        return {"compression_level": 3}

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Begin the session."""
        super().open(*args, **kwargs)
        self._session = self.services.parts.session(
            owner=self.owner, send=self._send, describe=lambda error: problem_of(error, error_id=secrets.token_hex(6))
        )
        self._running = asyncio.create_task(self._session.run(), name="windlass-socket")
        self.windlass.sockets.add(self)

    async def on_message(self, message: str | bytes) -> None:
        """Hand a message to the session."""
        if self._session is not None:
            try:
                await self._session.receive(message)
            except WindlassError as error:
                self.log.info("A socket was closed: %s", error)
                self.close(TRY_LATER, "try later")

    def on_close(self) -> None:
        """End the session."""
        super().on_close()
        self.windlass.sockets.discard(self)
        if self._session is not None:
            self._session.close()

    async def _send(self, text: str) -> None:
        try:
            await self.write_message(text)
        except (WebSocketClosedError, StreamClosedError) as error:
            raise ConnectionError("The browser tab is gone.") from error
