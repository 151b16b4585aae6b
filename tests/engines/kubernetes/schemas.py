"""Whether the API would take an object with strict field validation: unknown fields are errors, as are wrong types.

Three judges: JSON schemas of Kubernetes itself, the typed models that Kubeflow publishes, and, where the folder of CRDs
lies beside the checkout, the CRDs of the operators' own releases.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
from jsonschema import Draft202012Validator
from kubeflow_trainer_api import models
from referencing import Registry, Resource
from tests.cluster.emulator import structural

from windlass.engines.kubernetes.model import Object

KUBERNETES = "1.33.0"
CRDS = Path(os.environ.get("WINDLASS_TEST_CRDS") or Path(__file__).parents[4] / "shared" / "crds")
_CRD_FILES = {
    "PyTorchJob": "kubeflow.org_v1_pytorchjobs.json",
    "TrainJob": "trainer.kubeflow.org_trainjobs.json",
    "TrainingRuntime": "trainer.kubeflow.org_trainingruntimes.json",
}
HAS_CRDS = all((CRDS / file).is_file() for file in _CRD_FILES.values())
OLDER_DIALECTS: dict[str, dict[str, set[str]]] = {
    # The fields of kubeflow-trainer-api 2.0.0 and 2.1.0, of which only one version can be installed.
    "podSpecOverrides": {
        "item": {
            "containers",
            "initContainers",
            "nodeSelector",
            "schedulingGates",
            "serviceAccountName",
            "targetJobs",
            "tolerations",
            "volumes",
        },
        "container": {"env", "name", "volumeMounts"},
    },
    "podTemplateOverrides": {
        "item": {"metadata", "spec", "targetJobs"},
        "spec": {
            "affinity",
            "containers",
            "imagePullSecrets",
            "initContainers",
            "nodeSelector",
            "schedulingGates",
            "serviceAccountName",
            "tolerations",
            "volumes",
        },
        "container": {"env", "name", "volumeMounts"},
    },
}


def complaints(item: Object) -> list[str]:
    """What the API would refuse; empty for a good object."""
    return [*_by_kubernetes(item), *_by_typed_models(item), *_by_crd(item)]


def pod_templates(item: Object) -> Iterator[Object]:
    """All templates of pods in an object, wherever they are."""
    for template in _nested(item, "template"):
        if "containers" in template.get("spec", {}) and "initContainers" in template["spec"]:
            yield template


def _nested(value: Any, key: str) -> Iterator[Object]:
    if isinstance(value, dict):
        if isinstance(value.get(key), dict):
            yield value[key]
        for each in value.values():
            yield from _nested(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from _nested(each, key)


def _by_kubernetes(item: Object) -> list[str]:
    """Core kinds as they are; what operators make of a pod template, as a Pod."""
    judged = [item] if "." not in item["apiVersion"] else []
    judged += [{"apiVersion": "v1", "kind": "Pod", **template} for template in pod_templates(item)]
    found = []
    for each in judged:
        errors = _validator(each["apiVersion"], each["kind"]).iter_errors(each)
        found += [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in errors]
    return found


@cache
def _validator(api_version: str, kind: str) -> Draft202012Validator:
    """As kubernetes-validate makes it, but read once and not for every object."""
    folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / f"v{KUBERNETES}-local-strict"
    definitions = Resource.from_contents(json.loads((folder / "_definitions.json").read_text()))
    file = folder / f"{kind.lower()}-{api_version.replace('/', '-')}.json"
    schema = json.loads(file.read_text())
    return Draft202012Validator(schema, registry=definitions @ Registry())


def _by_typed_models(item: Object) -> list[str]:
    if item["kind"] not in ("TrainJob", "TrainingRuntime") or OLDER_DIALECTS.keys() & item["spec"].keys():
        return []
    model = getattr(models, f"TrainerV1alpha1{item['kind']}")
    try:
        back = model.from_dict(item).to_dict()
    except ValueError as error:
        return [str(error)]
    return list(_lost(item, back, item["kind"]))


def _lost(sent: Any, kept: Any, where: str) -> Iterator[str]:
    """What a typed model did not know."""
    if isinstance(sent, dict) and isinstance(kept, dict):
        for key, value in sent.items():
            if key not in kept:
                yield f"{where}.{key} is not known"
            else:
                yield from _lost(value, kept[key], f"{where}.{key}")
    elif isinstance(sent, list) and isinstance(kept, list):
        for number, (one, other) in enumerate(zip(sent, kept, strict=True)):
            yield from _lost(one, other, f"{where}[{number}]")


def _by_crd(item: Object) -> list[str]:
    schema = _crd_schema(item["kind"])
    if schema is None or OLDER_DIALECTS.keys() & item["spec"].keys():
        return []
    return structural.complaints(item["spec"], schema["properties"]["spec"], "spec")


@cache
def _crd_schema(kind: str) -> Object | None:
    file = CRDS / _CRD_FILES.get(kind, "-")
    if not file.is_file():
        return None
    crd = json.loads(file.read_text())
    (version,) = [each for each in crd["spec"]["versions"] if each["storage"]]
    schema: Object = version["schema"]["openAPIV3Schema"]
    return schema
