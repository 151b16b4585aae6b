"""Every way a kubeconfig may let somebody in, against an API server behind TLS."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from tests.cluster.cluster import Cluster, eventually
from tests.kube.authority import Authority, tls_door

from windlass.kube.client import KubeClient
from windlass.kube.errors import Unavailable
from windlass.kube.kubeconfig import read_context
from windlass.kube.kubeconfig_credentials import LATE_SECONDS, KubeconfigCredentials, open_context

pytestmark = pytest.mark.emulator


def write(path: Path, *, cluster: dict[str, Any], user: dict[str, Any]) -> Path:
    content = {
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "ann", "user": user}],
        "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "ann", "namespace": "team-a"}}],
        "current-context": "prod",
    }
    path.write_text(yaml.safe_dump(content))
    return path


async def opened(path: Path) -> KubeconfigCredentials:
    return await open_context([path], environ={"PATH": "/usr/bin:/bin"})


async def enter(path: Path) -> None:
    """One request. Raises a KubeError."""
    client = KubeClient(await opened(path))
    try:
        await client.version()
    finally:
        await client.close()


def inline(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
async def door(cluster: Cluster, authority: Authority) -> AsyncIterator[str]:
    async with tls_door(cluster.url, authority.server()) as url:
        yield url


async def test_the_fixture_s_own_kubeconfig_lets_in(cluster: Cluster, tmp_path: Path) -> None:
    credentials = await opened(cluster.kubeconfig(tmp_path / "config", namespace="team-b"))
    assert credentials.namespace == "team-b"
    await enter(tmp_path / "config")


@pytest.mark.parametrize("how", ["file", "relative", "inline"])
async def test_an_authority_of_the_cluster_s_own_is_trusted(
    how: str, door: str, authority: Authority, cluster: Cluster, tmp_path: Path
) -> None:
    said = {
        "file": {"certificate-authority": str(authority.file)},
        "relative": {"certificate-authority": authority.file.name},
        "inline": {"certificate-authority-data": inline(authority.pem)},
    }[how]
    await enter(write(tmp_path / "config", cluster={"server": door, **said}, user={"token": cluster.token}))


async def test_an_unknown_authority_is_not_trusted_unless_the_file_says_so(
    door: str, cluster: Cluster, tmp_path: Path
) -> None:
    user = {"token": cluster.token}
    with pytest.raises(Unavailable, match="certificate cannot be trusted"):
        await enter(write(tmp_path / "config", cluster={"server": door}, user=user))
    lax = {"server": door, "insecure-skip-tls-verify": True}
    await enter(write(tmp_path / "config", cluster=lax, user=user))


async def test_authority_and_no_verification_contradict_each_other(
    door: str, authority: Authority, tmp_path: Path
) -> None:
    cluster = {"server": door, "insecure-skip-tls-verify": True, "certificate-authority": str(authority.file)}
    with pytest.raises(Unavailable, match="remove one of them"):
        await enter(write(tmp_path / "config", cluster=cluster, user={}))


async def test_the_certificate_may_be_for_another_name(cluster: Cluster, authority: Authority, tmp_path: Path) -> None:
    async with tls_door(cluster.url, authority.server("kubernetes.internal")) as url:
        trusted = {"server": url, "certificate-authority": str(authority.file)}
        user = {"token": cluster.token}
        with pytest.raises(Unavailable, match="certificate cannot be trusted"):
            await enter(write(tmp_path / "config", cluster=trusted, user=user))
        named = trusted | {"tls-server-name": "kubernetes.internal"}
        await enter(write(tmp_path / "config", cluster=named, user=user))


@pytest.mark.parametrize("how", ["file", "inline"])
async def test_a_client_certificate_is_shown(how: str, cluster: Cluster, authority: Authority, tmp_path: Path) -> None:
    people = Authority(tmp_path, "people")
    certificate, key = people.certificate("ann")
    said = {
        "file": {"client-certificate": certificate.name, "client-key": str(key)},
        "inline": {
            "client-certificate-data": inline(certificate.read_text()),
            "client-key-data": inline(key.read_text()),
        },
    }[how]
    async with tls_door(cluster.url, authority.server(clients=people)) as url:
        trusted = {"server": url, "certificate-authority": str(authority.file)}
        with pytest.raises(Unavailable):
            await enter(write(tmp_path / "config", cluster=trusted, user={"token": cluster.token}))
        await enter(write(tmp_path / "config", cluster=trusted, user={"token": cluster.token, **said}))


async def test_no_key_stays_on_the_disk(tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = authority.certificate("ann")
    user = {
        "client-certificate-data": inline(certificate.read_text()),
        "client-key-data": inline(key.read_text()),
    }
    file = write(tmp_path / "config", cluster={"server": "https://localhost:1"}, user=user)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    credentials = await opened(file)
    await credentials.headers()
    assert credentials.ssl
    assert list(temporary.iterdir()) == []


async def test_a_token_file_that_changes_is_read_again_when_its_token_is_refused(
    cluster: Cluster, tmp_path: Path
) -> None:
    assert cluster.emulator is not None
    tokens = cluster.emulator.api.tokens
    first = tokens.add("first")
    (tmp_path / "token").write_text(first)
    file = write(tmp_path / "config", cluster={"server": cluster.url}, user={"tokenFile": "token", "token": "older"})
    client = KubeClient(await opened(file))
    await client.version()
    tokens.revoke(first)
    (tmp_path / "token").write_text(tokens.add("second"))
    await client.version()
    await client.close()
    accounts = [account for _, path, account in cluster.emulator.requests if path == "/version"]
    assert accounts == ["first", "second"]


async def test_who_logs_in_anew_need_not_start_the_server_anew(cluster: Cluster, tmp_path: Path) -> None:
    there = {"server": cluster.url}
    file = write(tmp_path / "config", cluster=there, user={"token": "ended"})
    client = KubeClient(await opened(file))
    write(file, cluster=there, user={"token": cluster.token})
    assert (await client.version())["major"] == "1"
    await client.close()


async def test_complaints_about_the_login_before_do_not_end_the_new_one(tmp_path: Path) -> None:
    now = [0.0]
    there = {"server": "https://localhost:6443"}
    file = write(tmp_path / "config", cluster=there, user={"token": "a"})
    credentials = KubeconfigCredentials(read_context([file]), files=[file], environ={}, clock=lambda: now[0])

    async def after_a_refusal() -> str:
        await credentials.refresh()
        return (await credentials.headers())["Authorization"]

    assert await credentials.headers() == {"Authorization": "Bearer a"}
    write(file, cluster=there, user={"token": "b"})
    assert await after_a_refusal() == "Bearer b"
    write(file, cluster=there, user={"token": "c"})
    assert await after_a_refusal() == "Bearer b"
    now[0] += LATE_SECONDS
    assert await after_a_refusal() == "Bearer c"


async def test_a_cluster_that_changes_its_address_is_not_followed(tmp_path: Path) -> None:
    file = write(tmp_path / "config", cluster={"server": "https://one:6443"}, user={"token": "hunter2"})
    credentials = await opened(file)
    await credentials.headers()
    write(file, cluster={"server": "https://two:6443"}, user={"token": "hunter2"})
    await credentials.refresh()
    with pytest.raises(Unavailable, match="another address than before"):
        await credentials.headers()


async def test_requests_go_through_the_proxy_that_the_file_names(cluster: Cluster, tmp_path: Path) -> None:
    asked: list[str] = []

    async def proxy(request: web.BaseRequest) -> web.Response:
        asked.append(request.method)
        return web.json_response({"gitVersion": "v1.through-proxy"})

    runner = web.ServerRunner(web.Server(proxy))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    there = {"server": "http://cluster.invalid:8080", "proxy-url": f"http://127.0.0.1:{port}"}
    client = KubeClient(await opened(write(tmp_path / "config", cluster=there, user={})))
    assert (await client.version())["gitVersion"] == "v1.through-proxy"
    await client.close()
    await runner.cleanup()
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("user", "sentence"),
    [
        ({"username": "ann", "password": "hunter2"}, "user ann has a password, which API servers no longer take"),
        ({"token": "hunter2", "as": "root"}, "user ann acts as somebody else"),
        ({"auth-provider": {"name": "gcp"}}, "auth-provider gcp, which kubectl no longer has"),
        ({"auth-provider": "oidc"}, "auth-provider oidc, which"),
        ({"exec": "aws"}, "`exec` that is no mapping"),
        ({"client-certificate": "me.crt"}, "names a client-certificate file that cannot be read: .*/me.crt"),
        ({"client-certificate-data": inline("hunter2")}, "only one of client-certificate and client-key"),
        ({"client-certificate-data": "hunter2!", "client-key-data": ""}, "client-certificate-data that is no base64"),
        (
            {"client-certificate-data": inline("hunter2"), "client-key-data": inline("hunter2")},
            "no pair that can be read",
        ),
        ({"tokenFile": "missing"}, "token file .*/missing cannot be read: No such file"),
    ],
)
async def test_what_cannot_be_used_is_said_and_not_passed_over(
    user: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    file = write(tmp_path / "config", cluster={"server": "https://localhost:6443"}, user=user)
    with pytest.raises(Unavailable, match=sentence) as failure:
        await (await opened(file)).headers()
    assert "hunter2" not in str(failure.value)


@pytest.mark.parametrize(
    ("cluster_entry", "sentence"),
    [
        ({}, "context prod has no address"),
        ({"server": "localhost:6443"}, "context prod has no address"),
        ({"server": "https://a", "proxy-url": "socks5://localhost:1080"}, "proxy that is not http or https"),
        ({"server": "https://a", "certificate-authority-data": inline("none")}, "certificate authority is no cert"),
        ({"server": "https://a", "certificate-authority": "ca.crt"}, "certificate-authority file that cannot be read"),
    ],
)
async def test_a_cluster_that_cannot_be_used_is_said(
    cluster_entry: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    file = write(tmp_path / "config", cluster=cluster_entry, user={})
    with pytest.raises(Unavailable, match=sentence):
        await (await opened(file)).headers()


async def test_many_requests_at_once_log_in_once(tmp_path: Path) -> None:
    program = tmp_path / "login"
    program.write_text(
        f"""#!/bin/sh
echo x >> {tmp_path}/runs
echo '{{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{{"token":"t"}}}}'
"""
    )
    program.chmod(0o755)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./login"}}
    credentials = await opened(write(tmp_path / "config", cluster={"server": "https://a"}, user=user))
    headers = await asyncio.gather(*(credentials.headers() for _ in range(20)))
    assert {header["Authorization"] for header in headers} == {"Bearer t"}
    assert (tmp_path / "runs").read_text() == "x\n"


async def test_a_slow_login_program_holds_up_nothing_else(tmp_path: Path) -> None:
    said = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t"}}'
    program = tmp_path / "login"
    program.write_text(
        f"#!/bin/sh\ntouch {tmp_path}/begun\nwhile [ ! -e {tmp_path}/go ]; do sleep 0.02; done\necho '{said}'\n"
    )
    program.chmod(0o755)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./login"}}
    credentials = await opened(write(tmp_path / "config", cluster={"server": "https://a"}, user=user))
    asking = asyncio.create_task(credentials.headers())
    await eventually((tmp_path / "begun").exists, what="the program's start")
    assert not asking.done()
    (tmp_path / "go").touch()
    assert await asking == {"Authorization": "Bearer t"}
