"""PyTorchJobs: replicas, retries and limits as the Training Operator takes them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.engines.kubernetes.making import EVERYTHING, cluster, cluster_job

from windlass.engines.kubernetes.kinds.pytorchjob import KIND
from windlass.engines.kubernetes.model import Object
from windlass.kube.resources import JOBS, PYTORCH_JOBS


def spec_of(*, options: dict[str, Any] | None = None, **spec: Any) -> Object:
    (made,) = KIND.render(cluster_job(spec=spec, options=options), EVERYTHING)
    return made["spec"]


def test_one_worker_is_a_master_alone() -> None:
    replicas = spec_of(processes_per_worker=4)["pytorchReplicaSpecs"]
    assert list(replicas) == ["Master"]
    assert spec_of(processes_per_worker=4)["nprocPerNode"] == "4"


@pytest.mark.parametrize(("retries", "workers"), [(1, 1), (3, 8)])
def test_the_limit_is_reached_by_one_restart_more_than_was_allowed(retries: int, workers: int) -> None:
    # The operator fails a job when the restarts of all its pods together have reached the limit.
    policy = spec_of(retries=retries, workers=workers)["runPolicy"]
    assert policy["backoffLimit"] == retries * workers + 1


def test_without_retries_a_failed_pod_is_final() -> None:
    made = spec_of(workers=2)
    assert "backoffLimit" not in made["runPolicy"]
    assert {each["restartPolicy"] for each in made["pytorchReplicaSpecs"].values()} == {"Never"}
    retried = spec_of(workers=2, retries=1)
    assert {each["restartPolicy"] for each in retried["pytorchReplicaSpecs"].values()} == {"OnFailure"}


def test_the_operator_alone_says_how_pods_restart() -> None:
    for replica in spec_of(workers=2)["pytorchReplicaSpecs"].values():
        assert "restartPolicy" not in replica["template"]["spec"]


def test_when_one_has_failed_the_others_do_not_go_on() -> None:
    assert spec_of()["runPolicy"]["cleanPodPolicy"] == "Running"


@pytest.mark.parametrize(("asked", "kept"), [(0, 300), (299, 300), (3600, 3600)])
def test_the_job_is_kept_long_enough_to_read_how_it_ended(asked: int, kept: int) -> None:
    assert spec_of(options={"keep_seconds": asked})["runPolicy"]["ttlSecondsAfterFinished"] == kept


def test_the_time_limit_is_the_operators() -> None:
    assert spec_of(time_limit_seconds=60)["runPolicy"]["activeDeadlineSeconds"] == 60
    assert "activeDeadlineSeconds" not in spec_of()["runPolicy"]


def test_what_the_operator_does_in_its_own_way_is_told() -> None:
    job = cluster_job(spec={"workers": 2, "retries": 1, "time_limit_seconds": 60})
    told = " ".join(KIND.notices(job, EVERYTHING))
    assert "not the job as a whole" in told
    assert "counts from when it is let go" in told
    assert "init container" in told
    assert KIND.notices(cluster_job(), EVERYTHING) == []


def test_a_training_runtime_is_not_for_it() -> None:
    job = cluster_job(options={"runtime": "torch-distributed"})
    assert [each.field for each in KIND.problems(job, EVERYTHING)] == ["cluster.runtime"]


@pytest.mark.parametrize(
    ("role", "index", "rank"),
    [
        ("master", "0", 0),
        ("worker", "0", 1),
        ("worker", "6", 7),
        ("Worker", "0", 1),
        ("launcher", "0", None),
        ("worker", "", None),
    ],
)
def test_the_master_is_the_first_worker(role: str, index: str, rank: int | None) -> None:
    labels = {"training.kubeflow.org/replica-type": role, "training.kubeflow.org/replica-index": index}
    assert KIND.node_rank({"metadata": {"labels": labels}}) == rank
    assert KIND.node_rank({"metadata": {}}) is None


def test_it_is_suspended_by_its_run_policy() -> None:
    assert KIND.suspended(True) == {"spec": {"runPolicy": {"suspend": True}}}


def test_it_is_there_where_the_operator_is() -> None:
    assert KIND.served(EVERYTHING) == PYTORCH_JOBS
    assert KIND.served(cluster(JOBS)) is None
