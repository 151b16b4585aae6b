"""The judges of manifests do judge: what the API would refuse, they refuse."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cluster.emulator import structural
from tests.engines.kubernetes.making import EVERYTHING, cluster_job
from tests.engines.kubernetes.schemas import HAS_CRDS, complaints

from windlass.engines.kubernetes.kinds.choosing import KINDS
from windlass.engines.kubernetes.model import Object


def _of(kind: str) -> Object:
    job = cluster_job()
    return next(item for k in KINDS.values() for item in k.render(job, EVERYTHING) if item["kind"] == kind)


def _pod_spec(item: Object) -> Object:
    if item["kind"] == "Job":
        return item["spec"]["template"]["spec"]
    if item["kind"] == "PyTorchJob":
        return item["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["spec"]
    (node,) = item["spec"]["template"]["spec"]["replicatedJobs"]
    return node["template"]["spec"]["template"]["spec"]


@pytest.mark.parametrize("kind", ["Job", "PyTorchJob", "TrainingRuntime"])
@pytest.mark.parametrize(
    ("field", "value"),
    [("enableServicelinks", False), ("terminationGracePeriodSeconds", "30"), ("tolerations", {"key": "x"})],
)
def test_a_field_of_a_pod_that_is_unknown_or_of_a_wrong_type_is_found(kind: str, field: str, value: Any) -> None:
    item = _of(kind)
    assert complaints(item) == []
    _pod_spec(item)[field] = value
    assert complaints(item)


@pytest.mark.parametrize(("kind", "field"), [("TrainJob", "podSpecOverride"), ("TrainingRuntime", "ttl")])
def test_an_unknown_field_of_trainers_kinds_is_found_without_their_crds(kind: str, field: str) -> None:
    item = _of(kind)
    item["spec"][field] = 1
    assert any(field in text for text in complaints(item))


@pytest.mark.skipif(not HAS_CRDS, reason="the operators' CRDs are not beside this checkout")
@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("PyTorchJob", "unknown", 1),
        ("PyTorchJob", "nprocPerNode", 2),
        ("TrainJob", "unknown", 1),
        ("TrainJob", "activeDeadlineSeconds", 0),
    ],
)
def test_a_crd_finds_what_it_does_not_describe(kind: str, field: str, value: Any) -> None:
    item = _of(kind)
    item["spec"][field] = value
    assert any(field in text for text in complaints(item))


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ({"a": 1}, {"type": "object", "properties": {}}),
        ({}, {"type": "object", "required": ["a"], "properties": {"a": {}}}),
        (True, {"type": "integer"}),
        ("x", {"type": "string", "enum": ["y"]}),
        ("x y", {"type": "string", "pattern": "^[a-z]+$"}),
        ("xx", {"type": "string", "maxLength": 1}),
        (0, {"type": "integer", "minimum": 1}),
        (2**31, {"type": "integer", "format": "int32"}),
        ("1 GiB", {"x-kubernetes-int-or-string": True, "pattern": "^[0-9]+[A-Za-z]*$"}),
        (
            [{"n": "a"}, {"n": "a"}],
            {
                "type": "array",
                "x-kubernetes-list-map-keys": ["n"],
                "items": {"x-kubernetes-preserve-unknown-fields": True, "type": "object"},
            },
        ),
        ([1, 2], {"type": "array", "maxItems": 1}),
    ],
)
def test_what_a_structural_schema_forbids_is_found(value: Any, schema: Object) -> None:
    assert structural.complaints(value, schema, "spec")
