"""What pods hold and how long, and whether all of them were seen."""

from __future__ import annotations

import pytest
from tests.engines.kubernetes.objects import BEGUN, at, pod, running, terminated

from windlass.engines.kubernetes.model import Object
from windlass.engines.kubernetes.observing import trimming
from windlass.engines.kubernetes.observing.held_pods import REPLACED, Node, SeenPod, missing, seen_pod

GIB = 2**30
LABELS = {
    "node.kubernetes.io/instance-type": "p4d.24xlarge",
    "topology.kubernetes.io/region": "us-east-1",
    "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB",
    "karpenter.sh/capacity-type": "spot",
}
NODE = Node(labels=LABELS, is_whole=True)


def asking(item: Object, **requests: str) -> Object:
    """The pod with requests of its ranks' container, trimmed."""
    named = {name.replace("__", "/").replace("_", "."): amount for name, amount in requests.items()}
    item["spec"]["containers"][1]["resources"] = {"requests": named}
    return trimming.pod(item)


def seen(item: Object, node: Node | None = NODE, **how: float | bool) -> SeenPod:
    return seen_pod(trimming.pod(item), node, **how)  # type: ignore[arg-type]


def test_a_pod_holds_what_it_asks_for_on_its_real_node_from_its_placing_to_its_last_containers_end() -> None:
    item = pod(state=terminated(0, seconds=3602), phase="Succeeded", scheduled=2)
    item["status"]["containerStatuses"][0]["state"] = terminated(0, seconds=3700)
    trimmed = asking(item, cpu="4500m", memory="16Gi", nvidia_com__gpu="2")
    held = seen_pod(trimmed, NODE).held
    assert (held.since, held.until, held.ended) == (BEGUN + 2, BEGUN + 3700, True)
    assert (held.cores, held.memory_gib, held.gpus) == (4.5, 16, 2)
    assert (held.instance_type, held.region, held.capacity) == ("p4d.24xlarge", "us-east-1", "spot")
    assert held.product == "NVIDIA-A100-SXM4-40GB"


def test_a_pod_that_waits_for_a_node_holds_nothing() -> None:
    assert seen(pod(message="no node fits")).held.since is None


def test_a_container_that_starts_again_holds_all_the_while() -> None:
    held = seen(pod(state=running(50), last=terminated(1), restarts=3)).held
    assert (held.since, held.until, held.ended) == (BEGUN + 2, None, False)


def test_a_pod_that_was_taken_away_held_until_it_was_told_to_end() -> None:
    assert seen(pod(state=running(), deleted=True), gone_at=BEGUN + 80).held.until == BEGUN + 50
    assert seen(pod(state=running()), gone_at=BEGUN + 80).held.until == BEGUN + 80


def test_the_end_of_a_pod_that_went_unseen_is_not_known() -> None:
    held = seen(pod(state=running()), gone_unseen=True).held
    assert (held.until, held.ended) == (None, True)


def test_without_the_node_only_what_the_pod_asked_nodes_for_is_known() -> None:
    item = asking(pod(state=running()), nvidia_com__gpu="1")
    item["spec"]["nodeSelector"] = {"nvidia.com/gpu.product": "Tesla-T4"}
    held = seen_pod(item, None).held
    assert (held.product, held.capacity, held.instance_type) == ("Tesla-T4", None, None)


@pytest.mark.parametrize(
    ("resource", "labels", "expected"),
    [
        ("nvidia.com/mig-2g.10gb", {}, (1, "2g.10gb", None)),
        ("nvidia.com/gpu", {"nvidia.com/gpu.product": "A100-SXM4-40GB-MIG-1g.5gb"}, (1, "1g.5gb", None)),
        ("nvidia.com/gpu.shared", {"nvidia.com/gpu.replicas": "4"}, (1, None, 4)),
        ("nvidia.com/gpu", {"nvidia.com/gpu.product": "T4-SHARED", "nvidia.com/gpu.replicas": "4"}, (1, None, 4)),
        ("nvidia.com/gpu.shared", {}, (None, None, None)),
        ("amd.com/gpu", {}, (1, None, None)),
        ("rdma/hca", {}, (0, None, None)),
    ],
)
def test_gpus_are_counted_as_they_are_shared(
    resource: str, labels: dict[str, str], expected: tuple[int | None, str | None, int | None]
) -> None:
    item = pod(state=running())
    item["spec"]["containers"][1]["resources"] = {"limits": {resource: "1"}}
    held = seen_pod(trimming.pod(item), Node(labels=labels, is_whole=True)).held
    assert (held.gpus, held.mig_profile, held.shares) == expected
    assert bool(held.problem) == (held.gpus is None)


class TestMissing:
    def pods(self, *items: Object) -> list[SeenPod]:
        return [seen(item) for item in items]

    def test_all_pods_of_a_job_that_was_seen_late_may_still_be_all(self) -> None:
        found = self.pods(pod(index=0, state=running()), pod(index=1, state=running()))
        assert missing(found, expected=2, ran=True, began_at=BEGUN) == ""

    def test_a_rank_that_was_never_seen_is_missing(self) -> None:
        found = self.pods(pod(index=0, state=running()))
        assert missing(found, expected=2, ran=True, began_at=BEGUN) == "Only 1 of 2 pods were seen."
        assert missing([], expected=2, ran=True, began_at=BEGUN) == "None of the job's pods was seen."
        assert missing([], expected=2, ran=False, began_at=None) == ""

    def test_a_pod_made_after_another_began_stands_in_an_older_ones_place(self) -> None:
        found = self.pods(pod(index=0, state=running()), pod(index=1, state=running(), created=90, scheduled=91))
        assert missing(found, expected=2, ran=True, began_at=BEGUN) == REPLACED

    def test_attempts_that_nobody_saw_are_missing(self) -> None:
        found = self.pods(
            pod("TrainJob", 0, state=running(), attempt=1), pod("TrainJob", 1, state=running(), attempt=1)
        )
        assert missing(found, expected=2, ran=True, began_at=BEGUN) == REPLACED

    def test_pods_made_long_after_the_job_began_stand_for_others(self) -> None:
        found = self.pods(pod(state=running(), created=400, scheduled=401))
        assert missing(found, expected=1, ran=True, began_at=BEGUN) == REPLACED
        assert at(0) < at(400)
