"""CustomResourceDefinitions of the operators, installed on demand: their own releases' where those are at hand.

`WINDLASS_TEST_CRDS`, else `../shared/crds` beside the checkout, is the folder of the releases' definitions (JSON).
Without it, and on servers older than those releases bear, a definition has the right names and takes any spec; a
TrainJob's then names the fields by which its dialects differ. On somebody's cluster they go at the end of the run.
"""

from __future__ import annotations

import json
from typing import Any

from tests.cluster.cluster import Cluster, eventually
from tests.cluster.given import definitions
from tests.cluster.occupancy import LABEL

from windlass.kube.errors import Conflict, NotFound
from windlass.kube.resources import (
    CLUSTER_TRAINING_RUNTIMES,
    CUSTOM_RESOURCE_DEFINITIONS,
    JOB_SETS,
    LOCAL_QUEUES,
    PYTORCH_JOBS,
    TRAIN_JOBS,
    TRAINING_RUNTIMES,
    WORKLOADS,
    Resource,
)

FOLDER = definitions()
TRAINER = (TRAIN_JOBS, TRAINING_RUNTIMES, CLUSTER_TRAINING_RUNTIMES, JOB_SETS)
KUEUE = (LOCAL_QUEUES["v1beta2"], WORKLOADS["v1beta2"])
OPERATORS = (PYTORCH_JOBS, *TRAINER, *KUEUE)
_ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_PROCESSES = {
    "runtimePatches": {"type": "integer", "format": "int32"},
    "podTemplateOverrides": {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True},
    "podSpecOverrides": {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True},
}


def definition(resource: Resource, *, dialect: str | None = None, release: bool = True) -> dict[str, Any]:
    """The `release`'s own where it is at hand and no older dialect of TrainJobs is asked for, else a small one."""
    for name in (
        f"{resource.group}_{resource.plural}.json",
        f"{resource.group}_{resource.version}_{resource.plural}.json",
    ):
        if release and dialect in (None, "runtimePatches") and FOLDER is not None and (FOLDER / name).is_file():
            found: dict[str, Any] = json.loads((FOLDER / name).read_text())
            return _acceptable(found)
    spec = _train_job(dialect or "runtimePatches") if resource.kind == TRAIN_JOBS.kind else _ANY
    return _small(resource, spec)


async def install(cluster: Cluster, *resources: Resource, dialect: str | None = None) -> None:
    """Have these kinds served; those that already are stay as they are."""
    for resource in resources:
        body = definition(resource, dialect=dialect, release="release-schemas" in cluster.features)
        if cluster.run is not None:
            body["metadata"]["labels"] = {LABEL: cluster.run}
        try:
            await cluster.admin.create(CUSTOM_RESOURCE_DEFINITIONS, body)
        except Conflict:
            continue

    async def served() -> bool:
        try:
            for resource in resources:
                await cluster.admin.raw("GET", resource.path(), query={"limit": "1"})
        except NotFound:
            return False
        return True

    await eventually(served, what="the operators' kinds")


def _acceptable(found: dict[str, Any]) -> dict[str, Any]:
    """Without what a status says of another cluster, and with the approval that *.k8s.io groups want."""
    metadata = {
        "name": found["metadata"]["name"],
        "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
    }
    spec = {key: value for key, value in found["spec"].items() if key != "conversion"}
    return {"apiVersion": found["apiVersion"], "kind": found["kind"], "metadata": metadata, "spec": spec}


def _small(resource: Resource, spec: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"spec": spec, "status": _ANY}}
    version = {
        "name": resource.version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
    names = {"plural": resource.plural, "singular": resource.kind.lower(), "kind": resource.kind}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{resource.plural}.{resource.group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
        },
        "spec": {
            "group": resource.group,
            "names": {**names, "listKind": f"{resource.kind}List"},
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "versions": [version],
        },
    }


def _train_job(dialect: str) -> dict[str, Any]:
    trainer = {"type": "object", "properties": {"numProcPerNode": _PROCESSES[dialect]}}
    trainer["x-kubernetes-preserve-unknown-fields"] = True
    properties: dict[str, Any] = {
        "runtimeRef": _ANY,
        "trainer": trainer,
        "initializer": _ANY,
        "suspend": {"type": "boolean"},
        "managedBy": {"type": "string"},
        dialect: {"type": "array", "items": _ANY},
    }
    if dialect == "runtimePatches":
        properties["activeDeadlineSeconds"] = {"type": "integer", "format": "int64"}
    else:
        properties |= {"labels": _ANY, "annotations": _ANY}
    return {"type": "object", "properties": properties}
