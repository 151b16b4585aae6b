"""The kubernetes_asyncio library, which KubeSpawner speaks with, against whichever server there is."""

from __future__ import annotations

from pathlib import Path

import pytest
from kubernetes_asyncio import client, config, watch
from tests.cluster.cluster import Cluster

pytestmark = pytest.mark.cluster


async def test_kubespawners_library_makes_lists_watches_and_removes(cluster: Cluster, tmp_path: Path) -> None:
    namespace = await cluster.namespace()
    await config.load_kube_config(config_file=str(cluster.kubeconfig(tmp_path / "kubeconfig")))
    container = client.V1Container(name="c", image="example.invalid/none:1")
    labelled = client.V1ObjectMeta(name="p", labels={"x": "y"})
    pod = client.V1Pod(metadata=labelled, spec=client.V1PodSpec(containers=[container]))
    async with client.ApiClient() as api:
        core = client.CoreV1Api(api)
        made = await core.create_namespaced_pod(namespace, pod)
        await core.patch_namespaced_pod("p", namespace, {"metadata": {"labels": {"q": "r"}}})
        found = await core.list_namespaced_pod(namespace, label_selector="x=y,q=r")
        assert [item.metadata.uid for item in found.items] == [made.metadata.uid]
        async with watch.Watch() as events:
            event = await anext(events.stream(core.list_namespaced_pod, namespace, timeout_seconds=5))
        assert (event["type"], event["object"].metadata.name) == ("ADDED", "p")
        await core.delete_namespaced_pod("p", namespace, body=client.V1DeleteOptions(grace_period_seconds=0))
        with pytest.raises(client.ApiException) as failure:
            await core.read_namespaced_config_map("none", namespace)
    assert failure.value.status == 404
