"""What a job's pods held is kept over restarts, nodes that go, and pods that nobody saw go."""

from __future__ import annotations

from pathlib import Path

from tests.engines.kubernetes.objects import BEGUN, job, pod, running, terminated

from windlass.costs.book import Shape
from windlass.costs.holding import Holding
from windlass.engines.kubernetes.jobs.holdings import FILE, PodHoldings
from windlass.engines.kubernetes.model import Object, Observed
from windlass.engines.kubernetes.observing import trimming
from windlass.engines.kubernetes.observing.held_pods import Node

SPOT = Node(
    labels={"node.kubernetes.io/instance-type": "g5.xlarge", "karpenter.sh/capacity-type": "spot"},
    is_whole=True,
    shape=Shape(gpus=1, cores=None, memory_gib=None),
)


def observed(*pods: Object, departed: tuple[Object, ...] = (), age: float = 5.0) -> Observed:
    trimmed = [trimming.pod(each) for each in pods]
    return Observed(
        job=job(), pods=trimmed, departed=[trimming.pod(each) for each in departed], seconds_since_created=age
    )


def holding(of: PodHoldings, *, expected: int = 1) -> Holding:
    return of.holding(expected=expected, ran=True, began_at=BEGUN)


def test_a_pod_that_goes_while_this_looks_held_until_then(tmp_path: Path) -> None:
    held = PodHoldings(tmp_path)
    held.look(observed(pod(state=running())), lambda _: SPOT, now=BEGUN + 10)
    held.look(observed(), lambda _: None, now=BEGUN + 60)
    (found,) = holding(held).held
    assert (found.since, found.until, found.ended, found.capacity) == (BEGUN + 2, BEGUN + 60, True, "spot")


def test_a_pod_that_went_while_no_server_looked_has_no_end(tmp_path: Path) -> None:
    first = PodHoldings(tmp_path)
    first.look(observed(pod(state=running())), lambda _: SPOT, now=BEGUN + 10)
    first.save()
    second = PodHoldings(tmp_path)
    second.look(observed(age=900.0), lambda _: None, now=BEGUN + 900)
    (found,) = holding(second).held
    assert (found.until, found.ended, found.capacity) == (None, True, "spot")


def test_a_pod_that_went_while_the_cluster_was_silent_has_no_end(tmp_path: Path) -> None:
    held = PodHoldings(tmp_path)
    held.look(observed(pod(state=running())), lambda _: SPOT, now=BEGUN + 10)
    held.look_away()
    held.look(observed(), lambda _: None, now=BEGUN + 900)
    assert holding(held).held[0].until is None


def test_what_a_node_was_is_remembered_when_it_is_gone(tmp_path: Path) -> None:
    held = PodHoldings(tmp_path)
    held.look(observed(pod(state=running())), lambda _: SPOT, now=BEGUN + 10)
    held.look(observed(pod(state=terminated(0), phase="Succeeded")), lambda _: None, now=BEGUN + 60)
    (found,) = holding(held).held
    assert (found.instance_type, found.capacity, found.until) == ("g5.xlarge", "spot", BEGUN + 20)
    assert held.nodes() == set()


def test_nodes_that_are_not_known_are_to_be_asked_for(tmp_path: Path) -> None:
    held = PodHoldings(tmp_path)
    held.look(observed(pod(state=running())), lambda _: None, now=BEGUN + 10)
    assert held.nodes() == {"node-1"}


def test_all_of_it_survives_on_the_disk_and_a_whole_watch_with_its_end(tmp_path: Path) -> None:
    held = PodHoldings(tmp_path)
    held.look(observed(pod(state=running(), created=60, scheduled=61)), lambda _: SPOT, now=BEGUN + 70)
    held.save()
    # A server that comes in the middle cannot know what came and went before it.
    assert PodHoldings(tmp_path).holding(expected=2, ran=True, began_at=BEGUN).missing == "Only 1 of 2 pods were seen."
    held.end(at=BEGUN + 100)
    held.save()
    again = holding(PodHoldings(tmp_path), expected=2)
    assert again == holding(held, expected=2)
    assert (again.missing, again.held[0].until, again.held[0].shape) == ("", BEGUN + 100, SPOT.shape)


def test_a_file_that_is_broken_leaves_what_is_seen_now(tmp_path: Path) -> None:
    for content in ("{", '{"pods": {"a": {"held": {"title": 1}}, "b": 3}}', '{"pods": []}'):
        (tmp_path / FILE).write_text(content)
        held = PodHoldings(tmp_path)
        assert holding(held).held == ()
        held.look(observed(pod(state=running()), age=500.0), lambda _: SPOT, now=BEGUN + 10)
        held.save()
        assert len(holding(PodHoldings(tmp_path)).held) == 1
