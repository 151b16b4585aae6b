"""What jobs took: arithmetic over pods, and what is unknown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass_hub.profiles.model import Prices
from windlass_hub.reconciler.costs import Cost, Told, cost_of
from windlass_hub.reconciler.usage import AMOUNTS, PodUsage, usage_of

PRICES = Prices(cpu_core_hour=0.04, memory_gib_hour=0.005, gpu_hour={"Tesla-T4": 0.35, "A100": 2.0}, spot_factor=0.5)
START, END = "2026-01-01T00:00:00Z", "2026-01-01T02:00:00Z"


def usage(**changes: Any) -> PodUsage:
    whole: dict[str, Any] = {
        "title": "master",
        "created_at": 0.0,
        "since": 0.0,
        "until": 3600.0,
        "ended": True,
        "cards": 1.0,
        "product": "Tesla-T4",
        "cores": 4.0,
        "memory_gib": 16.0,
        "spot": False,
    }
    return PodUsage(**{**whole, **changes})


def cost(
    *pods: PodUsage, expected: int = 1, watched: bool = False, prices: Prices | None = PRICES, **more: Any
) -> Cost:
    return cost_of(pods, told=Told(expected=expected, **more), watched=watched, prices=prices)


def test_a_job_costs_what_its_pods_held_for_as_long_as_they_held_it() -> None:
    found = cost(usage(), usage(title="worker 0", until=1800.0, spot=True), expected=2)
    hourly = 4 * 0.04 + 16 * 0.005 + 0.35
    assert found == Cost(gpu_hours=1.5, usd=pytest.approx(hourly + hourly / 4))  # type: ignore[arg-type]


def test_pods_that_never_had_a_node_cost_nothing() -> None:
    never = usage(since=None, until=None, cards=None, cores=None)
    assert cost(never) == Cost(gpu_hours=0.0, usd=0.0)
    assert cost(watched=True, expected=3) == Cost(gpu_hours=0.0, usd=0.0)


@pytest.mark.parametrize(
    ("pod", "hours", "note"),
    [
        (usage(until=None), None, "when the pod master ended"),
        (usage(cards=None), None, "how many parts"),
        (usage(product=None), 1.0, "unknown product"),
        (usage(product="H200"), 1.0, "no price for a card H200"),
        (usage(cores=None), 1.0, "a core"),
        (usage(memory_gib=None), 1.0, "memory"),
        (usage(spot=None), 1.0, "spot"),
    ],
)
def test_what_is_not_known_makes_the_figure_unknown_and_says_why(pod: PodUsage, hours: float | None, note: str) -> None:
    found = cost(pod, usage(title="worker 0"), expected=2)
    assert found.usd is None
    assert found.gpu_hours == (None if hours is None else hours + 1)
    assert note in found.note


def test_a_catalogue_without_prices_or_that_cannot_be_read_leaves_the_price_unknown() -> None:
    assert cost(usage(), prices=Prices()).usd is None
    assert "cannot be read" in cost(usage(), prices=None).note


def test_pods_that_nobody_saw_are_not_counted_as_nothing() -> None:
    assert "1 of 2" in cost(usage(), expected=2).note
    replaced = usage(title="worker 0", created_at=600.0, since=610.0)
    assert "replaced" in cost(usage(), replaced, expected=2).note
    before = usage(title="worker 0", until=590.0)
    assert cost(usage(), replaced, before, expected=2).gpu_hours is not None


def test_what_the_job_says_of_its_pods_must_fit_those_that_were_seen() -> None:
    late = usage(created_at=1000.0, since=1000.0, until=4600.0)
    assert cost(late, began_at=990.0, ended=1).gpu_hours == 1.0
    assert "replaced" in cost(late, began_at=500.0).note
    assert "replaced" in cost(late, ended=3).note
    assert "replaced" in cost(usage(attempt=2), usage(attempt=1)).note
    assert cost(usage(attempt=1), usage(attempt=0)).gpu_hours == 2.0
    assert cost(late, began_at=500.0, ended=3, watched=True).gpu_hours == 1.0


def test_a_job_that_ran_without_a_pod_that_could_be_found_did_not_run_for_nothing() -> None:
    found = cost(ran=True, watched=True)
    assert (found.gpu_hours, found.usd) == (None, None)
    assert "none of its pods" in found.note


def pod(*, amounts: dict[str, float], ended: bool = True, **more: Any) -> dict[str, Any]:
    state = {"terminated": {"exitCode": 0, "finishedAt": END}} if ended else {"running": {"startedAt": START}}
    return {
        "metadata": {"name": "p", "creationTimestamp": START, **more.get("metadata", {})},
        "spec": {"containers": [{"name": "pytorch"}], "nodeName": "n", "nodeSelector": more.get("selector", {})},
        "status": {
            "phase": "Succeeded" if ended else "Running",
            "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": START}],
            "containerStatuses": [{"name": "pytorch", "state": state}],
        },
        AMOUNTS: amounts,
    }


@pytest.mark.parametrize(
    ("amounts", "labels", "cards"),
    [
        ({"cpu": 4.0}, {}, 0.0),
        ({"nvidia.com/gpu": 2.0}, {"nvidia.com/gpu.product": "A100"}, 2.0),
        ({"amd.com/gpu": 1.0}, {}, 1.0),
        ({"nvidia.com/mig-3g.20gb": 2.0}, {}, 6 / 7),
        ({"nvidia.com/gpu": 1.0}, {"nvidia.com/gpu.product": "A100-SXM4-40GB-MIG-1g.5gb"}, 1 / 7),
        (
            {"nvidia.com/gpu": 1.0},
            {"nvidia.com/gpu.product": "Tesla-T4-SHARED", "nvidia.com/gpu.replicas": "4"},
            0.25,
        ),
        ({"nvidia.com/gpu.shared": 1.0}, {"nvidia.com/gpu.replicas": "2"}, 0.5),
        ({"nvidia.com/gpu.shared": 1.0}, {}, None),
        ({"nvidia.com/gpu.shared": 1.0}, {"nvidia.com/gpu.replicas": "0"}, None),
        ({"example.com/fpga": 3.0}, {}, 0.0),
    ],
)
def test_slices_and_shares_count_their_part_of_a_card(
    amounts: dict[str, float], labels: dict[str, str], cards: float | None
) -> None:
    found = usage_of(pod(amounts=amounts), labels)
    assert found.cards == (None if cards is None else pytest.approx(cards))
    assert found.hours == 2.0


def test_a_node_that_is_gone_leaves_what_the_pod_itself_asked_for() -> None:
    selector = {"nvidia.com/gpu.product": "A100", "karpenter.sh/capacity-type": "spot"}
    found = usage_of(pod(amounts={"nvidia.com/gpu": 1.0}, selector=selector), None)
    assert (found.product, found.spot) == ("A100", True)
    assert usage_of(pod(amounts={}), None).spot is None


def test_a_pod_holds_on_until_it_is_gone() -> None:
    running = pod(amounts={}, ended=False)
    assert usage_of(running, {}).hours is None
    gone = usage_of(running, {}, gone_at=1_767_229_200.0)
    assert (gone.ended, gone.hours) == (True, 1.0)
    told = pod(amounts={}, ended=False, metadata={"deletionTimestamp": "2026-01-01T00:30:00Z"})
    assert usage_of(told, {}, gone_at=1_767_229_200.0).hours == 0.5


def test_when_a_pod_went_that_nobody_watched_is_not_known() -> None:
    running, ended = pod(amounts={}, ended=False), pod(amounts={})
    assert usage_of(running, {}, gone_unseen=True).hours is None
    assert usage_of(running, {}, gone_unseen=True).ended
    assert usage_of(ended, {}, gone_unseen=True).hours == 2.0


def test_an_evicted_pod_that_says_of_no_container_when_it_ended_ended_when_it_was_not_ready() -> None:
    item = pod(amounts={})
    item["status"]["containerStatuses"] = []
    item["status"]["conditions"].append({"type": "Ready", "status": "False", "lastTransitionTime": END})
    assert usage_of(item, {}).hours == 2.0


numbers = st.one_of(st.none(), st.floats(0, 1e6, allow_nan=False))
usages = st.builds(
    PodUsage,
    title=st.sampled_from(["master", "worker 0", "worker 1"]),
    created_at=numbers,
    since=numbers,
    until=numbers,
    ended=st.booleans(),
    cards=numbers,
    product=st.one_of(st.none(), st.sampled_from(["Tesla-T4", "A100", "H200", "Tesla-T4-SHARED"])),
    cores=numbers,
    memory_gib=numbers,
    spot=st.one_of(st.none(), st.booleans()),
)


@given(pods=st.lists(usages, max_size=6), expected=st.integers(0, 6), watched=st.booleans())
def test_a_figure_is_whole_or_unknown_with_a_reason_and_never_negative(
    pods: list[PodUsage], expected: int, watched: bool
) -> None:
    found = cost_of(pods, told=Told(expected=expected), watched=watched, prices=PRICES)
    assert (found.note == "") == (found.gpu_hours is not None and found.usd is not None)
    assert all(figure is None or figure >= 0 for figure in (found.gpu_hours, found.usd))
    assert found.gpu_hours is not None or found.usd is None
