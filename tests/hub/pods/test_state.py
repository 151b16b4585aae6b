"""Pods as the API shows them, read into one word and one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from windlass_hub.pods.state import PodState, owner_of, read_pod, wanted

Pod = dict[str, Any]


def pod(phase: str = "Pending", *, spec: Pod | None = None, metadata: Pod | None = None, **status: Any) -> Pod:
    return {"metadata": {"name": "p", **(metadata or {})}, "spec": spec or {}, "status": {"phase": phase, **status}}


def container(*, name: str = "notebook", restarts: int = 0, last: Pod | None = None, **state: Any) -> Pod:
    return {
        "name": name,
        "image": "lab:1",
        "ready": "running" in state,
        "restartCount": restarts,
        "state": state,
        "lastState": {"terminated": last} if last else {},
    }


BACKOFF = {"reason": "CrashLoopBackOff"}
UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/4 nodes are available: 4 Insufficient nvidia.com/gpu. preemption: 4 No victims.",
}


def test_a_pod_that_waits_for_a_gpu_says_so_without_the_scheduler_on_preemption() -> None:
    state = read_pod(pod(spec={"nodeSelector": {"nvidia.com/gpu.product": "Tesla-T4"}}, conditions=[UNSCHEDULABLE]))
    assert (state.phase, state.reason) == ("waiting", "Unschedulable")
    said = "The server waits for a node with Tesla-T4: 0/4 nodes are available: 4 Insufficient nvidia.com/gpu."
    assert state.sentence == said


@pytest.mark.parametrize(
    ("reason", "hopeless", "cannot_pull"),
    [
        ("ErrImagePull", False, True),
        ("ImagePullBackOff", False, True),
        ("InvalidImageName", True, False),
        ("CreateContainerConfigError", True, False),
        ("ContainerCreating", False, False),
    ],
)
def test_what_a_container_waits_for_decides_whether_waiting_helps(
    reason: str, hopeless: bool, cannot_pull: bool
) -> None:
    state = read_pod(pod(containerStatuses=[container(waiting={"reason": reason, "message": "why"})]))
    assert (state.hopeless, state.cannot_pull, state.ended) == (hopeless, cannot_pull, False)


def test_an_init_container_that_cannot_be_pulled_is_not_overlooked() -> None:
    waiting = container(name="init", waiting={"reason": "ImagePullBackOff", "message": "Back-off pulling"})
    assert read_pod(pod(initContainerStatuses=[waiting])).cannot_pull


def test_a_crash_loop_tells_how_often_and_that_it_was_the_memory() -> None:
    last = {"exitCode": 137, "reason": "OOMKilled"}
    looping = container(restarts=7, last=last, waiting={"reason": "CrashLoopBackOff"})
    state = read_pod(pod("Running", containerStatuses=[looping]))
    assert state == PodState(
        phase="crash-looping",
        reason="OOMKilled",
        sentence="The server ran out of memory and was killed, 7 times.",
        exit_code=137,
        restarts=7,
    )


@pytest.mark.parametrize(
    ("finished", "phase"),
    [("2026-01-09T03:00:00Z", "restarting"), ("2026-01-01T03:09:59Z", "crash-looping"), (None, "crash-looping")],
)
def test_a_server_that_ran_for_long_before_it_ended_is_in_no_loop(finished: str | None, phase: str) -> None:
    ended = {"exitCode": 137, "reason": "OOMKilled", "startedAt": "2026-01-01T03:00:00Z", "finishedAt": finished}
    for status in (container(restarts=9, terminated=ended), container(restarts=9, last=ended, waiting=BACKOFF)):
        state = read_pod(pod("Running", containerStatuses=[status]))
        assert (state.phase, state.ended, state.exit_code, state.restarts) == (phase, False, 137, 9)
        assert state.sentence.startswith("The server ran out of memory and was killed")


def test_between_two_restarts_the_server_has_not_ended() -> None:
    status = container(restarts=1, terminated={"exitCode": 1, "reason": "Error"})
    state = read_pod(pod("Running", containerStatuses=[status]))
    assert (state.phase, state.ended, state.exit_code) == ("crash-looping", False, 1)


def test_a_server_that_nobody_restarts_has_ended_also_beside_a_container_that_runs() -> None:
    statuses = [container(terminated={"exitCode": 3, "reason": "Error"}), container(name="proxy", running={})]
    state = read_pod(pod("Running", spec={"restartPolicy": "Never"}, containerStatuses=statuses))
    assert (state.phase, state.ended, state.exit_code) == ("failed", True, 3)


def test_a_server_that_ended_well_is_completed() -> None:
    done = container(terminated={"exitCode": 0, "reason": "Completed"})
    assert read_pod(pod("Running", containerStatuses=[done])).phase == "completed"
    assert read_pod(pod("Succeeded", containerStatuses=[done])).exit_code == 0


def test_a_running_pod_without_container_statuses_still_runs() -> None:
    assert read_pod(pod("Running")).phase == "running"
    assert not read_pod(pod("Running", containerStatuses=None)).ended


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ({"reason": "Evicted", "message": "The node was low on resource: memory."}, "evicted"),
        ({"reason": "Preempting", "message": "Preempted in order to admit critical pod"}, "preempted"),
        (
            {"reason": "NodeShutdown", "message": "Pod was terminated in response to imminent node shutdown."},
            "node-lost",
        ),
        (
            {"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}]},
            "preempted",
        ),
        (
            {"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}]},
            "evicted",
        ),
        (
            {"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager"}]},
            "node-lost",
        ),
        ({"containerStatuses": [container(terminated={"exitCode": 1, "reason": "Error"})]}, "failed"),
    ],
)
def test_a_failed_pod_is_called_what_happened_to_it(status: Pod, phase: str) -> None:
    state = read_pod(pod("Failed", **status))
    assert state.phase == phase
    assert state.ended
    assert state.sentence.endswith(".")


def test_a_pod_marked_for_preemption_runs_until_it_is_gone_and_is_called_preempted_then() -> None:
    marked = pod(
        "Running",
        containerStatuses=[container(running={})],
        conditions=[{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}],
    )
    assert not read_pod(marked).ended
    assert read_pod(marked, gone=True).phase == "preempted"


def test_a_pod_that_somebody_deleted_is_just_gone() -> None:
    assert read_pod(pod("Running"), gone=True).phase == "absent"
    assert read_pod(None).ended


def test_a_pod_on_its_way_out_has_not_ended_yet() -> None:
    state = read_pod(pod("Running", metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}))
    assert (state.phase, state.ended) == ("ending", False)


def test_a_node_that_does_not_answer_leaves_the_server_running_as_far_as_anyone_knows() -> None:
    assert not read_pod(pod("Unknown")).ended
    assert read_pod(pod("Running", reason="NodeLost", message="Node n is unresponsive")).phase == "node-lost"


def test_what_a_pod_asks_for_is_named_by_its_label_or_its_resource() -> None:
    limits = {"containers": [{"resources": {"limits": {"cpu": "4", "nvidia.com/gpu": "2"}}}]}
    assert wanted({"spec": {**limits, "nodeSelector": {"gpu-type": "t4"}}}) == "a node with t4"
    assert wanted({"spec": limits}) == "a node with 2 nvidia.com/gpu"
    assert wanted(None) == "a node"


def test_whose_a_pod_is_stands_in_its_annotations() -> None:
    user, server = "hub.jupyter.org/username", "hub.jupyter.org/servername"
    assert owner_of(pod(metadata={"annotations": {user: "ann", server: "two"}})) == ("ann", "two")
    assert owner_of(pod(metadata={"annotations": {user: "ann"}})) == ("ann", "")
    assert owner_of(pod()) == owner_of({}) == (None, None)
