"""The hub service with promotions, over real HTTP, in front of a real MLflow that asks who is there."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.hub.promotions import basic_auth
from tests.hub.promotions.basic_auth import HUB, BasicAuthMlflow
from tests.hub.service.conftest import CATALOGUE, Service, hub_double, service, state
from tests.hub.service.hub_double import RIGHTS

from windlass_hub.settings import Settings

__all__ = ["hub_double", "service", "state"]

RULES: dict[str, Any] = {
    "rules": [
        {"alias": "champion", "groups": ["ml-leads"]},
        {"alias": "gold", "groups": ["ml-leads", "risk"], "approvals": 2, "own": True},
        {"stage": "Production", "groups": ["ml-leads"]},
    ]
}
PEOPLE = {"ann": ("team-a",), "bob": (), "lea": ("ml-leads",), "leo": ("ml-leads",), "rob": ("risk",), "eve": ()}
KNOWN_TO_MLFLOW = ("ann", "bob", "lea")
"""Who has an account of MLflow whose credentials the hub hands out; `eve` has one that may read nothing."""


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BasicAuthMlflow]:
    """One server for all tests; each makes models of its own."""
    with basic_auth.running(tmp_path_factory.mktemp("basic-auth")) as server:
        for name in KNOWN_TO_MLFLOW:
            server.account(name)
        yield server


@pytest.fixture
def settings(tmp_path: Path, secured: BasicAuthMlflow) -> Settings:
    profiles = tmp_path / "profiles.yaml"
    profiles.write_text(CATALOGUE)
    (tmp_path / "own.yaml").write_text(secured.credentials(HUB))
    handed_out = tmp_path / "credentials"
    handed_out.mkdir()
    for name in KNOWN_TO_MLFLOW:
        (handed_out / f"user.{name}.yaml").write_text(secured.credentials(name))
    return Settings.model_validate(
        {
            "profiles": f"file:{profiles}",
            "spawner": "local",
            "database": f"sqlite:///{tmp_path}/audit.sqlite",
            "isolation": "none",
            "mlflow_url": secured.url,
            "mlflow_credentials_file": str(tmp_path / "own.yaml"),
            "credentials_dir": str(handed_out),
            "promotion": RULES,
        }
    )


@pytest.fixture
def named(secured: BasicAuthMlflow) -> Callable[..., str]:
    """Makes a model of one's own, with three versions; `editor` may edit it in MLflow."""

    def make(prefix: str = "model", *, editor: str | None = "ann", versions: int = 3) -> str:
        name = secured.model(f"{prefix}-{secrets.token_hex(4)}", versions=versions)
        if editor is not None:
            secured.grant(editor, name, "EDIT")
        return name

    return make


@dataclass
class Desk:
    """The service as people reach it."""

    service: Service
    secured: BasicAuthMlflow

    async def call(self, who: str, method: str, path: str, **options: Any) -> httpx.Response:
        async with self.service.client(who) as client:
            return await client.request(method, f"api/{path}", timeout=60, **options)

    async def promote(self, who: str, model: str, version: int, alias: str = "champion", **more: Any) -> httpx.Response:
        headers = more.pop("headers", {})
        body = {"version": str(version), "alias": alias, **more}
        body = {name: value for name, value in body.items() if value is not None}
        return await self.call(who, "POST", f"models/{model}/promotions", json=body, headers=headers)

    async def answer(self, who: str, promotion: dict[str, Any], decision: str, comment: str = "") -> httpx.Response:
        path = f"models/{promotion['model']}/promotions/{promotion['id']}"
        return await self.call(who, "POST", path, json={"decision": decision, "comment": comment})

    async def log(self, who: str, model: str) -> list[dict[str, Any]]:
        answer = await self.call(who, "GET", f"models/{model}/promotions")
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    async def terms(self, who: str, model: str) -> dict[str, Any]:
        answer = await self.call(who, "GET", f"models/{model}/promotion-terms")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture
async def desk(service: Service, secured: BasicAuthMlflow) -> Desk:
    assert service.state.promoting is not None
    await service.state.promoting.close()  # What it does now and then, the tests do when they want it.
    for name, groups in PEOPLE.items():
        service.hub.users.pop(name, None)
        service.tokens[name] = service.hub.add(name, *RIGHTS["plain"], groups=groups)
    return Desk(service=service, secured=secured)
