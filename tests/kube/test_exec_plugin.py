"""Login programs, as real programs."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from tests.cluster.cluster import Cluster, eventually
from tests.kube.authority import Authority

from windlass.kube.client import KubeClient
from windlass.kube.errors import Unavailable
from windlass.kube.exec_plugin import ExecCredential, run_plugin
from windlass.kube.kubeconfig import read_context
from windlass.kube.kubeconfig_credentials import open_context
from windlass.kube.logins import ExecLogin

V1 = "client.authentication.k8s.io/v1"
PATH = {"PATH": "/usr/bin:/bin"}


def program(folder: Path, script: str, name: str = "login") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def answer(version: str = V1, **status: Any) -> str:
    return json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status})


def run(folder: Path, script: str, **plugin: Any) -> ExecCredential:
    program(folder, script)
    seconds = plugin.pop("timeout_seconds", 20)
    asked = {"apiVersion": V1, "command": "./login", **plugin}
    cluster = {"server": "https://api:6443", "config": {"audience": "x"}}
    return run_plugin(asked, folder=folder, cluster=cluster, environ=PATH, timeout_seconds=seconds)


def test_a_token_and_its_end_are_read(tmp_path: Path) -> None:
    said = answer(token="t", expirationTimestamp="2026-01-02T03:04:05.123456789Z")
    found = run(tmp_path, f"echo '{said}'")
    assert (found.token, found.certificate, found.expires_at) == ("t", None, 1767323045.0)
    assert run(tmp_path, f"echo '{answer(token='t')}'").expires_at is None


def test_a_certificate_may_come_in_place_of_a_token(tmp_path: Path) -> None:
    certificate, key = (path.read_text() for path in Authority(tmp_path).certificate("ann"))
    (tmp_path / "said").write_text(answer(clientCertificateData=certificate, clientKeyData=key))
    found = run(tmp_path, f"cat {tmp_path}/said")
    assert found.token is None
    assert found.certificate is not None
    assert (found.certificate.certificate, found.certificate.key) == (certificate, key)
    assert key not in repr(found)


def test_arguments_and_variables_arrive_as_they_are(tmp_path: Path) -> None:
    script = f"""printf '%s\\n' "$@" "$CLOUD" "$KUBERNETES_EXEC_INFO" > {tmp_path}/seen; echo '{answer(token="t")}'"""
    run(tmp_path, script, args=["get-token", "$(id); `id`"], env=[{"name": "CLOUD", "value": "a b"}])
    *words, info = (tmp_path / "seen").read_text().splitlines()
    assert words == ["get-token", "$(id); `id`", "a b"]
    assert json.loads(info) == {"apiVersion": V1, "kind": "ExecCredential", "spec": {"interactive": False}}


def test_programs_that_ask_are_told_the_cluster(tmp_path: Path) -> None:
    script = f"""printf '%s' "$KUBERNETES_EXEC_INFO" > {tmp_path}/seen; echo '{answer(token="t")}'"""
    run(tmp_path, script, provideClusterInfo=True)
    asked = json.loads((tmp_path / "seen").read_text())["spec"]
    assert asked["cluster"] == {"server": "https://api:6443", "config": {"audience": "x"}}


def test_a_bare_name_is_looked_for_on_the_path_and_not_beside_the_file(tmp_path: Path) -> None:
    elsewhere = tmp_path / "bin"
    elsewhere.mkdir()
    program(elsewhere, f"echo '{answer(token='from-path')}'")
    program(tmp_path, f"echo '{answer(token='beside')}'")
    asked = {"apiVersion": V1, "command": "login"}
    environ = {"PATH": f"{elsewhere}:/usr/bin:/bin"}
    assert run_plugin(asked, folder=tmp_path, cluster={}, environ=environ).token == "from-path"


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("echo first >&2; echo 'you are logged out' >&2; exit 3", r"login failed with status 3: you are logged out$"),
        ("exit 1", r"failed with status 1: it said nothing$"),
        ("echo hunter2", "answered with something that is no ExecCredential"),
        ("echo '[]'", "no ExecCredential"),
        (f"""echo '{{"apiVersion": "{V1}", "kind": "ExecCredential", "status": "hunter2"}}'""", "no ExecCredential"),
        (f"echo '{answer(token='hunter2', expirationTimestamp='soon')}'", "no ExecCredential"),
        (f"echo '{answer()}'", "neither a token nor a certificate"),
        (f"echo '{answer(clientCertificateData='hunter2')}'", "neither a token nor a certificate"),
        (f"echo '{answer('client.authentication.k8s.io/v1beta1', token='hunter2')}'", "in another version"),
        ("/no/such/interpreter", "failed with status"),
    ],
)
def test_programs_that_fail_are_named_with_what_they_said(script: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=sentence) as failure:
        run(tmp_path, script)
    assert "hunter2" not in str(failure.value)


@pytest.mark.parametrize(
    ("plugin", "sentence"),
    [
        ({"command": "./missing"}, r"program \./missing of the kubeconfig is not installed here\.$"),
        ({"command": "missing", "installHint": "Run: get it"}, r"not installed here\. Run: get it$"),
        ({"apiVersion": "client.authentication.k8s.io/v1alpha1"}, "v1alpha1, not client.authentication.k8s.io/v1"),
        ({"command": None}, "login program ''"),
        ({"interactiveMode": "Always"}, "wants to ask at a terminal"),
        ({"args": ["\0"]}, "cannot be started"),
    ],
)
def test_programs_that_cannot_be_run_are_named(plugin: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=sentence):
        run(tmp_path, f"echo '{answer(token='t')}'", **plugin)


async def test_a_program_that_takes_too_long_is_ended_with_all_it_started(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"took longer than 0.5 s"):
        run(tmp_path, f"sleep 600 & echo $! > {tmp_path}/child; wait", timeout_seconds=0.5)
    child = int((tmp_path / "child").read_text())

    def gone() -> bool:
        return not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE

    await eventually(gone, what="the end of what it started")


def test_much_on_stderr_blocks_nothing(tmp_path: Path) -> None:
    script = f"head -c 300000 /dev/zero | tr '\\0' 'x' >&2; echo '{answer(token='t')}'"
    assert run(tmp_path, script).token == "t"


def kubeconfig(folder: Path, *, server: str) -> Path:
    content = {
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"exec": {"apiVersion": V1, "command": "./login"}}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    file = folder / "config"
    file.write_text(yaml.safe_dump(content))
    return file


async def test_an_answer_is_kept_until_shortly_before_its_end(tmp_path: Path) -> None:
    now = [time.time()]
    context = read_context([kubeconfig(tmp_path, server="https://a")])

    async def asked_at(seconds: float, *, lasts: float) -> int:
        """How often the program has run after asking then."""
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started + lasts))
        program(tmp_path, f"echo x >> {tmp_path}/runs; echo '{answer(token='t', expirationTimestamp=end)}'")
        now[0] = started + seconds
        await login.token()
        return len((tmp_path / "runs").read_text().split())

    started = now[0]
    login = ExecLogin(context, environ=PATH, certificate=None, clock=lambda: now[0])
    assert await asked_at(0, lasts=600) == 1
    assert await asked_at(560, lasts=600) == 1
    assert await asked_at(580, lasts=610) == 2
    # One that lasts half a minute is used for all of it.
    assert await asked_at(600, lasts=610) == 2
    assert await asked_at(611, lasts=1200) == 3


@pytest.mark.emulator
async def test_a_token_that_ended_early_is_asked_for_again(cluster: Cluster, tmp_path: Path) -> None:
    assert cluster.emulator is not None
    tokens = cluster.emulator.api.tokens
    first = tokens.add("first")
    program(tmp_path, f"echo '{answer(token=first)}'")
    client = KubeClient(await open_context([kubeconfig(tmp_path, server=cluster.url)], environ=PATH))
    await client.version()
    tokens.revoke(first)
    program(tmp_path, f"echo '{answer(token=tokens.add('second'))}'")
    await client.version()
    await client.close()
    assert [who for _, path, who in cluster.emulator.requests if path == "/version"] == ["first", "second"]
