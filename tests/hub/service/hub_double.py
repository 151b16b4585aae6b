"""A hub as the service sees it over HTTP: whose a token is, who there is. test_in_a_real_hub.py has the real one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, HTTPError, RequestHandler

from windlass_hub.settings import ACCESS_SERVICE, COSTS_READ, PROFILES_READ, PROFILES_WRITE

SERVICE_TOKEN = "the-services-own"
SERVER_SCOPES = (ACCESS_SERVICE, "access:servers!server=ann/", "users:activity!user=ann", "read:users:groups!user=ann")
RIGHTS = {
    "writer": (ACCESS_SERVICE, PROFILES_WRITE, PROFILES_READ, COSTS_READ),
    "reader": (ACCESS_SERVICE, PROFILES_READ, COSTS_READ),
    "plain": (ACCESS_SERVICE,),
    "admin": (ACCESS_SERVICE, "admin:users", "admin:servers", "read:hub", "access:services"),
    "stranger": ("access:servers",),
}


@dataclass
class HubDouble:
    """Tokens and users can be changed while it answers."""

    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    broken: bool = False
    asked: list[str] = field(default_factory=list)
    server: HTTPServer | None = None
    url: str = ""

    def add(
        self,
        name: str,
        *scopes: str,
        groups: tuple[str, ...] = (),
        kind: str = "user",
        token: str = "",
        **more: Any,
    ) -> str:
        """A token of `name` with these scopes."""
        token = token or f"token-of-{name}-{len(self.models)}"
        self.models[token] = {"name": name, "kind": kind, "groups": list(groups), "scopes": sorted(scopes), **more}
        self.users.setdefault(
            name, {"name": name, "kind": "user", "groups": list(groups), "admin": False, "servers": {}}
        )
        return token

    def start(self) -> None:
        socket, port = bind_unused_port()
        double = self

        class Handler(RequestHandler):
            def get(self, path: str) -> None:
                double.answer(self, path)

        self.server = HTTPServer(Application([(r"/hub/api/(.*)", Handler)]))
        self.server.add_sockets([socket])
        self.url = f"http://127.0.0.1:{port}/hub/api"

    def answer(self, handler: RequestHandler, path: str) -> None:
        self.asked.append(path)
        if self.broken:
            raise HTTPError(500)
        token = handler.request.headers.get("Authorization", "").removeprefix("token ")
        if not path:
            handler.write({"version": "6.1.1"})
        elif path == "user":
            if token not in self.models:
                raise HTTPError(403)
            handler.write(self.models[token])
        elif token != SERVICE_TOKEN:
            raise HTTPError(403)
        elif path == "users":
            offset, limit = (int(handler.get_query_argument(name)) for name in ("offset", "limit"))
            following = {"offset": offset + limit} if offset + limit < len(self.users) else None
            items = list(self.users.values())[offset : offset + limit]
            handler.write(json.dumps({"items": items, "_pagination": {"next": following}}))
        else:
            name = path.removeprefix("users/")
            if name not in self.users:
                raise HTTPError(404)
            handler.write(self.users[name])

    async def stop(self) -> None:
        if self.server is not None:
            self.server.stop()
            await self.server.close_all_connections()
