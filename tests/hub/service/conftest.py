"""The service over real HTTP, in this process, with a catalogue in a file and its database beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.hub.service.hub_double import RIGHTS, SERVER_SCOPES, SERVICE_TOKEN, HubDouble
from tornado.testing import bind_unused_port

from windlass_hub.service.app import make_app, make_server
from windlass_hub.service.assembly import begin, end, make_state
from windlass_hub.service.auth import close_hub_auth, make_hub_auth
from windlass_hub.service.state import ServiceState
from windlass_hub.settings import FEED_TOKEN_ENVIRONMENT, Settings

PREFIX = "/services/windlass/"
FEED_TOKEN = "the-feed-token"

CATALOGUE = """
version: 1
images:
  - {slug: base, display_name: Base, image: "quay.io/example/base:1", description: "All you need"}
prices:
  cpu_core_hour: 0.04
  memory_gib_hour: 0.005
  gpu_hour: {Tesla-T4: 0.35}
profiles:
  - {slug: cpu, display_name: CPU only, cpu: 2, memory: 4G, images: [base], default: true}
  - slug: t4
    display_name: Tesla T4
    cpu: 4
    memory: 16G
    gpu: {product: Tesla-T4, count: 1}
    node_selector: {gpu-type: t4}
    groups: [team-a]
"""


@dataclass
class Service:
    """The service, listening."""

    url: str
    state: ServiceState
    hub: HubDouble
    tokens: dict[str, str]
    app: Any

    def client(self, who: str | None = None, **options: Any) -> httpx.AsyncClient:
        """A client with the token of `who`; without one for None."""
        headers = {"Authorization": f"token {self.tokens[who]}"} if who else {}
        headers |= options.pop("headers", {})
        # Making a TLS context that is not used takes longer than a request.
        return httpx.AsyncClient(base_url=self.url, headers=headers, verify=False, **options)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    profiles = tmp_path / "profiles.yaml"
    profiles.write_text(CATALOGUE)
    return Settings(
        profiles=f"file:{profiles}", spawner="local", database=f"sqlite:///{tmp_path}/audit.sqlite", isolation="none"
    )


@pytest.fixture
async def hub_double() -> AsyncIterator[HubDouble]:
    double = HubDouble()
    double.start()
    yield double
    await double.stop()


@pytest.fixture
async def state(settings: Settings, hub_double: HubDouble) -> ServiceState:
    """The parts; tests that need others replace them before they take `service`."""
    environment = {
        "JUPYTERHUB_API_URL": hub_double.url,
        "JUPYTERHUB_API_TOKEN": SERVICE_TOKEN,
        FEED_TOKEN_ENVIRONMENT: FEED_TOKEN,
    }
    return make_state(settings, environment)


@pytest.fixture
async def service(state: ServiceState, hub_double: HubDouble) -> AsyncIterator[Service]:
    tokens = {who: hub_double.add(who, *scopes) for who, scopes in RIGHTS.items()}
    tokens["ann"] = hub_double.add("ann", *SERVER_SCOPES, groups=("team-a",))
    tokens["bob"] = hub_double.add("bob", *RIGHTS["plain"])
    tokens["robot"] = hub_double.add("robot", *RIGHTS["writer"], kind="service")
    auth = make_hub_auth(
        api_token=SERVICE_TOKEN,
        api_url=hub_double.url,
        base_url=PREFIX,
        oauth_client_id="service-windlass",
        hub_prefix="/hub/",
    )
    socket, port = bind_unused_port()
    app = make_app(state, auth)
    server = make_server(app)
    server.add_sockets([socket])
    await begin(state)
    yield Service(url=f"http://127.0.0.1:{port}{PREFIX}", state=state, hub=hub_double, tokens=tokens, app=app)
    server.stop()
    await server.close_all_connections()
    await end(state)
    await close_hub_auth()
