"""A pod's own account: its files, and what happens when the kubelet writes them anew."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.cluster.cluster import Cluster
from tests.kube.authority import Authority, tls_door

from windlass.kube.client import KubeClient
from windlass.kube.errors import Unauthorized, Unavailable
from windlass.kube.in_cluster import in_cluster, is_in_cluster
from windlass.kube.token_file import READ_AGAIN_SECONDS, TokenFile


def mounted(folder: Path, *, token: str, authority: Authority, namespace: str = "team-a") -> Path:
    (folder / "token").write_text(token)
    (folder / "ca.crt").write_text(authority.pem)
    (folder / "namespace").write_text(namespace)
    return folder


@pytest.mark.emulator
async def test_a_pod_s_account_reaches_the_server_also_after_its_token_was_renewed(
    cluster: Cluster, tmp_path: Path
) -> None:
    assert cluster.emulator is not None
    tokens = cluster.emulator.api.tokens
    first = tokens.add("first")
    authority = Authority(tmp_path)
    folder = mounted(tmp_path, token=first, authority=authority)
    async with tls_door(cluster.url, authority.server()) as url:
        parts = urlsplit(url)
        environ = {"KUBERNETES_SERVICE_HOST": "localhost", "KUBERNETES_SERVICE_PORT": str(parts.port)}
        credentials = await in_cluster(environ, folder=folder)
        client = KubeClient(credentials)
        assert await credentials.namespace() == "team-a"
        await client.version()
        tokens.revoke(first)
        with pytest.raises(Unauthorized):
            await client.version()
        (folder / "token").write_text(tokens.add("second") + "\n")
        await client.version()
        await client.close()
    assert [account for _, path, account in cluster.emulator.requests if path == "/version"] == ["first", "second"]


async def test_a_token_file_is_read_again_after_a_minute(tmp_path: Path) -> None:
    now = [0.0]
    file = tmp_path / "token"
    file.write_text("one")
    source = TokenFile(file, clock=lambda: now[0])
    assert await source.token() == "one"
    file.write_text("two")
    assert await source.token() == "one"
    now[0] += READ_AGAIN_SECONDS
    assert await source.token() == "two"


async def test_certificates_that_change_are_trusted_at_the_next_reading(tmp_path: Path) -> None:
    folder = mounted(tmp_path, token="t", authority=Authority(tmp_path, "old"))
    credentials = await in_cluster({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, folder=folder)
    before = credentials.ssl
    await credentials.headers()
    assert credentials.ssl is before
    mounted(tmp_path, token="t", authority=Authority(tmp_path, "new"))
    await credentials.refresh()
    await credentials.headers()
    assert credentials.ssl is not before


@pytest.mark.parametrize(
    ("host", "port", "server"),
    [
        ("10.0.0.1", "443", "https://10.0.0.1:443"),
        ("fd00::1", "6443", "https://[fd00::1]:6443"),
        ("kubernetes", "", "https://kubernetes:443"),
    ],
)
async def test_the_address_is_the_one_the_pod_was_given(host: str, port: str, server: str, tmp_path: Path) -> None:
    folder = mounted(tmp_path, token="t", authority=Authority(tmp_path))
    environ = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    assert (await in_cluster(environ, folder=folder)).server == server


def test_a_pod_without_a_token_has_no_way_of_its_own(tmp_path: Path) -> None:
    environ = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    assert not is_in_cluster(environ, folder=tmp_path)
    (tmp_path / "token").write_text("t")
    assert is_in_cluster(environ, folder=tmp_path)
    assert not is_in_cluster({}, folder=tmp_path)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        ("token", "token file .*/token holds no token"),
        ("ca.crt", "certificate authority is no certificate"),
    ],
)
async def test_spoilt_files_are_named(spoil: str, sentence: str, tmp_path: Path) -> None:
    folder = mounted(tmp_path, token="t", authority=Authority(tmp_path))
    (folder / spoil).write_text("")
    with pytest.raises(Unavailable, match=sentence):
        await in_cluster({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, folder=folder)


async def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    with pytest.raises(Unavailable, match=r"lacks its file .*/ca.crt: No such file"):
        await in_cluster({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, folder=tmp_path)
