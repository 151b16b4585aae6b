"""What the API server says no to, in words; the sentences are those of real API servers."""

from __future__ import annotations

import json

import pytest
from jupyterhub.spawner import SpawnException
from kubernetes_asyncio.client.rest import ApiException

from windlass.kube.errors import Unavailable, from_answer
from windlass_hub.pods.refusals import Answer, refused


def answer(status: int, message: str, reason: str = "Forbidden") -> Answer:
    error = ApiException(status=status, reason="x")
    error.body = json.dumps({"kind": "Status", "message": message, "reason": reason})
    return Answer.of(error)


QUOTA = (
    'pods "jupyter-ann" is forbidden: exceeded quota: windlass, requested: requests.nvidia.com/gpu=2, '
    "used: requests.nvidia.com/gpu=1, limited: requests.nvidia.com/gpu=2"
)
CASES = [
    (QUOTA, 403, "quota", "nvidia.com/gpu: 2 asked for, 1 of 2 in use"),
    ('pods "p" is forbidden: failed quota: q: must specify limits.memory', 403, "quota", "limits.memory"),
    ('pods "p" is forbidden: maximum cpu usage per Container is 2, but limit is 4', 403, "limit_range", "is 2"),
    ('admission webhook "gpus.acme.io" denied the request: no GPUs on Sundays', 400, "admission", "no GPUs on Sundays"),
    (
        "p is forbidden: ValidatingAdmissionPolicy 'windlass' with binding 'windlass' denied request: only ours",
        422,
        "admission",
        "only ours",
    ),
    ('pods "p" is forbidden: violates PodSecurity "baseline:latest": privileged', 403, "admission", "privileged"),
    (
        'pods is forbidden: User "system:serviceaccount:hub:hub" cannot create resource "pods" in API group ""',
        403,
        "rights",
        "may not create pods",
    ),
    (
        'pods "p" is forbidden: unable to create new content in namespace x because it is being terminated',
        403,
        "namespace",
        "being deleted",
    ),
    ('namespaces "x" not found', 404, "namespace", "does not exist"),
    ('Pod "p" is invalid: spec.containers[0].image: Required value', 422, "invalid", "Required value"),
]


@pytest.mark.parametrize(
    ("message", "status", "reason", "said"), CASES, ids=[f"{c[2]}-{c[1]}-{i}" for i, c in enumerate(CASES)]
)
def test_a_refusal_has_a_sentence_for_the_user_and_a_word_for_the_metrics(
    message: str, status: int, reason: str, said: str
) -> None:
    error = refused(answer(status, message), what="the server's pod", namespace="x")
    assert isinstance(error, SpawnException)
    assert error.reason == reason
    assert said in error.message
    assert error.message.endswith(".")


def test_what_may_work_in_a_moment_is_not_refused_yet() -> None:
    no_account = 'pods "p" is forbidden: error looking up service account x/default: serviceaccount "default" not found'
    conflict = 'Operation cannot be fulfilled on resourcequotas "q": the object has been modified'
    assert answer(403, no_account).transient
    assert answer(409, conflict, "Conflict").transient
    assert answer(500, "etcdserver: leader changed", "InternalError").transient
    assert not answer(409, 'pods "p" already exists', "AlreadyExists").transient
    assert answer(409, 'pods "p" already exists', "AlreadyExists").exists
    assert not answer(403, QUOTA).transient


def test_an_api_server_that_is_away_is_no_refusal_of_the_user() -> None:
    error = refused(Answer.of(Unavailable("no answer")), what="the server's pod", namespace="x")
    assert (error.reason, error.status_code) == ("kubernetes_away", 503)


def test_both_clients_answers_are_read_alike() -> None:
    body = json.dumps({"kind": "Status", "message": QUOTA, "reason": "Forbidden"}).encode()
    ours = Answer.of(from_answer(status=403, body=body))
    theirs = answer(403, QUOTA)
    assert (ours.status, ours.reason, ours.message) == (theirs.status, theirs.reason, theirs.message)


def test_an_answer_that_is_no_status_is_read_by_its_number() -> None:
    error = ApiException(status=403, reason="Forbidden by proxy")
    error.body = "<html>"
    assert refused(Answer.of(error), what="the server's pod", namespace="x").reason == "refused"
