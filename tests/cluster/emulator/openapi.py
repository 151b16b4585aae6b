"""/openapi/v3: the schemas of what CustomResourceDefinitions define, for whoever may not read these."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.cluster.emulator.errors import not_served
from tests.cluster.emulator.kinds import Kinds
from tests.cluster.emulator.storage import Object

_METADATA = {"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}


def answer(path: str, *, kinds: Kinds, definitions: Iterable[Object]) -> dict[str, Any]:
    """Raises a 404 for a group and version that is not served."""
    pieces = path.strip("/").split("/")[2:]
    if not pieces:
        served = {kind.api_version for kind in kinds if kind.group}
        paths = {f"apis/{name}": {"serverRelativeURL": f"/openapi/v3/apis/{name}"} for name in sorted(served)}
        return {"paths": paths}
    if len(pieces) != 3 or pieces[0] != "apis" or not any(kind.api_version == "/".join(pieces[1:]) for kind in kinds):
        raise not_served()
    _, group, version = pieces
    schemas = {
        f"{'.'.join(reversed(group.split('.')))}.{version}.{definition['spec']['names']['kind']}": _schema(
            definition, found, group=group
        )
        for definition in definitions
        if definition["spec"]["group"] == group
        for found in definition["spec"]["versions"]
        if found["name"] == version and found.get("served", True)
    }
    return {"openapi": "3.0.0", "info": {"title": "Kubernetes"}, "paths": {}, "components": {"schemas": schemas}}


def _schema(definition: Object, version: dict[str, Any], *, group: str) -> dict[str, Any]:
    """As API servers publish it: with the words that every object has, and the kind it is of."""
    schema = version.get("schema", {}).get("openAPIV3Schema", {})
    common = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"allOf": [_METADATA], "default": {}},
    }
    named = {"group": group, "kind": definition["spec"]["names"]["kind"], "version": version["name"]}
    return {
        **schema,
        "properties": {**schema.get("properties", {}), **common},
        "x-kubernetes-group-version-kind": [named],
    }
