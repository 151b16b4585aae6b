"""Where pods may run."""

from __future__ import annotations

from typing import Any

import pytest
from tests.engines.kubernetes.making import job_spec

from windlass.contract.cluster import ClusterOptions
from windlass.engines.kubernetes.manifests.placement import node_selector, problems, tolerations


def selected(*, gpus: int = 1, **options: Any) -> dict[str, str]:
    return node_selector(job_spec(gpus_per_worker=gpus), ClusterOptions.model_validate(options))


def borne(*, gpus: int = 0, **options: Any) -> list[dict[str, str]]:
    return tolerations(job_spec(gpus_per_worker=gpus), ClusterOptions.model_validate(options))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {}),
        ({"gpu": {"product": "Tesla-T4"}}, {"nvidia.com/gpu.product": "Tesla-T4"}),
        ({"node_class": "spot"}, {"karpenter.sh/capacity-type": "spot"}),
        ({"node_class": "on-demand"}, {"karpenter.sh/capacity-type": "on-demand"}),
        (
            {"node_class": "spot", "node_selector": {"eks.amazonaws.com/capacityType": "SPOT"}},
            {"eks.amazonaws.com/capacityType": "SPOT"},
        ),
        (
            {"gpu": {"product": "Tesla-T4"}, "node_selector": {"nvidia.com/gpu.product": "Tesla-T4-SHARED"}},
            {"nvidia.com/gpu.product": "Tesla-T4-SHARED"},
        ),
        (
            {"gpu": {"share": "time-sliced", "resource": "nvidia.com/gpu"}},
            {"nvidia.com/gpu.sharing-strategy": "time-slicing"},
        ),
        ({"gpu": {"share": "time-sliced"}}, {}),
        (
            {"gpu": {"share": "time-sliced", "resource": "nvidia.com/gpu", "product": "Tesla-T4-SHARED"}},
            {"nvidia.com/gpu.product": "Tesla-T4-SHARED"},
        ),
    ],
)
def test_the_node_has_the_labels_of_what_was_chosen(options: dict[str, Any], expected: dict[str, str]) -> None:
    assert selected(**options) == expected


def test_a_job_without_gpus_does_not_wait_for_a_node_with_them() -> None:
    assert selected(gpus=0, gpu={"product": "Tesla-T4"}) == {}


def test_taints_of_gpu_nodes_are_borne_by_jobs_with_gpus_alone() -> None:
    keys = [each["key"] for each in borne(gpus=1, gpu={"share": "mig", "mig_profile": "1g.5gb"})]
    assert keys == ["nvidia.com/gpu", "nvidia.com/mig-1g.5gb"]
    assert borne() == []


def test_taints_of_spot_nodes_are_borne_as_their_label_says() -> None:
    label = "cloud.google.com/gke-spot"
    (toleration,) = borne(node_class="spot", node_selector={label: "true"})
    assert toleration == {"key": label, "operator": "Equal", "value": "true", "effect": "NoSchedule"}


def test_a_taint_that_was_chosen_is_borne_once_and_as_it_was_written() -> None:
    asked = [
        {"key": "nvidia.com/gpu", "effect": "NoSchedule"},
        {"key": "team", "value": "a"},
        {"key": "any"},
    ]
    assert borne(gpus=1, tolerations=asked) == [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
        {"key": "team", "operator": "Equal", "value": "a"},
        {"key": "any", "operator": "Exists"},
    ]


@pytest.mark.parametrize(
    ("gpu", "field"),
    [({"share": "mig"}, "cluster.gpu.mig_profile"), ({"mig_profile": "1g.5gb"}, "cluster.gpu.share")],
)
def test_a_share_and_a_profile_that_do_not_fit_are_told_at_their_field(gpu: dict[str, str], field: str) -> None:
    options = ClusterOptions.model_validate({"gpu": gpu})
    assert [each.field for each in problems(job_spec(gpus_per_worker=1), options)] == [field]
    assert problems(job_spec(), options) == []
