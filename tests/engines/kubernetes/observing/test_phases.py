"""The table of states, from conditions and pods, for each kind of job."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engines.kubernetes.objects import (
    BEGUN,
    QUEUE,
    at,
    condition,
    job,
    observed,
    pod,
    running,
    terminated,
    waiting,
)

from windlass.engines.base import State
from windlass.engines.kubernetes.model import Observed
from windlass.engines.kubernetes.observing.phases import REMOVED, phase

KINDS = ("PyTorchJob", "TrainJob", "Job")
DONE = {"PyTorchJob": "Succeeded", "TrainJob": "Complete", "Job": "Complete"}


def pods(kind: str, state: Any, **more: Any) -> list[dict[str, Any]]:
    return [pod(kind, index, state=state, **more) for index in range(1 if kind == "Job" else 2)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_of_every_kind_goes_from_pending_over_running_to_its_end(kind: str) -> None:
    assert phase(observed(job(kind))).state is State.PENDING
    assert phase(observed(job(kind), *pods(kind, None))).state is State.PENDING
    runs = phase(observed(job(kind, condition("Running")), *pods(kind, running(7))))
    assert (runs.state, runs.ended_at, runs.exit_code) == (State.RUNNING, None, None)
    assert runs.started_at in (BEGUN, BEGUN + 7)
    done = phase(observed(job(kind, condition(DONE[kind], seconds=60)), *pods(kind, terminated(0, reason="Completed"))))
    assert (done.state, done.ended_at, done.exit_code) == (State.SUCCEEDED, BEGUN + 60, 0)
    failed = phase(observed(job(kind, condition("Failed", seconds=61)), *pods(kind, terminated(3))))
    assert (failed.state, failed.ended_at, failed.exit_code) == (State.FAILED, BEGUN + 61, 3)
    assert "exit code 3" in failed.reason


@pytest.mark.parametrize("kind", KINDS)
def test_a_suspended_job_is_queued_with_a_queue_and_held_back_without(kind: str) -> None:
    assert phase(observed(job(kind, condition("Suspended"), suspend=True))).state is State.SUSPENDED
    assert phase(observed(job(kind, condition("Suspended"), suspend=True, labels=QUEUE))).state is State.QUEUED
    # The queue may have suspended it before the operator has said so.
    assert phase(observed(job(kind, suspend=True, labels=QUEUE))).state is State.QUEUED


@pytest.mark.parametrize("kind", KINDS)
def test_a_resumed_job_is_not_held_to_conditions_that_are_over(kind: str) -> None:
    stale = [condition("Running"), condition("Suspended", true=False, reason="Resumed", seconds=30)]
    assert phase(observed(job(kind, *stale, labels=QUEUE), *pods(kind, running()))).state is State.RUNNING
    assert phase(observed(job(kind, stale[1], labels=QUEUE), *pods(kind, None))).state is State.PENDING
    ended = [condition(DONE[kind]), condition("Suspended", true=False)]
    assert phase(observed(job(kind, *ended, labels=QUEUE))).state is State.SUCCEEDED


@pytest.mark.parametrize("kind", KINDS)
def test_the_end_holds_whatever_pods_and_order_say(kind: str) -> None:
    said = [condition("Failed"), condition("Running", true=False), condition("Created")]
    for order in itertools.permutations(said):
        assert phase(observed(job(kind, *order), *pods(kind, running()))).state is State.FAILED


def test_active_jobs_of_a_trainjob_are_not_running_pods() -> None:
    counts = [{"name": "node", "active": 1, "ready": 0}]
    assert phase(observed(job("TrainJob", jobsStatus=counts), *pods("TrainJob", None))).state is State.PENDING
    half = [pod("TrainJob", 0, state=running()), pod("TrainJob", 1)]
    assert phase(observed(job("TrainJob", jobsStatus=counts), *half)).state is State.PENDING
    counts[0]["ready"] = 1
    assert phase(observed(job("TrainJob", jobsStatus=counts))).state is State.RUNNING


def test_the_operators_running_is_the_masters_alone() -> None:
    said = job("PyTorchJob", condition("Running"))
    waits = phase(observed(said, pod(state=running()), pod(index=1)))
    assert (waits.state, waits.started_at) == (State.PENDING, None)


@pytest.mark.parametrize(
    "container",
    [
        {
            "state": waiting("CrashLoopBackOff", "back-off 40s"),
            "last": terminated(1),
            "restarts": 3,
            "phase": "Running",
        },
        {"state": terminated(1), "restarts": 3, "phase": "Running"},
        {"state": waiting("ContainerCreating"), "last": terminated(1), "restarts": 3, "phase": "Running"},
    ],
)
def test_a_restart_in_place_shows_although_the_job_says_running(container: dict[str, Any]) -> None:
    said = job("PyTorchJob", condition("Running"))
    found = phase(observed(said, pod(state=running()), pod(index=1, policy="OnFailure", **container)))
    assert (found.state, found.restarts) == (State.RESTARTING, 3)
    again = phase(observed(said, pod(state=running()), pod(index=1, state=running(30), last=terminated(1), restarts=3)))
    assert (again.state, again.restarts, again.started_at) == (State.RUNNING, 3, BEGUN)


def test_a_pod_taken_away_and_made_again_is_a_restart_without_any_condition() -> None:
    said = job("PyTorchJob", condition("Running"))
    new = pod(index=1, created=40, message="0/1 nodes are available: 1 Insufficient cpu.")
    assert phase(observed(said, pod(state=running()), new)).state is State.RESTARTING
    # The master is gone: it ran, or the operator would not have said so.
    assert phase(observed(said, new)).state is State.RESTARTING
    assert phase(observed(said, pod(state=running()), pod(index=1, state=running(50)), replaced=1)).restarts == 1


def test_all_ranks_of_a_trainjob_that_start_again_are_the_newest_attempt() -> None:
    old = pods("TrainJob", terminated(1), attempt=0, phase="Failed")
    new = pods("TrainJob", None, attempt=1, created=30)
    restarts = {"status": {"restarts": 1}}
    again = phase(observed(job("TrainJob"), *old, *new, jobset=restarts))
    assert (again.state, again.restarts) == (State.RESTARTING, 1)
    up = phase(observed(job("TrainJob"), *old, *pods("TrainJob", running(40), attempt=1, created=30), jobset=restarts))
    assert (up.state, up.restarts, up.started_at) == (State.RUNNING, 1, BEGUN + 5)


def test_a_plain_job_between_two_tries_is_starting_again() -> None:
    lost = pod("Job", state=terminated(1), phase="Failed")
    again = phase(observed(job("Job", failed=1, backoffLimit=2), lost))
    assert (again.state, again.restarts) == (State.RESTARTING, 1)
    up = phase(observed(job("Job", failed=1, backoffLimit=2), lost, pod("Job", state=running(40), created=30)))
    assert (up.state, up.restarts) == (State.RUNNING, 1)
    end = phase(observed(job("Job", condition("Failed", reason="BackoffLimitExceeded"), failed=1), lost))
    assert (end.state, end.restarts, end.exit_code) == (State.FAILED, 0, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_an_end_has_its_reason_in_words(kind: str) -> None:
    def why(*said: Any, reason: str = "", message: str = "", **more: Any) -> str:
        return phase(observed(job(kind, condition("Failed", reason=reason, message=message)), *said, **more)).reason

    assert why(pod(kind, state=terminated(137, reason="OOMKilled"), phase="Failed")).startswith(
        {"PyTorchJob": "master", "TrainJob": "node 0", "Job": "worker"}[kind] + " ran out of memory"
    )
    assert why(reason="DeadlineExceeded") == "the time limit was reached"
    assert why(message="Job x has failed because it was active longer than specified deadline").startswith("the time")
    taken = condition("DisruptionTarget", reason="PreemptionByScheduler")
    assert "higher priority" in why(pod(kind, state={}, phase="Failed", conditions=[taken]))
    fetch = {"name": "windlass-fetch", "state": terminated(1, message="starting\nthe bundle is not what was sent\n")}
    said = why(pod(kind, state={}, phase="Failed", init=[fetch]))
    assert said.startswith("fetching the bundle failed on ")
    assert said.endswith("the bundle is not what was sent")
    assert "SIGSEGV" in why(pod(kind, state=terminated(139), phase="Failed"))
    assert why(message="x" * 5000 + "\x1b[31m\n") == "x" * 299 + "…"


def test_the_pod_that_failed_first_gives_reason_and_exit_code() -> None:
    failed = job("PyTorchJob", condition("Failed"))
    second = pod(index=1, state=terminated(7, seconds=20), phase="Failed")
    first = pod(state=terminated(143, seconds=25), phase="Failed")
    found = phase(observed(failed, first, second))
    assert (found.exit_code, found.reason) == (7, "worker 0 ended with exit code 7")


def test_the_last_attempt_gives_the_reason_of_the_end() -> None:
    old = pod("TrainJob", state=terminated(1, seconds=10), phase="Failed", attempt=0)
    new = pod("TrainJob", state=terminated(2, seconds=40), phase="Failed", attempt=1, created=30)
    failed = job("TrainJob", condition("Failed", reason="ReachedMaxRestarts"))
    found = phase(observed(failed, old, new))
    assert (found.exit_code, found.reason, found.restarts) == (2, "node 0 ended with exit code 2", 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_that_is_gone_keeps_its_end_and_is_stopped_or_lost_without_one(kind: str) -> None:
    def gone(last: Any) -> Any:
        return phase(Observed(job=None, last=last))

    assert gone(job(kind, condition(DONE[kind]))).state is State.SUCCEEDED
    assert gone(job(kind, condition("Failed"))).state is State.FAILED
    assert (gone(job(kind)).state, gone(job(kind)).reason) == (State.STOPPED, REMOVED)
    assert gone(None).state is State.LOST


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_on_its_way_out_says_so(kind: str) -> None:
    found = phase(observed(job(kind, condition("Running"), deleted=True), *pods(kind, running())))
    assert (found.state, found.reason) == (State.RUNNING, "it is being removed from the cluster")


@pytest.mark.parametrize("kind", KINDS)
def test_pods_that_go_one_by_one_on_the_way_out_are_no_restart(kind: str) -> None:
    one, *others = pods(kind, running())
    for left in ([one], []):
        gone = [pod for pod in (one, *others) if pod not in left]
        found = phase(replace(observed(job(kind, deleted=True), *left), departed=gone))
        assert (found.state, found.reason) == (State.RUNNING, "it is being removed from the cluster")
        assert found.started_at == BEGUN + 5


@pytest.mark.parametrize("kind", KINDS)
def test_a_stopped_job_has_run_since_its_pods_started_though_they_are_gone(kind: str) -> None:
    seen = replace(observed(job(kind)), job=None, last=job(kind), departed=pods(kind, running()))
    assert (phase(seen).state, phase(seen).started_at) == (State.STOPPED, BEGUN + 5)


@pytest.mark.parametrize("kind", KINDS)
def test_pods_that_were_cleaned_up_still_tell_why_a_job_failed(kind: str) -> None:
    seen = replace(observed(job(kind, condition("Failed"))), departed=pods(kind, terminated(3)))
    found = phase(seen)
    assert found.exit_code == 3
    assert "exit code 3" in found.reason


_states = st.sampled_from(
    [None, {}, running(), terminated(0), terminated(1), waiting("CrashLoopBackOff"), waiting("x")]
)
_conditions = st.lists(
    st.builds(
        condition,
        st.sampled_from(["Created", "Running", "Restarting", "Succeeded", "Complete", "Failed", "Suspended"]),
        true=st.booleans(),
        reason=st.text(max_size=20),
        message=st.text(max_size=20),
    ),
    max_size=5,
)


@given(
    kind=st.sampled_from(KINDS),
    said=_conditions,
    states=st.lists(st.tuples(_states, st.sampled_from(["", "Failed", "Succeeded", "Running", "Unknown"])), max_size=4),
    suspend=st.booleans(),
)
def test_whatever_a_cluster_says_there_is_a_state_and_ends_have_times(
    kind: str, said: list[Any], states: list[Any], suspend: bool
) -> None:
    made = [pod(kind, index, state=state, phase=name) for index, (state, name) in enumerate(states)]
    found = phase(observed(job(kind, *said, suspend=suspend), *made))
    assert (found.ended_at is not None) == found.state.is_final
    assert found.started_at is None or found.state in (State.RUNNING, State.RESTARTING) or found.state.is_final
    first = {each["type"]: each["status"] == "True" for each in reversed(said)}
    assert (found.state is State.FAILED) == first.get("Failed", False)


def test_times_that_are_none_do_no_harm() -> None:
    item = job("Job", {"type": "Failed", "status": "True"}, {"type": "x"}, completionTime="yesterday")
    assert phase(observed(item)).ended_at is None
    assert at(0) == "2026-11-23T05:00:00Z"
