"""Windlass's client on the hub: the account and the server of KubeSpawner's configuration, also when they change."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from kubernetes_asyncio.client import Configuration
from kubernetes_asyncio.config import ConfigException, load_kube_config
from tests.cluster.cluster import Cluster
from tests.hub.spawner.conftest import Hubs

from windlass.kube.errors import Unauthorized
from windlass.kube.resources import NAMESPACES
from windlass_hub import hub_kube
from windlass_hub.hub_kube import ConfiguredCredentials, NoKubernetes, hub_client, service_client
from windlass_hub.settings import Settings

pytestmark = pytest.mark.cluster


async def test_the_hub_has_one_client_which_is_kubespawners_account(hubs: Hubs) -> None:
    client = hub_client()
    assert client is hub_client()
    assert (await client.get(NAMESPACES, hubs.namespace))["metadata"]["name"] == hubs.namespace


async def test_a_token_that_is_no_longer_good_is_loaded_anew(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = cluster.kubeconfig(tmp_path / "kubeconfig")
    configuration = Configuration()
    await load_kube_config(config_file=str(file), client_configuration=configuration)
    configuration.api_key["BearerToken"] = "Bearer expired"
    credentials = ConfiguredCredentials(configuration)

    async def reload(client_configuration: Configuration) -> None:
        await load_kube_config(config_file=str(file), client_configuration=client_configuration)

    monkeypatch.setattr(hub_kube.kubernetes_config, "load_kube_config", reload)
    client = hub_kube.KubeClient(credentials)
    try:
        assert await client.get(NAMESPACES, "default")

        async def broken(**_: object) -> None:
            raise ConfigException("gone")

        monkeypatch.setattr(hub_kube.kubernetes_config, "load_kube_config", broken)
        configuration.api_key["BearerToken"] = "Bearer expired again"
        with pytest.raises(Unauthorized):
            await client.get(NAMESPACES, "default")
    finally:
        await client.close()
    assert "expired" not in repr(credentials)


def test_without_a_cluster_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(**_: object) -> None:
        raise ConfigException("no kubeconfig")

    monkeypatch.setattr(hub_kube, "load_config", none)
    with pytest.raises(NoKubernetes, match="no kubeconfig"):
        service_client(Settings())
    with pytest.raises(NoKubernetes, match="without Kubernetes"):
        service_client(Settings(spawner="local"))


async def test_a_client_is_closed_when_the_hub_ends_its_tasks(hubs: Hubs) -> None:
    client = hub_client(host="http://elsewhere.invalid")
    (task,) = [each for each in asyncio.all_tasks() if each.get_name() == "windlass-close-kubernetes-client"]
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    with pytest.raises(RuntimeError, match="closed"):
        await client.version()
