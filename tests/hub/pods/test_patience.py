"""When a start is given up, and what is said then."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from windlass_hub.pods.patience import Patience, seconds_to_start, too_long


def waiting(reason: str, *, version: str = "1", restarts: int = 0) -> dict[str, Any]:
    status = {"name": "notebook", "restartCount": restarts, "state": {"waiting": {"reason": reason, "message": "why"}}}
    return {
        "metadata": {"resourceVersion": version},
        "spec": {},
        "status": {"phase": "Pending", "containerStatuses": [status]},
    }


def test_an_image_gets_a_couple_of_tries() -> None:
    patience = Patience(crash_restarts=3)
    assert patience.look(waiting("ErrImagePull", version="1"), now=0) is None
    assert patience.look(waiting("ErrImagePull", version="1"), now=1) is None
    assert patience.look(waiting("ImagePullBackOff", version="2"), now=2) is None
    trouble = patience.look(waiting("ErrImagePull", version="3"), now=3)
    assert trouble is not None
    assert trouble.reason == "image"
    assert "cannot be pulled: why." in trouble.sentence


def test_an_image_that_stays_away_for_a_minute_is_given_up_without_more_tries() -> None:
    patience = Patience(crash_restarts=3)
    assert patience.look(waiting("ImagePullBackOff"), now=0) is None
    assert patience.look(waiting("ImagePullBackOff"), now=61) is not None


def test_a_name_that_is_no_image_is_given_up_at_once() -> None:
    trouble = Patience(crash_restarts=3).look(waiting("InvalidImageName"), now=0)
    assert trouble is not None
    assert trouble.reason == "image"


def test_a_secret_may_be_a_moment_late() -> None:
    patience = Patience(crash_restarts=3)
    assert patience.look(waiting("CreateContainerConfigError"), now=0) is None
    trouble = patience.look(waiting("CreateContainerConfigError"), now=11)
    assert trouble is not None
    assert trouble.reason == "container"


def test_a_server_that_crashes_again_and_again_is_given_up_by_its_restarts() -> None:
    patience = Patience(crash_restarts=3)
    assert patience.look(waiting("CrashLoopBackOff", restarts=2), now=0) is None
    trouble = patience.look(waiting("CrashLoopBackOff", restarts=3), now=1)
    assert trouble is not None
    assert trouble.reason == "crash"


def test_a_pod_that_waits_or_is_not_there_yet_is_waited_for() -> None:
    patience = Patience(crash_restarts=3)
    assert patience.look(None, now=0) is None
    assert patience.look(waiting("ContainerCreating"), now=1000) is None


def test_too_long_for_a_node_names_the_gpu_and_the_scheduler() -> None:
    condition = {"type": "PodScheduled", "status": "False", "message": "0/4 nodes are available: 4 Insufficient gpu."}
    pod = {"metadata": {}, "spec": {}, "status": {"phase": "Pending", "conditions": [condition]}}
    trouble = too_long(pod, [], seconds=600, product="Tesla-T4")
    said = "Waited 10 min for a node with Tesla-T4: 0/4 nodes are available: 4 Insufficient gpu."
    assert (trouble.sentence, trouble.reason) == (said, "unschedulable")


def test_too_long_on_a_node_tells_the_last_warning() -> None:
    pod = {
        "metadata": {},
        "spec": {},
        "status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "True"}]},
    }
    events = [{"type": "Warning", "message": "Unable to attach volume"}, {"type": "Normal", "message": "Pulling"}]
    assert too_long(pod, events, seconds=60).sentence == (
        "Waited 60 s for the server to start: Unable to attach volume."
    )
    assert "never showed up" in too_long(None, [], seconds=60).sentence


@given(st.floats(0, 10_000, allow_nan=False), st.floats(1, 100_000, allow_nan=False))
def test_a_start_is_always_given_up_before_jupyterhub_does_it(minutes: float, timeout: float) -> None:
    assert 0 < seconds_to_start(start_minutes=minutes, start_timeout=timeout) < timeout or minutes * 60 < 1e-300
