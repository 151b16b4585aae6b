"""The client against an API server over HTTP."""

from __future__ import annotations

import pytest
from tests.cluster.cluster import Cluster

from windlass.kube.errors import Conflict, NotFound
from windlass.kube.resources import CONFIG_MAPS

pytestmark = pytest.mark.cluster


def _map(name: str, **data: str) -> dict[str, object]:
    return {"metadata": {"name": name}, "data": data}


async def test_an_object_is_made_read_changed_and_removed(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    made = await cluster.admin.create(CONFIG_MAPS, _map("one", a="1"), namespace=namespace)
    assert made["metadata"]["uid"]
    await cluster.admin.patch(CONFIG_MAPS, "one", {"data": {"b": "2", "a": None}}, namespace=namespace)
    assert (await cluster.admin.get(CONFIG_MAPS, "one", namespace=namespace))["data"] == {"b": "2"}
    with pytest.raises(Conflict):
        await cluster.admin.replace(CONFIG_MAPS, made, namespace=namespace)
    items, version = await cluster.admin.list(CONFIG_MAPS, namespace=namespace, field_selector="metadata.name=one")
    assert [item["kind"] for item in items] == ["ConfigMap"]
    await cluster.admin.delete(CONFIG_MAPS, "one", namespace=namespace)
    with pytest.raises(NotFound):
        await cluster.admin.get(CONFIG_MAPS, "one", namespace=namespace)
    watch = cluster.admin.watch(CONFIG_MAPS, namespace=namespace, resource_version=version, timeout_seconds=1)
    events = [kind async for kind, _ in watch]
    assert events[0] == "DELETED"
