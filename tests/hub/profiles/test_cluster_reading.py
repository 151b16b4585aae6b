"""Nodes, pods and Karpenter pools as the API server answers them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass_hub.profiles.cluster_reading import nodes_from_kubernetes, pod_requests, pools_from_karpenter

GIB = 2**30


def _node(name: str = "a", *, ready: str = "True", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": {"gpu-type": "t4"}},
        "spec": {"taints": [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}], **spec},
        "status": {
            "allocatable": {
                "cpu": "3920m",
                "memory": "15Gi",
                "nvidia.com/gpu": "1",
                "pods": "110",
                "odd": "x",
                "huge": "1e999",
            },
            "conditions": [{"type": "DiskPressure", "status": "False"}, {"type": "Ready", "status": ready}],
        },
    }


def _container(**requests: str) -> dict[str, Any]:
    return {"resources": {"requests": requests}}


def _pod(node: str | None = "a", *, phase: str = "Running", owner: str = "", **requests: str) -> dict[str, Any]:
    owners = [{"kind": owner, "name": "x"}] if owner else []
    return {
        "metadata": {"name": "p", "ownerReferences": owners},
        "spec": {"nodeName": node, "containers": [_container(**requests)]},
        "status": {"phase": phase},
    }


def test_a_node_is_read_in_base_units() -> None:
    (node,) = nodes_from_kubernetes([_node()], [])
    assert node.allocatable == {"cpu": 3.92, "memory": 15 * GIB, "nvidia.com/gpu": 1, "pods": 110}
    assert (node.name, node.labels, node.ready) == ("a", {"gpu-type": "t4"}, True)
    assert (node.taints[0].key, node.taints[0].effect) == ("nvidia.com/gpu", "NoSchedule")


@pytest.mark.parametrize("node", [_node(ready="False"), _node(ready="Unknown"), _node(unschedulable=True)])
def test_a_sick_or_cordoned_node_is_not_ready(node: dict[str, Any]) -> None:
    assert not nodes_from_kubernetes([node], [])[0].ready


def test_pods_that_ended_or_wait_take_no_room() -> None:
    pods = [
        _pod(cpu="1"),
        _pod(cpu="1", phase="Pending"),
        _pod(cpu="1", phase="Succeeded"),
        _pod(cpu="1", phase="Failed"),
        _pod(node=None, cpu="1", phase="Pending"),
        _pod(node="elsewhere", cpu="1"),
    ]
    (node,) = nodes_from_kubernetes([_node()], pods)
    assert node.used == {"cpu": 2, "pods": 2}


def test_what_every_node_runs_is_told_apart() -> None:
    mirror = _pod(cpu="100m")
    mirror["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    (node,) = nodes_from_kubernetes([_node()], [_pod(cpu="200m", owner="DaemonSet"), mirror, _pod(cpu="1")])
    assert node.reserved == {"cpu": pytest.approx(0.3), "pods": 2}
    assert node.used == {"cpu": pytest.approx(1.3), "pods": 3}


@pytest.mark.parametrize(
    ("spec", "cpu"),
    [
        ({"containers": [_container(cpu="1"), _container(cpu="500m")]}, 1.5),
        ({"initContainers": [_container(cpu="4")], "containers": [_container(cpu="1")]}, 4),
        (
            {
                "initContainers": [{**_container(cpu="1"), "restartPolicy": "Always"}],
                "containers": [_container(cpu="1")],
            },
            2,
        ),
        (
            {
                "initContainers": [{**_container(cpu="1"), "restartPolicy": "Always"}, _container(cpu="3")],
                "containers": [_container(cpu="1")],
            },
            4,
        ),
        (
            {
                "initContainers": [_container(cpu="3"), {**_container(cpu="1"), "restartPolicy": "Always"}],
                "containers": [_container(cpu="1")],
            },
            3,
        ),
        ({"containers": [_container(cpu="1")], "overhead": {"cpu": "250m"}}, 1.25),
        ({"containers": [_container(cpu="1")], "resources": {"requests": {"cpu": "3"}}}, 3),
        ({"containers": [{"resources": {"limits": {"cpu": "2"}}}]}, 2),
        ({"containers": [{}]}, 0),
        ({}, 0),
    ],
)
def test_a_pod_counts_as_the_scheduler_counts_it(spec: dict[str, Any], cpu: float) -> None:
    assert pod_requests(spec).get("cpu", 0) == cpu


def test_a_pool_is_read_with_its_limits_and_taints() -> None:
    (pool,) = pools_from_karpenter(
        [
            {
                "metadata": {"name": "gpu"},
                "spec": {
                    "limits": {"nvidia.com/gpu": "8", "memory": "1000Gi"},
                    "template": {
                        "metadata": {"labels": {"gpu-type": "t4"}},
                        "spec": {
                            "requirements": [
                                {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot"]}
                            ],
                            "taints": [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}],
                            "startupTaints": [{"key": "starting", "effect": "NoSchedule"}],
                        },
                    },
                },
                "status": {"resources": {"nvidia.com/gpu": "3"}, "conditions": [{"type": "Ready", "status": "True"}]},
            }
        ]
    )
    assert (pool.name, pool.labels, pool.ready) == ("gpu", {"gpu-type": "t4"}, True)
    assert pool.limits == {"nvidia.com/gpu": 8, "memory": 1000 * GIB}
    assert pool.used == {"nvidia.com/gpu": 3}
    assert [taint.key for taint in pool.taints] == ["nvidia.com/gpu"], "taints of the start are gone when pods come"
    assert pool.requirements[0].values == ("spot",)


def test_objects_with_parts_left_out_are_read() -> None:
    assert nodes_from_kubernetes([{}, {"metadata": None, "spec": None, "status": None}], [{}, {"spec": None}])
    assert pools_from_karpenter([{}, {"spec": {"template": None}, "status": None}])


amounts = st.dictionaries(st.sampled_from(["cpu", "memory"]), st.integers(0, 100).map(str), max_size=2)
container = amounts.map(lambda requests: {"resources": {"requests": requests}})
sidecar = container.map(lambda c: {**c, "restartPolicy": "Always"})


@given(init=st.lists(container | sidecar, max_size=4), main=st.lists(container, max_size=3))
def test_a_pod_never_counts_less_than_any_moment_of_it_needs(
    init: list[dict[str, Any]], main: list[dict[str, Any]]
) -> None:
    found = pod_requests({"initContainers": init, "containers": main})
    running = [c for c in init if c.get("restartPolicy") == "Always"] + main
    for name in ("cpu", "memory"):
        together = sum(int(c["resources"]["requests"].get(name, 0)) for c in running)
        steps = [int(c["resources"]["requests"].get(name, 0)) for c in init]
        assert found.get(name, 0) >= max([together, *steps])
        assert found.get(name, 0) <= together + max([0, *steps])
