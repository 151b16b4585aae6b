"""What a hub's service says to a user's server, over HTTP: as much of it as this engine asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from windlass.hub.broker import HubBroker


class Hub:
    """Answers by path below /api/; what is missing is a 404, a number is that status with a sentence."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {"me": {"name": "ann", "features": ["token", "images", "capacity"]}}
        self.asked: list[str] = []
        self.url = ""
        self.broker: HubBroker

    def gives_token(self, token: str, *, namespace: str, server: str) -> None:
        """To whoever asks, good until 2100."""
        self.answers["token"] = {
            "token": token,
            "expires_at": "2100-01-01T00:00:00Z",
            "namespace": namespace,
            "service_account": "windlass-user",
            "server": server,
        }

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        what = request.path.rpartition("/")[2]
        self.asked.append(what)
        found = self.answers.get(what, 404)
        if isinstance(found, int):
            problem = {"detail": f"The hub cannot say {what} now."}
            return web.json_response(problem, status=found, content_type="application/problem+json")
        return web.json_response(found)


@asynccontextmanager
async def a_hub() -> AsyncIterator[Hub]:
    hub = Hub()
    runner = web.ServerRunner(web.Server(hub._answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hub.url = f"http://127.0.0.1:{runner.addresses[0][1]}/services/windlass/api/"
    hub.broker = HubBroker(url=hub.url, token="mine")
    try:
        yield hub
    finally:
        await hub.broker.close()
        await runner.cleanup()
