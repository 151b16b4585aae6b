"""Kinds installed on demand, as whichever server serves and publishes them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.crds import OPERATORS, definition, install

from windlass.kube.resources import CUSTOM_RESOURCE_DEFINITIONS, JOB_SETS, TRAIN_JOBS

pytestmark = pytest.mark.cluster


async def test_what_is_installed_is_served_and_its_schema_is_published_to_everybody(cluster: Cluster) -> None:
    cluster.needs("openapi-v3")
    await install(cluster, *OPERATORS)
    namespace = await cluster.namespace()
    nobody = await cluster.account(namespace, "nobody")
    served = await nobody.raw("GET", f"/apis/{TRAIN_JOBS.api_version}")
    assert "trainjobs" in {entry["name"] for entry in served["resources"]}

    async def published() -> Any:
        answer = await nobody.raw("GET", f"/openapi/v3/apis/{TRAIN_JOBS.api_version}")
        kinds = [
            named["kind"]
            for schema in answer["components"]["schemas"].values()
            for named in schema.get("x-kubernetes-group-version-kind", [])
        ]
        return "TrainJob" in kinds

    await eventually(published, what="the schema of TrainJobs")
    index = await nobody.raw("GET", "/openapi/v3")
    assert f"apis/{JOB_SETS.api_version}" in index["paths"]


@pytest.mark.parametrize("resource", OPERATORS, ids=lambda resource: resource.kind)
async def test_every_definition_is_one_that_servers_take(cluster: Cluster, resource: Any) -> None:
    body = definition(resource)
    assert body["metadata"]["name"] == f"{resource.plural}.{resource.group}"
    assert body["spec"]["names"]["kind"] == resource.kind
    assert resource.version in {version["name"] for version in body["spec"]["versions"]}
    await install(cluster, resource)
    assert await cluster.admin.get(CUSTOM_RESOURCE_DEFINITIONS, body["metadata"]["name"])
