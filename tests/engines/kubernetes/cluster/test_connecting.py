"""Which cluster is taken, as whom, and what is said where there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.cluster.cluster import Cluster
from tests.engines.kubernetes.hub import a_hub
from tests.kube.authority import Authority

from windlass.engines.kubernetes.cluster.connecting import connect
from windlass.engines.kubernetes.cluster.ways import ways
from windlass.errors import Unavailable
from windlass.hub.broker import HubBroker


def a_pod(folder: Path) -> tuple[dict[str, str], Path]:
    """The environment and the files of a pod with an account."""
    folder.mkdir()
    (folder / "token").write_text("t")
    (folder / "namespace").write_text("pods-own\n")
    (folder / "ca.crt").write_text(Authority(folder).pem)
    return {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}, folder


@pytest.mark.cluster
async def test_a_kubeconfig_is_a_way_in(cluster: Cluster, tmp_path: Path) -> None:
    file = cluster.kubeconfig(tmp_path / "config", namespace="team-a")
    connection = await connect(broker=None, environ={"KUBECONFIG": str(file)})
    assert (connection.origin, connection.namespace, connection.server) == ("kubeconfig", "team-a", cluster.url)
    assert (await connection.client.version())["major"] == "1"
    await connection.client.close()


@pytest.mark.emulator
async def test_the_hub_s_token_comes_before_everything_else(cluster: Cluster, tmp_path: Path) -> None:
    assert cluster.emulator is not None
    token = cluster.emulator.api.tokens.add("ann")
    file = cluster.kubeconfig(tmp_path / "config")
    async with a_hub() as hub:
        hub.gives_token(token, namespace="ann-jobs", server=cluster.url)
        connection = await connect(broker=hub.broker, environ={"KUBECONFIG": str(file)})
        assert (connection.origin, connection.namespace, connection.server) == ("hub", "ann-jobs", cluster.url)
        await connection.client.version()
        await connection.client.close()
    assert cluster.emulator.requests[-1][2] == "ann"


async def test_a_hub_without_tokens_stands_in_nobody_s_way(cluster: Cluster, tmp_path: Path) -> None:
    file = cluster.kubeconfig(tmp_path / "config")
    async with a_hub() as hub:
        hub.answers["me"] = {"name": "ann", "features": ["prices"]}
        connection = await connect(broker=hub.broker, environ={"KUBECONFIG": str(file)})
        assert connection.origin == "kubeconfig"
        await connection.client.close()
        with pytest.raises(Unavailable, match="This hub gives no tokens for a cluster"):
            await connect(broker=hub.broker, environ={"HOME": str(tmp_path)})


@pytest.mark.parametrize("answers", [{"me": 503}, {"me": 401}, {"me": 403}, {"token": 503}, {"token": 404}])
async def test_while_the_hub_is_away_no_other_cluster_is_taken(
    answers: dict[str, int], cluster: Cluster, tmp_path: Path
) -> None:
    file = cluster.kubeconfig(tmp_path / "config")
    async with a_hub() as hub:
        hub.answers |= answers
        with pytest.raises(Unavailable, match=r"[Tt]he hub"):
            await connect(broker=hub.broker, environ={"KUBECONFIG": str(file)})


async def test_a_pod_s_own_account_is_a_way_in(tmp_path: Path) -> None:
    environ, folder = a_pod(tmp_path / "account")
    connection = await connect(broker=None, environ=environ | {"HOME": str(tmp_path)}, service_account=folder)
    found = (connection.origin, connection.namespace, connection.server)
    assert found == ("in-cluster", "pods-own", "https://10.0.0.1:443")
    await connection.client.close()


def test_a_kubeconfig_that_was_named_comes_before_the_pod_s_account(cluster: Cluster, tmp_path: Path) -> None:
    pod, folder = a_pod(tmp_path / "account")
    (tmp_path / ".kube").mkdir()
    at_home = cluster.kubeconfig(tmp_path / ".kube" / "config")
    home = pod | {"HOME": str(tmp_path)}
    assert ways(broker=None, environ=home, service_account=folder) == ("in-cluster", "kubeconfig")
    named = home | {"KUBECONFIG": str(at_home)}
    assert ways(broker=None, environ=named, service_account=folder) == ("kubeconfig", "in-cluster")
    missing = home | {"KUBECONFIG": str(tmp_path / "missing")}
    assert ways(broker=None, environ=missing, service_account=folder) == ("in-cluster",)
    hub = HubBroker(url="http://hub", token="t")
    assert ways(broker=hub, environ=home, service_account=folder)[0] == "hub"


async def test_without_any_way_it_is_said_what_to_do(tmp_path: Path) -> None:
    assert ways(broker=None, environ={"HOME": str(tmp_path)}, service_account=tmp_path) == ()
    with pytest.raises(Unavailable, match=r"no way to a cluster.*set KUBECONFIG"):
        await connect(broker=None, environ={"HOME": str(tmp_path)}, service_account=tmp_path)


async def test_a_kubeconfig_that_is_wrong_is_said_in_its_own_sentence(cluster: Cluster, tmp_path: Path) -> None:
    file = cluster.kubeconfig(tmp_path / "config")
    with pytest.raises(Unavailable, match=r"The kubeconfig's context prod is not in it\."):
        await connect(broker=None, environ={"KUBECONFIG": str(file)}, context="prod")


def test_no_kubernetes_library_is_loaded_for_it() -> None:
    program = """
import sys
import windlass.engines.kubernetes.cluster.connecting
print([name for name in sys.modules if name.partition('.')[0] in ('kubernetes', 'kubernetes_asyncio', 'requests')])
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
