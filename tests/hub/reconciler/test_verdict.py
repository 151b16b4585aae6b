"""How ended jobs ended, for people and for machines."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cluster.pod_outcomes import OUTCOMES

from windlass.engines.base import State
from windlass.engines.kubernetes.model import Observed
from windlass_hub.reconciler.verdict import expected_pods, verdict

Object = dict[str, Any]
NOW = "2026-01-01T00:00:00Z"
SECRET = "hf_" + "aB3dE5gH7j" * 4


def job(*conditions: Object, **spec: Any) -> Object:
    return {
        "apiVersion": "kubeflow.org/v1",
        "kind": "PyTorchJob",
        "metadata": {"name": "j", "namespace": "n", "uid": "u", "creationTimestamp": NOW},
        "spec": {"pytorchReplicaSpecs": {"Master": {"replicas": 1}}, **spec},
        "status": {"conditions": list(conditions)},
    }


def condition(kind: str, reason: str = "", message: str = "") -> Object:
    return {"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": NOW}


FAILED = condition("Failed", "PyTorchJobFailed", "PyTorchJob j is failed because 1 Master replica(s) failed.")


def pod(outcome: str) -> Object:
    body: Object = {
        "metadata": {
            "name": "j-master-0",
            "creationTimestamp": NOW,
            "labels": {"training.kubeflow.org/replica-type": "master"},
        },
        "spec": {"containers": [{"name": "pytorch", "image": "x"}], "restartPolicy": "Never", "nodeName": "n"},
    }
    return {**body, "status": OUTCOMES[outcome].status(body, NOW, "127.0.0.1")}


@pytest.mark.parametrize(
    ("seen", "state", "cause", "words"),
    [
        (Observed(job=job(condition("Succeeded")), pods=[pod("succeeded")]), "succeeded", "completed", ""),
        (Observed(job=job(FAILED), pods=[pod("oom-killed")]), "failed", "oom-killed", "out of memory"),
        (Observed(job=job(FAILED), pods=[pod("failed")]), "failed", "exit-code", "exit code 1"),
        (Observed(job=job(FAILED), pods=[pod("evicted")]), "failed", "evicted", "master"),
        (Observed(job=job(FAILED)), "failed", "unknown", "failed"),
        (Observed(job=job(FAILED), departed=[pod("oom-killed")]), "failed", "oom-killed", "out of memory"),
        (Observed(job=None, last=job(condition("Running")), end_unseen=True), "lost", "unknown", "not seen"),
        (
            Observed(job=job(condition("Failed", "DeadlineExceeded")), pods=[pod("image-pull-back-off")]),
            "failed",
            "image",
            "could not be pulled",
        ),
        (
            Observed(job=job(condition("Failed", "DeadlineExceeded")), pods=[pod("running")]),
            "failed",
            "deadline",
            "time limit",
        ),
        (Observed(job=None, last=job(condition("Running")), pods=[pod("running")]), "stopped", "removed", "removed"),
    ],
)
def test_each_end_has_its_cause_and_words(seen: Observed, state: str, cause: str, words: str) -> None:
    found = verdict(seen)
    assert found is not None
    assert (found.state, found.cause) == (State(state), cause)
    assert words in found.reason


def test_a_job_that_goes_on_has_no_verdict() -> None:
    assert verdict(Observed(job=job(condition("Running")), pods=[pod("crash-loop")])) is None


def test_no_secret_and_no_book_comes_out_of_somebodys_message() -> None:
    message = f"token={SECRET} " + "very long " * 1000
    found = verdict(Observed(job=job(condition("Failed", "Odd", message))))
    assert found is not None
    assert SECRET not in found.reason
    assert len(found.reason) <= 1000


@pytest.mark.parametrize(
    ("spec", "pods"),
    [
        ({"pytorchReplicaSpecs": {"Master": {}, "Worker": {"replicas": 7}}}, 8),
        ({"trainer": {"numNodes": 4}}, 4),
        ({"parallelism": 2}, 2),
        ({}, 1),
    ],
)
def test_each_kind_says_how_many_pods_it_runs(spec: Object, pods: int) -> None:
    assert expected_pods({"spec": spec}) == pods
