"""What a cluster refuses is said as the mistake it is, at the field it concerns."""

from __future__ import annotations

import pytest

from windlass.engines.kubernetes.refusals import refusal
from windlass.errors import Conflict, Forbidden, InvalidRequest, NotFound, Unavailable, WindlassError
from windlass.kube import errors as kube

QUOTA = (
    'pytorchjobs.kubeflow.org "x" is forbidden: exceeded quota: team, requested: requests.nvidia.com/gpu=8, '
    "used: requests.nvidia.com/gpu=4, limited: requests.nvidia.com/gpu=8"
)


def test_a_quota_is_the_requests_fault_at_the_field_that_ran_out() -> None:
    error = refusal(kube.Forbidden(QUOTA), doing="take the job")
    assert isinstance(error, InvalidRequest)
    assert [field.field for field in error.fields] == ["gpus_per_worker"]
    assert "The quota team has no room: this asks for requests.nvidia.com/gpu=8" in str(error)


@pytest.mark.parametrize(
    ("error", "kind", "fields"),
    [
        (kube.Forbidden('User "ada" cannot create resource "pods"'), Forbidden, None),
        (kube.Forbidden('pods "x" is forbidden: violates PodSecurity "restricted:latest"'), InvalidRequest, []),
        (
            kube.Invalid(
                "Pod is invalid",
                details={"causes": [{"field": "spec.priorityClassName", "message": "no PriorityClass with name x"}]},
            ),
            InvalidRequest,
            ["cluster.priority_class"],
        ),
        (kube.NotFound("the server could not find the requested resource"), NotFound, None),
        (kube.Conflict("object is being deleted"), Conflict, None),
        (kube.Unauthorized("Unauthorized"), Unavailable, None),
        (kube.Unavailable("etcd leader changed"), Unavailable, None),
    ],
)
def test_every_answer_has_its_meaning(
    error: kube.KubeError, kind: type[WindlassError], fields: list[str] | None
) -> None:
    found = refusal(error, doing="take the job")
    assert type(found) is kind
    assert error.message.rstrip(".") in str(found)
    if isinstance(found, InvalidRequest):
        assert [field.field for field in found.fields] == fields
