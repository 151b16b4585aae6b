"""OpenID logins against an issuer behind TLS."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from tests.cluster.cluster import Cluster
from tests.kube.authority import Authority

from windlass.kube.client import KubeClient
from windlass.kube.errors import Unavailable
from windlass.kube.kubeconfig_credentials import open_context
from windlass.kube.openid import OpenIdLogin, ends_at

NOW = 1_800_000_000.0


def id_token(*, ends: float, who: str = "ann") -> str:
    pieces = (
        base64.urlsafe_b64encode(json.dumps(piece).encode()).decode().rstrip("=")
        for piece in ({"alg": "none"}, {"exp": ends, "sub": who})
    )
    return ".".join([*pieces, "signature"])


@dataclass
class Issuer:
    """Renews tokens; a refresh token is good for one use."""

    url: str = ""
    good: str = "refresh-1"
    given: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    proofs: list[str | None] = field(default_factory=list)
    endpoint: str = ""
    next_token: str = ""

    async def answer(self, request: web.BaseRequest) -> web.Response:
        if request.path.endswith("/.well-known/openid-configuration"):
            return web.json_response({"issuer": self.url, "token_endpoint": self.endpoint or f"{self.url}/token"})
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.forms.append(form)
        self.proofs.append(request.headers.get("Authorization"))
        if form["refresh_token"] != self.good:
            return web.json_response({"error": "invalid_grant", "error_description": "hunter2"}, status=400)
        self.good = f"refresh-{len(self.forms) + 1}"
        self.given.append(self.next_token or id_token(ends=NOW + 3600 * len(self.forms)))
        return web.json_response({"id_token": self.given[-1], "refresh_token": self.good})


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
async def issuer(authority: Authority) -> AsyncIterator[Issuer]:
    made = Issuer()
    runner = web.ServerRunner(web.Server(made.answer))
    await runner.setup()
    context: ssl.SSLContext = authority.server()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    made.url = f"https://localhost:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


def kubeconfig(folder: Path, config: dict[str, Any], *, server: str = "https://api:6443") -> Path:
    content = {
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [
            {"name": "other", "user": {"token": "untouched"}},
            {"name": "ann", "user": {"auth-provider": {"name": "oidc", "config": config}}},
        ],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "ann"}}],
        "current-context": "x",
    }
    file = folder / "config"
    file.write_text(yaml.safe_dump(content))
    file.chmod(0o600)
    return file


def a_login(issuer: Issuer, authority: Authority, file: Path, **changes: Any) -> OpenIdLogin:
    return OpenIdLogin(a_config(issuer, authority) | changes, file=file, user_name="ann", clock=lambda: NOW)


def a_config(issuer: Issuer, authority: Authority) -> dict[str, str]:
    return {
        "idp-issuer-url": issuer.url,
        "idp-certificate-authority": authority.file.name,
        "client-id": "kubernetes",
        "client-secret": "s3cret",
        "refresh-token": "refresh-1",
        "id-token": id_token(ends=NOW - 1),
    }


async def test_an_id_token_that_still_holds_is_used(issuer: Issuer, authority: Authority, tmp_path: Path) -> None:
    known = id_token(ends=NOW + 3600)
    assert await a_login(issuer, authority, tmp_path / "config", **{"id-token": known}).token() == known
    assert issuer.forms == []


async def test_one_that_ended_is_renewed_once_and_written_down(
    issuer: Issuer, authority: Authority, tmp_path: Path
) -> None:
    file = kubeconfig(tmp_path, a_config(issuer, authority))
    login = a_login(issuer, authority, file)
    assert await login.token() == issuer.given[0]
    assert await login.token() == issuer.given[0]
    assert issuer.forms == [{"grant_type": "refresh_token", "refresh_token": "refresh-1"}]
    assert issuer.proofs == ["Basic " + base64.b64encode(b"kubernetes:s3cret").decode()]
    users = {user["name"]: user["user"] for user in yaml.safe_load(file.read_text())["users"]}
    kept = users["ann"]["auth-provider"]["config"]
    assert (kept["id-token"], kept["refresh-token"]) == (issuer.given[0], "refresh-2")
    assert kept["client-id"] == "kubernetes"
    assert users["other"] == {"token": "untouched"}
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir() if "config" in path.name) == ["config"]


async def test_a_client_without_a_secret_says_who_it_is(issuer: Issuer, authority: Authority, tmp_path: Path) -> None:
    await a_login(issuer, authority, kubeconfig(tmp_path, {}), **{"client-secret": None}).token()
    assert issuer.forms[0]["client_id"] == "kubernetes"
    assert issuer.proofs == [None]


async def test_while_kubectl_holds_its_lock_nothing_is_written(
    issuer: Issuer, authority: Authority, tmp_path: Path
) -> None:
    file = kubeconfig(tmp_path, a_config(issuer, authority))
    before = file.read_text()
    (tmp_path / "config.lock").touch()
    assert await a_login(issuer, authority, file).token() == issuer.given[0]
    assert file.read_text() == before


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"refresh-token": None}, "has ended and cannot be renewed: log in anew"),
        ({"refresh-token": "used"}, "issuer of the kubeconfig answered 400: log in anew"),
        ({"idp-certificate-authority": None}, "cannot be reached"),
        ({"idp-certificate-authority": "missing"}, "certificate authority of the kubeconfig's OpenID issuer cannot"),
        ({"idp-certificate-authority-data": "bm9uZQ=="}, "certificate authority is no certificate"),
        ({"idp-issuer-url": "http://localhost"}, "no https address"),
        ({"idp-issuer-url": "https://localhost:1"}, "cannot be reached"),
    ],
)
async def test_what_stands_in_the_way_is_said(
    changes: dict[str, Any], sentence: str, issuer: Issuer, authority: Authority, tmp_path: Path
) -> None:
    with pytest.raises(Unavailable, match=sentence) as failure:
        await a_login(issuer, authority, kubeconfig(tmp_path, {}), **changes).token()
    assert "hunter2" not in str(failure.value)


async def test_an_issuer_that_sends_elsewhere_without_tls_gets_no_token(
    issuer: Issuer, authority: Authority, tmp_path: Path
) -> None:
    issuer.endpoint = "http://localhost/token"
    with pytest.raises(Unavailable, match="names no https address"):
        await a_login(issuer, authority, kubeconfig(tmp_path, {})).token()


@pytest.mark.emulator
async def test_an_id_token_that_is_refused_before_its_end_is_renewed(
    issuer: Issuer, authority: Authority, cluster: Cluster, tmp_path: Path
) -> None:
    assert cluster.emulator is not None
    tokens = cluster.emulator.api.tokens
    # The issuer's next token is the one that the API server knows.
    issuer.next_token = tokens.add("ann")
    config = a_config(issuer, authority) | {"id-token": id_token(ends=2**34)}
    client = KubeClient(await open_context([kubeconfig(tmp_path, config, server=cluster.url)], environ={}))
    assert (await client.version())["major"] == "1"
    await client.close()


@given(st.text())
def test_what_is_no_id_token_has_ended(text: str) -> None:
    assert ends_at(text) == 0.0 or "." in text


def test_the_end_of_an_id_token_is_read() -> None:
    assert ends_at(id_token(ends=12.0)) == 12.0
    assert ends_at("a.e30.c") == float("inf")
