"""Quota and limits of a user's namespace, and when they count as changed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.kube.quantities import parse_quantity
from windlass.kube.resources import LIMIT_RANGES, NETWORK_POLICIES, RESOURCE_QUOTAS
from windlass_hub.access import rights_of
from windlass_hub.isolation.drift import drifted
from windlass_hub.isolation.quota import JOB_KINDS, limit_range, resource_quota
from windlass_hub.profiles.model import Quota
from windlass_hub.rights.model import Role


def test_a_whole_quota() -> None:
    quota = Quota(cpu="8", memory="32Gi", storage="1Ti", gpus={"nvidia.com/mig-1g.5gb": 2}, pods=10, jobs=3)
    hard = resource_quota(quota)["hard"]
    assert hard["requests.cpu"] == hard["limits.cpu"] == "8"
    assert hard["requests.storage"] == "1Ti"
    assert hard["requests.nvidia.com/mig-1g.5gb"] == "2"
    assert "limits.nvidia.com/mig-1g.5gb" not in hard
    assert [hard[f"count/{kind}"] for kind in JOB_KINDS] == ["3"] * len(JOB_KINDS)
    assert hard["count/jobs.batch"] == "12"


def test_without_limits_what_reaches_outside_is_closed_all_the_same() -> None:
    hard = resource_quota(Quota())["hard"]
    assert hard["services.loadbalancers"] == hard["services.nodeports"] == "0"
    assert "pods" not in hard
    assert "default" not in limit_range(Quota())["limits"][0]


def test_everything_a_users_account_can_make_is_counted() -> None:
    hard = resource_quota(Quota(jobs=3))["hard"]
    made = [right for right in rights_of(Role.USER) if "create" in right.verbs]
    kinds = {f"{resource}.{right.group}".rstrip(".") for right in made for resource in right.resources}
    assert kinds
    assert [kind for kind in kinds if f"count/{kind}" not in hard] == []


def test_a_quota_of_no_jobs_allows_none() -> None:
    assert resource_quota(Quota(jobs=0))["hard"]["count/jobs.batch"] == "0"


@given(st.integers(1, 64_000), st.integers(10**6, 2**45))
def test_a_container_that_asks_for_nothing_fits_its_quota(cores: int, memory: int) -> None:
    quota = Quota(cpu=f"{cores}m", memory=str(memory))
    item = limit_range(quota)["limits"][0]
    for name in ("cpu", "memory"):
        request, limit = (parse_quantity(item[part][name]) for part in ("defaultRequest", "default"))
        assert 0 < request <= limit <= parse_quantity(getattr(quota, name))


def _object(spec: dict[str, Any], **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": "x", "labels": labels}, "spec": spec}


@pytest.mark.parametrize(
    ("wanted", "found", "changed"),
    [
        ({"cpu": "1000m", "memory": "1024Mi"}, {"cpu": "1", "memory": "1Gi"}, False),
        ({"cpu": "0.5"}, {"cpu": "500m"}, False),
        ({"cpu": "1"}, {"cpu": "2"}, True),
        ({"cpu": "1"}, {"cpu": "1", "pods": "5"}, True),
        ({"cpu": "1"}, {}, True),
    ],
)
def test_a_quota_is_changed_when_its_amounts_are(wanted: dict[str, str], found: dict[str, str], changed: bool) -> None:
    assert drifted(RESOURCE_QUOTAS, _object({"hard": wanted}), _object({"hard": found})) is changed


def test_limits_rewritten_by_the_server_are_the_same() -> None:
    quota = Quota(cpu="0.5", memory="1024Mi")
    found = {"limits": [{"type": "Container", "defaultRequest": {"cpu": "0.1", "memory": "256Mi"}}]}
    found["limits"][0]["default"] = {"cpu": "500m", "memory": "1Gi"}
    assert not drifted(LIMIT_RANGES, _object(limit_range(quota)), _object(found))


def test_labels_of_others_are_no_change_and_lacking_ones_are() -> None:
    wanted = _object({"podSelector": {}, "egress": []}, mine="1")
    assert not drifted(NETWORK_POLICIES, wanted, _object({"podSelector": {}}, mine="1", theirs="2"))
    assert drifted(NETWORK_POLICIES, wanted, _object({"podSelector": {}}))
    assert drifted(NETWORK_POLICIES, wanted, _object({"podSelector": {"matchLabels": {"a": "b"}}}, mine="1"))
    assert drifted(NETWORK_POLICIES, wanted, None)
