"""How many servers fit: counted like the scheduler, unknown where unknown, impossible only where certain."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass_hub.profiles.availability import gpu_totals, requests_of, room_for
from windlass_hub.profiles.model import Profile
from windlass_hub.profiles.nodes import CapacitySnapshot, NodePool, NodeRoom

GIB = float(2**30)
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
GPU_TAINT = {"key": "nvidia.com/gpu", "effect": "NoSchedule"}


def _profile(**fields: Any) -> Profile:
    whole = {"slug": "p", "display_name": "P", "cpu": "4", "memory": "16Gi", **fields}
    return Profile.model_validate(whole)


def _t4(**fields: Any) -> Profile:
    return _profile(**{"gpu": {"product": "Tesla-T4"}, "node_selector": {"gpu-type": "t4"}, **fields})


def _node(*, cpu: float = 8, memory: float = 32 * GIB, gpus: float = 0, **fields: Any) -> NodeRoom:
    allocatable = {"cpu": cpu, "memory": memory, "pods": 110.0, **({"nvidia.com/gpu": gpus} if gpus else {})}
    return NodeRoom.model_validate({"name": "n", "allocatable": allocatable, **fields})


def _t4_node(**fields: Any) -> NodeRoom:
    labels = {"gpu-type": "t4", "nvidia.com/gpu.product": "Tesla-T4", **fields.pop("labels", {})}
    return _node(gpus=fields.pop("gpus", 1), labels=labels, taints=fields.pop("taints", [GPU_TAINT]), **fields)


def _seen(*nodes: NodeRoom, **fields: Any) -> CapacitySnapshot:
    return CapacitySnapshot(taken_at=NOW, nodes=nodes, **fields)


def _pool(**fields: Any) -> NodePool:
    return NodePool.model_validate({"name": "gpu", "labels": {"gpu-type": "t4"}, "taints": [GPU_TAINT], **fields})


@pytest.mark.parametrize("snapshot", [None, _seen(_t4_node(), complete=False), _seen(complete=False)])
def test_what_was_not_seen_is_unknown_and_refuses_nothing(snapshot: CapacitySnapshot | None) -> None:
    found = room_for(_t4(), snapshot)
    assert (found.free, found.total, found.impossible, found.starts_node) == (None, None, None, False)
    assert found.sentence == "availability not known"


@pytest.mark.parametrize(
    ("node", "fits"),
    [
        (_node(cpu=8, memory=64 * GIB), 2),
        (_node(cpu=64, memory=33 * GIB), 2),
        (_node(cpu=7.9, memory=64 * GIB), 1),
        (_node(cpu=3.9, memory=64 * GIB), 0),
        (NodeRoom(name="n", allocatable={"cpu": 64, "memory": 640 * GIB, "pods": 3}), 3),
        (NodeRoom(name="n", allocatable={"cpu": 8, "memory": 640 * GIB}), 2),
        (NodeRoom(name="n", allocatable={}), 0),
    ],
)
def test_the_scarcest_resource_decides(node: NodeRoom, fits: int) -> None:
    assert room_for(_profile(), _seen(node)).free == fits


def test_gpus_that_no_memory_is_left_for_do_not_count() -> None:
    node = _t4_node(gpus=4, cpu=64, memory=33 * GIB)
    found = room_for(_t4(), _seen(node))
    assert (found.free, found.sentence) == (2, "2 of 2 free")


def test_rooms_are_counted_per_node_and_not_over_all_of_them() -> None:
    halves = [_node(cpu=6, memory=64 * GIB), _node(cpu=6, memory=64 * GIB)]
    assert room_for(_profile(), _seen(*halves)).free == 2


def test_used_resources_are_gone_but_count_in_the_total() -> None:
    busy = _t4_node(used={"nvidia.com/gpu": 1, "cpu": 4})
    found = room_for(_t4(), _seen(busy, _t4_node(), _t4_node()))
    assert (found.free, found.total, found.sentence) == (2, 3, "2 of 3 free")


def test_full_is_said_as_full() -> None:
    busy = _t4_node(used={"nvidia.com/gpu": 1})
    found = room_for(_t4(), _seen(busy, busy))
    assert found.sentence == "full: 2 of 2 in use"
    assert found.impossible is None


def test_what_runs_on_every_node_is_in_no_total() -> None:
    node = _node(cpu=8, memory=64 * GIB, used={"cpu": 0.5}, reserved={"cpu": 0.5})
    found = room_for(_profile(), _seen(node))
    assert (found.free, found.total) == (1, 1)


def test_a_guarantee_is_what_is_reserved() -> None:
    assert room_for(_profile(cpu_guarantee="1", memory_guarantee="1Gi"), _seen(_node())).free == 8


@pytest.mark.parametrize(
    ("node", "fits"),
    [
        (_t4_node(), 1),
        (_t4_node(labels={"gpu-type": "a10"}), 0),
        (_t4_node(ready=False), 0),
        (_t4_node(taints=[GPU_TAINT, {"key": "team", "value": "x", "effect": "NoSchedule"}]), 0),
        (_t4_node(taints=[GPU_TAINT, {"key": "team", "value": "x", "effect": "PreferNoSchedule"}]), 1),
        (_t4_node(taints=[{"key": "nvidia.com/gpu", "value": "present", "effect": "NoExecute"}]), 0),
        (_t4_node(labels={"nvidia.com/gpu.product": "NVIDIA-Tesla-T4-SHARED"}), 1),
    ],
)
def test_labels_taints_and_readiness_are_honoured(node: NodeRoom, fits: int) -> None:
    assert room_for(_t4(), _seen(node)).free == fits


@pytest.mark.parametrize(
    ("toleration", "fits"),
    [
        ({"key": "team", "operator": "Equal", "value": "x"}, 1),
        ({"key": "team", "operator": "Equal", "value": "y"}, 0),
        ({"key": "team"}, 1),
        ({"key": "team", "effect": "NoExecute"}, 0),
        ({"operator": "Exists"}, 1),
        ({"key": "other"}, 0),
    ],
)
def test_tolerations_match_as_in_kubernetes(toleration: dict[str, str], fits: int) -> None:
    node = _node(cpu=4, taints=[{"key": "team", "value": "x", "effect": "NoSchedule"}])
    assert room_for(_profile(tolerations=[toleration]), _seen(node)).free == fits


@pytest.mark.parametrize(
    ("gpu", "resource", "label"),
    [
        ({"product": "A100", "mode": "mig", "mig_profile": "1g.5gb"}, "nvidia.com/mig-1g.5gb", "NVIDIA-A100"),
        ({"product": "T4", "mode": "shared", "replicas": 4}, "nvidia.com/gpu.shared", "T4-SHARED"),
        (
            {"product": "A100", "mode": "mig", "mig_profile": "1g.5gb", "resource": "nvidia.com/gpu"},
            "nvidia.com/gpu",
            "A100-MIG-1g.5gb",
        ),
    ],
)
def test_slices_and_shares_are_counted_by_their_own_resource(gpu: dict[str, Any], resource: str, label: str) -> None:
    node = NodeRoom(
        name="n",
        labels={"nvidia.com/gpu.product": label},
        allocatable={"cpu": 90, "memory": 900 * GIB, "nvidia.com/gpu": 0, resource: 7},
        used={resource: 4},
    )
    found = room_for(_profile(gpu=gpu, cpu="1", memory="1G"), _seen(node))
    assert (found.free, found.total) == (3, 7)


def test_cards_of_another_product_are_not_counted_as_this_one() -> None:
    mixed = [_node(gpus=1, labels={"nvidia.com/gpu.product": name}) for name in ("Tesla-T4", "NVIDIA-A10")]
    assert room_for(_profile(gpu={"product": "Tesla-T4"}), _seen(*mixed)).total == 1


def test_a_product_that_is_no_label_makes_numbers_unknown_and_refuses_nothing() -> None:
    found = room_for(_profile(gpu={"product": "T four"}), _seen(_node(gpus=1, labels={"nvidia.com/gpu.product": "T4"})))
    assert (found.free, found.impossible) == (None, None)


@pytest.mark.parametrize(
    ("profile", "nodes"),
    [
        (_t4(), []),
        (_t4(), [_node()]),
        (_t4(), [_node(labels={"gpu-type": "t4"})]),
        (_profile(cpu="64"), [_node(cpu=32), _node(cpu=8)]),
        (
            _profile(gpu={"product": "H100", "count": 8}),
            [_node(cpu=90, gpus=4, labels={"nvidia.com/gpu.product": "H100"})],
        ),
        (_profile(node_selector={"zone": "moon"}), [_node()]),
    ],
)
def test_what_no_node_can_ever_hold_is_impossible(profile: Profile, nodes: list[NodeRoom]) -> None:
    found = room_for(profile, _seen(*nodes))
    assert found.free == 0
    assert found.impossible is not None
    assert found.impossible.endswith("tell your administrators.")


@pytest.mark.parametrize(
    ("profile", "snapshot"),
    [
        (_t4(node_start_minutes=3), _seen()),
        (_t4(), _seen(complete=False)),
        (_t4(), _seen(other_autoscaler=True)),
        (_t4(), _seen(source="machine")),
        (_t4(), _seen(_t4_node(ready=False))),
        (_t4(), _seen(_t4_node(taints=[{"key": "maintenance", "effect": "NoSchedule"}]))),
        (_t4(), _seen(_t4_node(used={"nvidia.com/gpu": 1}))),
        (_t4(), _seen(_t4_node(reserved={"cpu": 6}, used={"cpu": 6}))),
        (_t4(), _seen(pools=(_pool(),))),
        (_t4(), _seen(pools=(_pool(limits={"nvidia.com/gpu": 1}, used={"nvidia.com/gpu": 1}),))),
        (_t4(), _seen(pools=(_pool(ready=False),))),
        (_t4(), _seen(pools=(_pool(taints=[]),))),
    ],
)
def test_what_may_change_is_not_impossible(profile: Profile, snapshot: CapacitySnapshot) -> None:
    assert room_for(profile, snapshot).impossible is None


def test_an_autoscaler_is_promised_with_its_minutes_only_when_nothing_is_free() -> None:
    profile = _t4(node_start_minutes=3)
    none = room_for(profile, _seen())
    assert (none.starts_node, none.minutes) == (True, 3)
    assert none.sentence == "none free now; starts a node, about 3 min"
    assert room_for(profile, _seen(_t4_node())).sentence == "1 of 1 free"


SPOT = {"key": "karpenter.sh/capacity-type", "operator": "In"}
TYPE = "node.kubernetes.io/instance-type"


@pytest.mark.parametrize(
    ("pool", "starts"),
    [
        (_pool(), True),
        (_pool(labels={"gpu-type": "a10"}), False),
        (_pool(labels={}, requirements=[{"key": "gpu-type", "operator": "In", "values": ["a10", "t4"]}]), True),
        (_pool(labels={}, requirements=[{"key": "gpu-type", "operator": "NotIn", "values": ["t4"]}]), False),
        (_pool(labels={}, requirements=[{"key": "gpu-type", "operator": "Exists"}]), True),
        (_pool(labels={}), False),
        (_pool(taints=[{"key": "team", "effect": "NoSchedule"}]), False),
        (_pool(limits={"nvidia.com/gpu": 8}, used={"nvidia.com/gpu": 7}), True),
        (_pool(limits={"nvidia.com/gpu": 8}, used={"nvidia.com/gpu": 8}), False),
        (_pool(limits={"cpu": 3}), False),
        (_pool(limits={"nvidia.com/gpu": 0}), False),
        (_pool(ready=False), False),
        (_pool(taints=[]), False),
        (_pool(taints=[], requirements=[{"key": TYPE, "operator": "In", "values": ["g4dn.xlarge"]}]), True),
        (_pool(taints=[], requirements=[{"key": TYPE, "operator": "In", "values": ["m5.xlarge"]}]), False),
        (
            _pool(requirements=[{"key": "karpenter.k8s.aws/instance-gpu-name", "operator": "In", "values": ["t4"]}]),
            True,
        ),
        (
            _pool(requirements=[{"key": "karpenter.k8s.aws/instance-gpu-name", "operator": "In", "values": ["a10g"]}]),
            False,
        ),
        (_pool(requirements=[{"key": "karpenter.k8s.aws/instance-gpu-count", "operator": "DoesNotExist"}]), False),
    ],
)
def test_a_karpenter_pool_is_promised_only_where_it_would_make_such_a_node(pool: NodePool, starts: bool) -> None:
    found = room_for(_t4(), _seen(pools=(pool,)))
    assert found.starts_node is starts
    assert found.sentence == ("none free now; starts a node" if starts else "none available now")


@pytest.mark.parametrize(
    ("values", "starts"), [(["spot"], True), (["on-demand"], False), (["spot", "on-demand"], True)]
)
def test_spot_profiles_need_a_pool_of_spot_nodes(values: list[str], starts: bool) -> None:
    found = room_for(_t4(spot=True), _seen(pools=(_pool(requirements=[{**SPOT, "values": values}]),)))
    assert found.starts_node is starts


def test_a_pool_at_its_limit_takes_back_the_admins_promise() -> None:
    full = _pool(limits={"nvidia.com/gpu": 1}, used={"nvidia.com/gpu": 1})
    found = room_for(_t4(node_start_minutes=3), _seen(_t4_node(used={"nvidia.com/gpu": 1}), pools=(full,)))
    assert (found.starts_node, found.minutes, found.sentence) == (False, None, "full: 1 of 1 in use")


def test_a_cpu_profile_is_started_by_any_fitting_pool() -> None:
    assert room_for(_profile(), _seen(pools=(NodePool(name="cpu"),))).starts_node


def test_one_machine_says_what_it_has_and_not_what_is_free() -> None:
    machine = _seen(_node(cpu=8), source="machine")
    found = room_for(_profile(node_selector={"zone": "x"}), machine)
    assert (found.free, found.total, found.impossible) == (None, 2, None)  # no process reserves anything there
    assert found.sentence == "this machine has room for 2; what is in use is not known"
    none = room_for(_t4(), machine)
    assert (none.free, none.total, none.impossible) == (0, 0, None)
    assert none.sentence == "more than this machine has"


def test_the_fleet_is_summed_by_product_and_resource() -> None:
    nodes = (
        _t4_node(gpus=4, used={"nvidia.com/gpu": 3}),
        _t4_node(gpus=4, ready=False),
        NodeRoom(
            name="m", labels={"cloud.google.com/gke-accelerator": "a100"}, allocatable={"nvidia.com/mig-1g.5gb": 7}
        ),
        _node(),
    )
    named = {(t.product, t.resource): (t.total, t.used, t.nodes, t.nodes_ready) for t in gpu_totals(_seen(*nodes))}
    assert named == {
        ("Tesla-T4", "nvidia.com/gpu"): (8, 3, 2, 1),
        ("a100", "nvidia.com/mig-1g.5gb"): (7, 0, 1, 1),
    }


def test_a_fleet_whose_pods_are_unseen_has_no_used_count() -> None:
    assert gpu_totals(None) == []
    assert [total.used for total in gpu_totals(_seen(_t4_node(), complete=False))] == [None]


def test_many_profiles_of_one_snapshot_are_each_counted_as_if_alone() -> None:
    nodes = [
        _t4_node(gpus=gpus, cpu=cpu, used={"cpu": used}, ready=used != 3, taints=[GPU_TAINT] if gpus % 2 else [])
        for gpus in (1, 2, 3)
        for cpu in (8, 16)
        for used in (0, 0, 3, 5)
    ]
    profiles = [
        _profile(cpu="1"),
        _profile(cpu="3", memory="1G"),
        _profile(cpu="2", node_selector={"gpu-type": "t4"}),
        _profile(cpu="2", node_selector={"gpu-type": "a100"}),
        _t4(cpu="2"),
        _t4(cpu="2", gpu={"product": "Tesla-T4", "count": 2}),
        _t4(cpu="2", gpu={"product": "A100"}),
        _profile(cpu="2", gpu={"product": "A100"}),
        _profile(cpu="1", gpu={"product": "Tesla-T4", "mode": "mig", "mig_profile": "1g.5gb"}),
        _profile(cpu="2", tolerations=[{"operator": "Exists"}]),
    ]
    alone = [room_for(profile, _seen(*nodes)) for profile in profiles]
    together = _seen(*nodes)
    assert [room_for(profile, together) for profile in profiles] == alone
    assert [room_for(profile, together) for profile in reversed(profiles)] == alone[::-1]
    assert len({(each.free, each.total) for each in alone}) > 5  # they do differ


def test_a_snapshot_crosses_the_wire() -> None:
    seen = _seen(_t4_node(), pools=(_pool(),))
    assert CapacitySnapshot.model_validate_json(seen.model_dump_json()) == seen


amount = st.integers(0, 2000).map(lambda tenths: tenths / 10)
nodes = st.builds(
    lambda cpu, memory, gpus, used_cpu, used_gpus: NodeRoom(
        name="n",
        allocatable={"cpu": cpu, "memory": memory * GIB, "nvidia.com/gpu": gpus},
        used={"cpu": used_cpu, "nvidia.com/gpu": used_gpus},
    ),
    amount,
    st.integers(0, 200),
    st.integers(0, 8),
    amount,
    st.integers(0, 8),
)


@given(fleet=st.lists(nodes, max_size=5), cpu=st.integers(1, 8), gpus=st.integers(0, 4))
def test_that_many_do_fit_and_one_more_does_not(fleet: list[NodeRoom], cpu: int, gpus: int) -> None:
    gpu = {"product": "T4", "count": gpus} if gpus else None
    profile = _profile(cpu=str(cpu), memory="4Gi", gpu=gpu)
    found = room_for(profile, _seen(*fleet))
    assert found.free is not None
    assert found.total is not None
    assert 0 <= found.free <= found.total
    asked = {name: amount for name, amount in requests_of(profile).items() if name != "pods"}
    placed = 0
    for node in fleet:
        left = {name: node.allocatable.get(name, 0) - node.used.get(name, 0) for name in asked}
        while all(left[name] - amount >= -1e-6 for name, amount in asked.items()):
            left = {name: left[name] - amount for name, amount in asked.items()}
            placed += 1
    assert found.free == placed
    if found.free:
        assert found.impossible is None
