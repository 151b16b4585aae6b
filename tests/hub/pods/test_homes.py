"""Volumes of named servers that were renamed, deleted and made again."""

from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from windlass_hub.pods.homes import free_name, taken_by_others


def test_the_volumes_of_the_other_servers_are_known_by_what_the_hub_keeps() -> None:
    servers = {
        "": SimpleNamespace(state=None),
        "a": SimpleNamespace(state={"pvc_name": "claim-ann--old"}),
        "b": SimpleNamespace(state={"pvc_name": "claim-ann--b"}),
        "c": SimpleNamespace(state={}),
        "d": SimpleNamespace(state="of another kind"),
    }
    assert taken_by_others(servers, name="b") == {"claim-ann--old"}


@given(st.from_regex(r"\A[a-z]([a-z0-9-]{0,61}[a-z0-9])?\Z"), st.integers(0, 30))
def test_a_free_name_is_a_name_that_nobody_has(wanted: str, others: int) -> None:
    taken: set[str] = set()
    for _ in range(others):
        name = free_name(wanted, taken)
        assert name not in taken
        assert len(name) <= 63
        taken.add(name)
    assert others == 0 or wanted in taken
