"""Kinds installed on demand, as whichever server serves and publishes them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.crds import OPERATORS, definition, install

from windlass.kube.errors import Conflict, Invalid, NotFound
from windlass.kube.resources import CUSTOM_RESOURCE_DEFINITIONS, JOB_SETS, TRAIN_JOBS, Resource

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


GADGETS = Resource("windlass-test.example.com", "v1", "gadgets", "Gadget", namespaced=True)


async def gadgets(cluster: Cluster) -> str:
    """A namespace, and a kind with a schema."""
    size = {"type": "integer", "minimum": 1, "default": 3}
    parts = {
        "type": "array",
        "items": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
    }
    spec = {
        "type": "object",
        "properties": {"size": size, "colour": {"type": "string", "enum": ["red"]}, "parts": parts},
    }
    body = definition(GADGETS)
    body["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = spec
    body["metadata"]["annotations"] = {}
    with suppress(Conflict):
        await cluster.create(CUSTOM_RESOURCE_DEFINITIONS, body)
    namespace = await cluster.namespace()

    async def served() -> bool:
        try:
            await cluster.admin.list(GADGETS, namespace=namespace)
        except NotFound:
            return False
        return True

    await eventually(served, what="the new kind")
    return namespace


def gadget(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": GADGETS.api_version, "kind": "Gadget", "metadata": {"name": "one"}, "spec": spec}


@pytest.mark.parametrize(
    ("spec", "field", "said"),
    [
        ({"size": "big"}, "spec.size", "must be of type integer"),
        ({"size": 0}, "spec.size", "Invalid value: 0"),
        ({"colour": "blue"}, "spec.colour", 'Unsupported value: "blue": supported values: "red"'),
        ({"parts": [{"name": "a"}, {}]}, "spec.parts", "Required value"),
        ({"parts": {}}, "spec.parts", "must be of type array"),
    ],
)
async def test_an_object_that_its_schema_forbids_is_refused(
    cluster: Cluster, spec: dict[str, Any], field: str, said: str
) -> None:
    namespace = await gadgets(cluster)
    with pytest.raises(Invalid) as refused:
        await cluster.admin.create(GADGETS, gadget(**spec), namespace=namespace, dry_run=True)
    assert refused.value.status == 422
    assert said in str(refused.value)
    assert any(cause["field"].startswith(field) for cause in refused.value.details["causes"])


async def test_defaults_are_filled_in_and_unknown_fields_are_dropped_or_refused(cluster: Cluster) -> None:
    namespace = await gadgets(cluster)
    path = GADGETS.path(namespace=namespace)
    made = await cluster.admin.raw("POST", path, body=gadget(parts=[{"name": "a", "wheel": 1}], other=2))
    assert made["spec"] == {"size": 3, "parts": [{"name": "a"}]}
    cluster.needs("strict-fields")
    with pytest.raises(Invalid, match=r'unknown field "spec\.other"'):
        await cluster.admin.create(GADGETS, gadget(other=2), namespace=namespace, dry_run=True)


async def test_an_object_of_a_custom_kind_says_what_it_is(cluster: Cluster) -> None:
    namespace = await gadgets(cluster)
    with pytest.raises(Invalid, match="Object 'Kind' is missing"):
        await cluster.admin.create(GADGETS, {"metadata": {"name": "one"}, "spec": {}}, namespace=namespace)
