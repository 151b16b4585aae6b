"""What a profile set is taken back, and nothing else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from windlass_hub.pods.overriding import Overriding, without


def applied(spawner: SimpleNamespace, **traits: Any) -> Overriding:
    overriding = Overriding()
    with overriding.recording(spawner):
        overriding.about_to_set(spawner, traits)
        for name, value in traits.items():
            if isinstance(value, dict):
                getattr(spawner, name).update(value)
            else:
                setattr(spawner, name, value)
    return overriding


def test_a_gpu_does_not_stay_for_the_next_profile() -> None:
    spawner = SimpleNamespace(extra_resource_limits={}, cpu_limit=None)
    applied(spawner, extra_resource_limits={"nvidia.com/gpu": "1"}, cpu_limit=4).take_back(spawner)
    assert spawner == SimpleNamespace(extra_resource_limits={}, cpu_limit=None)


def test_what_a_hook_set_before_the_profile_stays() -> None:
    spawner = SimpleNamespace(node_selector={"zone": "a"})
    overriding = applied(spawner, node_selector={"gpu": "t4"})
    spawner.node_selector["disk"] = "ssd"  # a hook of the next start
    overriding.take_back(spawner)
    assert spawner.node_selector == {"zone": "a", "disk": "ssd"}


def test_what_somebody_set_over_the_profile_stays() -> None:
    spawner = SimpleNamespace(mem_limit=None)
    overriding = applied(spawner, mem_limit="1G")
    spawner.mem_limit = "2G"
    overriding.take_back(spawner)
    assert spawner.mem_limit == "2G"


def test_changes_outside_of_a_profile_are_not_taken_back() -> None:
    spawner, overriding = SimpleNamespace(image="a"), Overriding()
    overriding.about_to_set(spawner, ["image"])
    spawner.image = "b"
    overriding.take_back(spawner)
    assert spawner.image == "b"


def test_what_is_to_be_kept_can_be_taken_back_later() -> None:
    spawner = SimpleNamespace(namespace="hub", image="a")
    overriding = applied(spawner, namespace="other", image="b")
    overriding.take_back(spawner, keep={"namespace"})
    assert (spawner.namespace, spawner.image) == ("other", "a")
    overriding.take_back(spawner)
    assert spawner.namespace == "hub"


_TREES = st.recursive(
    st.integers(0, 2), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=6
)


@given(_TREES, _TREES)
def test_without_later_changes_everything_is_as_before(before: Any, after: Any) -> None:
    assert without(before, after, after) == before


@given(_TREES, _TREES)
def test_without_a_profile_nothing_changes(before: Any, now: Any) -> None:
    assert without(before, before, now) == now
