"""What a pod takes, counted as the API counts it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from windlass.engines.kubernetes.preflight.amounts import parsed, pod_amounts, shown, with_defaults


def container(**amounts: str) -> dict[str, Any]:
    return {"name": "c", "resources": {"requests": amounts}}


def test_init_containers_count_only_where_they_need_more_than_the_rest() -> None:
    spec = {
        "containers": [container(cpu="2"), container(cpu="500m")],
        "initContainers": [container(cpu="2", memory="1Gi")],
    }
    assert pod_amounts(spec, "requests") == {"cpu": Decimal("2.5"), "memory": Decimal(2**30)}


def test_sidecars_count_beside_the_containers_and_beside_later_init_containers() -> None:
    sidecar = {**container(cpu="1"), "restartPolicy": "Always"}
    spec = {"containers": [container(cpu="2")], "initContainers": [sidecar, container(cpu="5")]}
    assert pod_amounts(spec, "requests") == {"cpu": Decimal(6)}
    assert pod_amounts({**spec, "initContainers": [container(cpu="2"), sidecar]}, "requests") == {"cpu": Decimal(3)}


def test_the_overhead_of_a_runtime_is_added() -> None:
    spec = {"containers": [container(cpu="1")], "overhead": {"cpu": "250m", "memory": "120Mi"}}
    assert pod_amounts(spec, "requests") == {"cpu": Decimal("1.25"), "memory": Decimal(120 * 2**20)}
    assert pod_amounts(spec, "limits") == {}


def test_requests_follow_from_limits_before_limit_ranges_fill_in_the_rest() -> None:
    spec = {"containers": [{"name": "c", "resources": {"limits": {"cpu": "4"}}}]}
    limits = {"type": "Container", "defaultRequest": {"cpu": "1", "memory": "1Gi"}, "max": {"memory": "8Gi"}}
    filled = with_defaults(spec, [{"spec": {"limits": [limits]}}])
    assert pod_amounts(filled, "requests") == {"cpu": Decimal(4), "memory": Decimal(2**30)}
    assert pod_amounts(filled, "limits") == {"cpu": Decimal(4), "memory": Decimal(8 * 2**30)}
    assert spec == {"containers": [{"name": "c", "resources": {"limits": {"cpu": "4"}}}]}


def test_what_is_no_quantity_is_left_out() -> None:
    assert parsed({"cpu": "two", "memory": "1Gi", "pods": None}) == {"memory": Decimal(2**30)}


@pytest.mark.parametrize(
    ("resource", "amount", "text"),
    [
        ("requests.nvidia.com/gpu", "1", "1 GPU"),
        ("nvidia.com/gpu", "8", "8 GPUs"),
        ("limits.cpu", "1.50", "1.5 cores"),
        ("cpu", "1", "1 core"),
        ("memory", "34359738368", "32Gi of memory"),
        ("requests.ephemeral-storage", "1073741824", "1Gi of local storage"),
        ("nvidia.com/mig-1g.5gb", "2", "2 nvidia.com/mig-1g.5gb"),
        ("pods", "1000", "1000 pods"),
    ],
)
def test_amounts_are_said_with_their_unit(resource: str, amount: str, text: str) -> None:
    assert shown(resource, Decimal(amount)) == text
