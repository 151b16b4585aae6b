"""What a reflector makes of lists and events, also of those that come twice, late, or not at all."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from windlass.kube.cache import Change, ObjectCache


def item(name: str, version: int, uid: str = "u", **fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "n", "uid": uid, "resourceVersion": str(version)}, **fields}


def cache() -> ObjectCache:
    return ObjectCache(transform=lambda found: {"value": found.get("value"), "uid": found["metadata"]["uid"]})


def kinds(changes: list[Change]) -> list[str]:
    return [change.kind for change in changes]


def test_a_list_is_believed_whole() -> None:
    known = cache()
    assert kinds(known.replace([item("a", 1), item("b", 2)])) == ["ADDED", "ADDED"]
    changes = known.replace([item("b", 5, value=1), item("c", 6)])
    assert sorted(kinds(changes)) == ["ADDED", "MISSING", "MODIFIED"], "nobody saw how the one that is gone ended"
    assert set(known.objects) == {("n", "b"), ("n", "c")}


def test_a_list_with_older_versions_is_believed_too() -> None:
    """After a backup was restored."""
    known = cache()
    known.replace([item("a", 90, value="new")])
    assert kinds(known.replace([item("a", 10, value="old")])) == ["MODIFIED"]


def test_nothing_is_told_where_nothing_changed() -> None:
    known = cache()
    known.replace([item("a", 1, value=1)])
    assert known.replace([item("a", 1, value=1)]) == []
    assert known.event("MODIFIED", item("a", 2, value=1)) == []
    assert kinds(known.event("MODIFIED", item("a", 3, value=2))) == ["MODIFIED"]


def test_events_that_come_again_or_late_are_passed_over() -> None:
    known = cache()
    known.replace([item("a", 5, value=5)])
    assert known.event("ADDED", item("a", 5, value=5)) == []
    assert known.event("MODIFIED", item("a", 4, value=4)) == []
    assert known.event("DELETED", item("a", 3)) == []
    assert known.objects["n", "a"]["value"] == 5


def test_an_end_is_told_once() -> None:
    known = cache()
    known.replace([item("a", 5)])
    assert kinds(known.event("DELETED", item("a", 6))) == ["DELETED"]
    assert known.event("DELETED", item("a", 6)) == []
    known.replace([item("a", 7, uid="v")])
    assert kinds(known.event("DELETED", item("a", 7, uid="v"))) == ["DELETED"], "with its last version"


def test_a_name_that_was_used_again_unseen_is_an_end_and_a_beginning() -> None:
    known = cache()
    known.replace([item("a", 1, uid="first")])
    assert kinds(known.event("MODIFIED", item("a", 9, uid="second"))) == ["MISSING", "ADDED"]
    assert kinds(known.replace([item("a", 12, uid="third")])) == ["MISSING", "ADDED"]
    assert known.event("DELETED", item("a", 10, uid="second")) == []


events = st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=20)


@given(events, st.data())
def test_who_hears_all_changes_knows_what_the_cache_knows(
    happened: list[tuple[str, bool]], data: st.DataObject
) -> None:
    """Whatever is repeated: each event may come several times, after later ones of other objects."""
    story: list[tuple[str, dict[str, Any]]] = []
    there: dict[str, str] = {}
    for version, (name, end) in enumerate(happened, start=1):
        if end and name in there:
            story.append(("DELETED", item(name, version, uid=there.pop(name))))
        elif not end:
            kind = "MODIFIED" if name in there else "ADDED"
            uid = there.setdefault(name, f"{name}{version}")
            story.append((kind, item(name, version, uid=uid, value=version)))
    known, heard = cache(), dict[tuple[str, str], Any]()
    for kind, found in story:
        for _ in range(data.draw(st.integers(1, 2))):
            for change in known.event(kind, found):
                key = ("n", found["metadata"]["name"])
                assert heard.get(key) == change.old
                heard.pop(key, None)
                heard |= {key: change.new} if change.new is not None else {}
    assert heard == dict(known.objects)
    assert {name for _, name in heard} == set(there)
