"""Plain Jobs: one worker, on any cluster."""

from __future__ import annotations

from typing import Any

from tests.engines.kubernetes.making import EVERYTHING, cluster_job

from windlass.engines.kubernetes.kinds.batchjob import KIND
from windlass.engines.kubernetes.model import Object


def spec_of(**spec: Any) -> Object:
    (made,) = KIND.render(cluster_job(spec=spec), EVERYTHING)
    return made["spec"]


def command_of(**spec: Any) -> list[str]:
    (container,) = spec_of(**spec)["template"]["spec"]["containers"]
    return container["command"]


def test_one_process_needs_no_torch_in_the_image() -> None:
    assert command_of() == ["python", "/windlass/bundle/windlass_run.py"]


def test_several_processes_find_each_other_in_the_pod() -> None:
    command = command_of(processes_per_worker=4)
    assert command[:3] == ["python", "-m", "torch.distributed.run"]
    assert "--nproc-per-node=4" in command
    assert "--master-addr=127.0.0.1" in command


def test_several_workers_are_refused_at_their_field() -> None:
    (problem,) = KIND.problems(cluster_job(spec={"workers": 2}), EVERYTHING)
    assert problem.field == "workers"
    assert "PyTorchJob" in problem.message


def test_retries_are_pods_anew_and_a_lost_node_uses_up_none() -> None:
    made = spec_of(retries=2)
    assert made["backoffLimit"] == 2
    assert made["template"]["spec"]["restartPolicy"] == "Never"
    (rule,) = made["podFailurePolicy"]["rules"]
    assert rule["action"] == "Ignore"
    assert "podFailurePolicy" not in spec_of()
    assert spec_of()["backoffLimit"] == 0


def test_the_time_limit_is_the_jobs() -> None:
    assert spec_of(time_limit_seconds=60)["activeDeadlineSeconds"] == 60
    assert len(KIND.notices(cluster_job(spec={"time_limit_seconds": 60}), EVERYTHING)) == 1


def test_its_pod_is_the_first_worker_and_other_pods_are_none() -> None:
    assert KIND.node_rank({"metadata": {"labels": {"windlass.io/job": "j"}}}) == 0
    assert KIND.node_rank({"metadata": {"labels": {}}}) is None


def test_it_is_suspended_by_its_spec() -> None:
    assert KIND.suspended(False) == {"spec": {"suspend": False}}
