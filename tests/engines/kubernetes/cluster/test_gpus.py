"""GPUs in the terms a job asks for them."""

from __future__ import annotations

from typing import Any

import pytest

from windlass.contract.cluster import GpuChoice
from windlass.contract.hub import GpuCapacity
from windlass.engines.kubernetes.cluster.gpus import CountedGpus, offered
from windlass.engines.kubernetes.manifests.placement import gpu_resource


@pytest.mark.parametrize(
    ("product", "resource", "share", "profile"),
    [
        ("Tesla-T4", "nvidia.com/gpu", "whole", None),
        ("Tesla-T4-SHARED", "nvidia.com/gpu", "time-sliced", None),
        ("Tesla-T4", "nvidia.com/gpu.shared", "time-sliced", None),
        ("NVIDIA-A100-SXM4-40GB", "nvidia.com/mig-1g.5gb", "mig", "1g.5gb"),
        ("NVIDIA-A100-SXM4-40GB", "nvidia.com/mig-1g.10gb.me", "mig", "1g.10gb.me"),
        ("NVIDIA-A100-SXM4-40GB", "nvidia.com/mig-1g.5gb.shared", "mig", "1g.5gb"),
        ("NVIDIA-A100-SXM4-40GB-MIG-3g.20gb", "nvidia.com/gpu", "mig", "3g.20gb"),
        ("NVIDIA-A100-SXM4-40GB-MIG-3g.20gb-SHARED", "nvidia.com/gpu", "mig", "3g.20gb"),
        ("NVIDIA-H100", "nvidia.com/mig-1c.2g.20gb", "mig", None),
        ("AMD-MI300X", "amd.com/gpu", "whole", None),
    ],
)
def test_a_card_is_whole_a_part_or_shared(product: str, resource: str, share: str, profile: str | None) -> None:
    (found,) = offered([GpuCapacity(product=product, resource=resource, total=8, free=3)])
    assert (found.product, found.share, found.mig_profile) == (product, share, profile)
    assert (found.total, found.free) == (8, 3)
    # What is offered can be asked for as it stands.
    asked = GpuChoice(product=found.product, share=found.share, mig_profile=found.mig_profile, resource=found.resource)
    assert gpu_resource(asked) == resource


def a_node(gives: dict[str, str], *, labels: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
    ready = [{"type": "Ready", "status": changes.get("ready", "True")}]
    return {
        "metadata": {"labels": labels or {}},
        "spec": {"unschedulable": changes.get("unschedulable", False)},
        "status": {"allocatable": {"cpu": "64", "memory": "256Gi", **gives}, "conditions": ready},
    }


def test_nodes_are_summed_by_product_resource_and_share() -> None:
    t4 = {"nvidia.com/gpu.product": "Tesla-T4"}
    counted = CountedGpus()
    counted.add(a_node({"nvidia.com/gpu": "4"}, labels=t4))
    counted.add(a_node({"nvidia.com/gpu": "2"}, labels=t4))
    counted.add(a_node({"nvidia.com/gpu": "8"}, labels=t4 | {"nvidia.com/gpu.sharing-strategy": "time-slicing"}))
    counted.add(
        a_node({"nvidia.com/gpu": "0", "nvidia.com/mig-1g.5gb": "7"}, labels={"nvidia.com/gpu.product": "A100"})
    )
    counted.add(a_node({"nvidia.com/gpu": "1"}))
    counted.add(a_node({"rdma/hca": "1", "nvidia.com/gpumem": "16"}))
    found = [(gpu.product, gpu.share, gpu.resource, gpu.total, gpu.free) for gpu in counted.offered()]
    assert found == [
        ("", "whole", "nvidia.com/gpu", 1, None),
        ("A100", "mig", "nvidia.com/mig-1g.5gb", 7, None),
        ("Tesla-T4", "time-sliced", "nvidia.com/gpu", 8, None),
        ("Tesla-T4", "whole", "nvidia.com/gpu", 6, None),
    ]


@pytest.mark.parametrize("changes", [{"ready": "False"}, {"ready": "Unknown"}, {"unschedulable": True}])
def test_nodes_that_take_no_pods_do_not_count(changes: dict[str, Any]) -> None:
    counted = CountedGpus()
    counted.add(a_node({"nvidia.com/gpu": "4"}, **changes))
    counted.add({"metadata": {}})
    assert counted.offered() == []
