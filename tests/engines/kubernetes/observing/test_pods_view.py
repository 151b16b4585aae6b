"""The list of a job's pods."""

from __future__ import annotations

import pytest
from tests.engines.kubernetes.objects import (
    BEGUN,
    GPU_SHORT,
    condition,
    job,
    observed,
    pod,
    running,
    terminated,
    waiting,
)

from windlass.engines.kubernetes.kinds.choosing import KINDS
from windlass.engines.kubernetes.observing.pods_view import job_pods


def test_pods_come_by_rank_with_their_ranks_and_places() -> None:
    seen = observed(job(), pod(index=1, message=GPU_SHORT), pod(state=running(7)))
    master, worker = job_pods(seen, KINDS["PyTorchJob"], processes_per_worker=2)
    assert (master.role, master.ranks, master.node, master.state) == ("master", [0, 1], "node-1", "running")
    assert master.started_at is not None
    assert master.started_at.timestamp() == BEGUN + 7
    assert (worker.role, worker.ranks, worker.node, worker.state) == ("worker", [2, 3], None, "waiting")
    assert worker.reason.startswith("waiting for a GPU node: of 4 nodes")


@pytest.mark.parametrize(
    ("made", "state", "exit_code", "reason"),
    [
        (pod(state=terminated(0), phase="Succeeded"), "succeeded", 0, ""),
        (pod(state=terminated(137, reason="OOMKilled"), phase="Failed"), "failed", 137, "ran out of memory"),
        (pod(state=waiting("ContainerCreating")), "starting", None, "pulling the image"),
        (pod(state=waiting("CrashLoopBackOff"), last=terminated(5), restarts=2), "starting", 5, "exit code 5"),
        (pod(state=running(), deleted=True), "gone", None, ""),
        (
            pod(phase="Failed", conditions=[condition("DisruptionTarget", reason="DeletionByPodGC")]),
            "gone",
            None,
            "lost",
        ),
    ],
)
def test_a_pod_says_how_it_is(made: dict[str, object], state: str, exit_code: int | None, reason: str) -> None:
    (found,) = job_pods(observed(job(), made), KINDS["PyTorchJob"], processes_per_worker=1)
    assert (found.state, found.exit_code) == (state, exit_code)
    assert reason in found.reason


def test_the_newest_pod_of_a_rank_comes_first() -> None:
    old = pod("TrainJob", 0, state=terminated(1), phase="Failed", attempt=0)
    new = pod("TrainJob", 0, state=running(40), attempt=1, created=30)
    found = job_pods(observed(job("TrainJob"), old, new), KINDS["TrainJob"], processes_per_worker=1)
    assert [(each.state, each.ranks) for each in found] == [("running", [0]), ("failed", [0])]
