"""The steps of a job's way and how long they took."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.engines.kubernetes.objects import (
    BEGUN,
    GPU_SHORT,
    QUEUE,
    at,
    condition,
    event,
    job,
    observed,
    pod,
    running,
    terminated,
)

from windlass.engines.kubernetes.model import Observed
from windlass.engines.kubernetes.observing.timeline import timeline


def steps(seen: Observed, first_line_at: float | None = None) -> dict[str, tuple[float | None, float | None]]:
    """Seconds since the job was made, and since the step before."""
    return {
        step.name: (None if step.at is None else step.at.timestamp() - BEGUN, step.seconds)
        for step in timeline(seen, first_line_at=first_line_at)
    }


def test_a_plain_way_has_no_steps_of_queues_and_autoscalers() -> None:
    pods = [pod(state=terminated(0), scheduled=2), pod(index=1, state=terminated(0), scheduled=4)]
    found = steps(observed(job("PyTorchJob", condition("Succeeded", seconds=90)), *pods), BEGUN + 9)
    assert found == {
        "created": (0, None),
        "node_ready": (4, 4),
        "image_pulled": (5, 1),
        "first_line": (9, 4),
        "ended": (90, 81),
    }


def test_a_queue_and_an_autoscaler_are_steps_of_their_own() -> None:
    workload = {"metadata": {"creationTimestamp": at(1)}, "status": {"conditions": [condition("Admitted", seconds=30)]}}
    waits = pod(index=1, message=GPU_SHORT, created=31)
    asked = event(waits, "TriggeredScaleUp", seconds=33)
    seen = observed(
        job(labels=QUEUE), pod(state=running(40), created=31, scheduled=32), waits, workload=workload, events=[asked]
    )
    assert list(steps(seen).items()) == [
        ("created", (0, None)),
        ("queued", (1, 1)),
        ("admitted", (30, 29)),
        ("node_requested", (33, 3)),
        ("node_ready", (None, None)),
        ("image_pulled", (None, None)),
        ("first_line", (None, None)),
        ("ended", (None, None)),
    ]
    notes = {step.name: step.note for step in timeline(seen, first_line_at=None)}
    assert notes["node_ready"] == "1 of 2 pods placed"


def test_the_image_was_there_when_the_kubelet_said_so_of_the_ranks_container() -> None:
    up = pod("Job", state=running(60), scheduled=2)
    events = [
        event(up, "Pulled", seconds=3, path="spec.initContainers{windlass-fetch}"),
        event(up, "Pulled", seconds=50, path="spec.containers{worker}"),
    ]
    assert steps(observed(job("Job"), up, events=events))["image_pulled"] == (50, 48)


def test_a_job_that_is_gone_has_its_way_still_and_one_never_seen_none() -> None:
    last = job("Job", condition("Complete", seconds=70))
    assert steps(Observed(job=None, last=last))["ended"] == (70, 70)
    assert timeline(Observed(job=None), first_line_at=None) == []


@given(
    times=st.lists(st.integers(0, 500), min_size=4, max_size=4),
    first=st.none() | st.integers(0, 500),
    kind=st.sampled_from(["PyTorchJob", "TrainJob", "Job"]),
)
def test_no_step_takes_less_than_nothing(times: list[int], first: int | None, kind: str) -> None:
    pods: list[Any] = [pod(kind, n, state=running(times[n]), scheduled=times[n + 2]) for n in range(2)]
    for _, seconds in steps(observed(job(kind), *pods), None if first is None else BEGUN + first).values():
        assert seconds is None or seconds >= 0
