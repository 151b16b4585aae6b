"""What a person's jobs may ask for, drawn from profiles."""

from __future__ import annotations

from typing import Any

import pytest

from windlass_hub.isolation import allowances
from windlass_hub.isolation.allowances import allowance_annotations
from windlass_hub.profiles.access import Person
from windlass_hub.profiles.model import Catalogue, load_catalogue

ADA = Person(name="ada")


def catalogue(*profiles: dict[str, Any]) -> Catalogue:
    whole = [
        {"slug": f"p{i}", "display_name": "P", "cpu": "1", "memory": "1G", **given} for i, given in enumerate(profiles)
    ]
    return load_catalogue({"profiles": whole})


def listed(profiles: Catalogue, key: str, person: Person = ADA, separator: str = ",") -> set[str]:
    return set(allowance_annotations(profiles, person)[key].split(separator)) - {""}


def test_nothing_is_allowed_by_an_empty_catalogue_but_spot() -> None:
    found = allowance_annotations(Catalogue(), ADA)
    assert found[allowances.TOLERATIONS] == "karpenter.sh/capacity-type=spot"
    assert {found[key] for key in (allowances.PRIORITIES, allowances.DEVICES, allowances.NODE_LABELS)} == {""}
    assert "node.kubernetes.io/instance-type" in found[allowances.GUARDED_LABELS]


def test_what_others_may_use_is_guarded_and_not_allowed() -> None:
    found = catalogue({"node_selector": {"gpu-type": "h100"}, "groups": ["research"], "priority_class": "urgent"})
    assert "gpu-type" in listed(found, allowances.GUARDED_LABELS)
    assert listed(found, allowances.NODE_LABELS) == set()
    assert listed(found, allowances.PRIORITIES) == set()
    member = Person(name="ada", groups=frozenset({"research"}))
    assert listed(found, allowances.NODE_LABELS, member) == {"gpu-type=h100"}
    assert listed(found, allowances.PRIORITIES, member) == {"urgent"}


def test_the_priority_pods_get_by_themselves_stays_allowed() -> None:
    found = allowance_annotations(Catalogue(), ADA, default_priorities=("everyday",))
    assert found[allowances.PRIORITIES] == "everyday"


@pytest.mark.parametrize(
    ("gpu", "selector", "devices"),
    [
        (
            {"product": "Tesla-T4"},
            {"gpu-type": "t4"},
            {"nvidia.com/gpu|gpu-type=t4", "nvidia.com/gpu|nvidia.com/gpu.product=Tesla-T4"},
        ),
        ({"product": "Tesla-T4"}, {}, {"nvidia.com/gpu|"}),
        ({"product": "Tesla-T4"}, {"topology.kubernetes.io/zone": "a"}, {"nvidia.com/gpu|"}),
        (
            {"product": "A100", "mode": "mig", "mig_profile": "1g.5gb"},
            {"b": "2", "a": "1"},
            {"nvidia.com/mig-1g.5gb|a=1&b=2", "nvidia.com/mig-1g.5gb|nvidia.com/gpu.product=A100"},
        ),
    ],
)
def test_devices_name_the_nodes_they_come_with(
    gpu: dict[str, Any], selector: dict[str, str], devices: set[str]
) -> None:
    found = catalogue({"gpu": gpu, "node_selector": selector})
    assert listed(found, allowances.DEVICES, separator=";") == devices


@pytest.mark.parametrize(
    ("toleration", "taint"),
    [
        ({"key": "dedicated"}, "dedicated"),
        ({"key": "dedicated", "operator": "Equal", "value": "h100"}, "dedicated=h100"),
        ({}, "*"),
    ],
)
def test_tolerations_as_taints(toleration: dict[str, str], taint: str) -> None:
    assert taint in listed(catalogue({"tolerations": [toleration]}), allowances.TOLERATIONS)
