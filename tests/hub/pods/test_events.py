"""Events of pods: one pod's found by itself, others' kept out, and no timestamp needed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass_hub.pods import events as pod_events
from windlass_hub.pods.events import EventIndex, after, complete, html_line, line, order, place_of, when

Event = dict[str, Any]


def event(uid: str = "e", *, pod: str = "p", namespace: str = "ns", about: str | None = None, **fields: Any) -> Event:
    return {
        "metadata": {"uid": uid, "namespace": namespace, "resourceVersion": fields.pop("version", "1")},
        "involvedObject": {"kind": "Pod", "name": pod, "namespace": namespace if about is None else about},
        "type": "Normal",
        "message": "it happened",
        "lastTimestamp": None,
        "eventTime": None,
        **fields,
    }


def test_an_event_about_another_namespaces_pod_is_kept_out() -> None:
    index = EventIndex({"mallory/e": event(namespace="mallory", about="alice", pod="jupyter-alice")})
    assert index.of("alice", "jupyter-alice") == []
    assert index.of("mallory", "jupyter-alice") == []
    assert not index


def test_events_without_any_timestamp_are_sorted_by_the_order_they_were_written_in() -> None:
    events = [event(str(version), version=str(version)) for version in (11, 9, 10)]
    index = EventIndex({f"ns/{one['metadata']['uid']}": one for one in events})
    assert [one["metadata"]["uid"] for one in index.of("ns", "p")] == ["9", "10", "11"]


def test_the_newest_of_an_events_times_counts() -> None:
    assert when(event(firstTimestamp="2026-01-01T00:00:00Z", lastTimestamp="2026-01-01T00:00:09Z")).endswith("09Z")
    assert when(
        event(eventTime="2026-01-01T00:00:01.5Z", series={"lastObservedTime": "2026-01-01T00:00:07Z"})
    ).endswith("07Z")
    assert when(event(metadata={"creationTimestamp": "2026-01-01T00:00:03Z"})).endswith("03Z")
    assert when(event()) == ""


def test_fractions_of_a_second_come_after_the_whole_second() -> None:
    whole, fraction = event(lastTimestamp="2026-01-01T00:00:05Z"), event(eventTime="2026-01-01T00:00:05.100000Z")
    assert order(whole) < order(fraction)


def test_only_what_follows_the_marker_is_of_this_start() -> None:
    events = [event("a"), event("b"), event("c")]
    assert [one["metadata"]["uid"] for one in after(events, "b")] == ["c"]
    assert len(after(events, "not there")) == len(after(events, None)) == 3


def test_a_line_has_kubespawners_form_and_needs_no_field() -> None:
    told = event(lastTimestamp="2026-01-01T00:00:05Z", type="Warning")
    assert line(told) == "2026-01-01T00:00:05Z [Warning] it happened"
    assert "it happened" in line(event())
    assert line({"metadata": {}, "involvedObject": {}})


def test_an_event_that_lacks_what_kubespawner_reads_gets_it() -> None:
    bare = complete({"metadata": {}, "message": "x"})
    assert (bare["lastTimestamp"], bare["eventTime"], bare["type"], bare["message"]) == (None, None, "Normal", "x")
    whole = event()
    assert complete(whole) is whole


def test_a_message_is_no_html() -> None:
    assert "<script>" not in html_line(event(reason="FailedScheduling", message="<script>alert(1)</script>"))
    assert "Waiting for a free node" in html_line(event(reason="FailedScheduling"))


def test_memory_is_bounded_for_one_pod_and_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pod_events, "MOST_PER_POD", 5)
    monkeypatch.setattr(pod_events, "MOST_EVENTS", 20)
    index = EventIndex()
    for number in range(100):
        index[f"ns/a{number}"] = event(str(number), version=str(number))
    assert [one["metadata"]["uid"] for one in index.of("ns", "p")] == ["95", "96", "97", "98", "99"]
    for number in range(100):
        index[f"ns/b{number}"] = event(str(number), pod=f"p{number}")
    assert len(index) <= 20
    assert index.of("ns", "p99")


_KEYS = st.sampled_from(["ns/1", "ns/2", "ns/3", "other/4"])
_EVENTS = st.builds(
    lambda pod, namespace, version, time: event(pod=pod, namespace=namespace, version=str(version), lastTimestamp=time),
    st.sampled_from(["p", "q"]),
    st.sampled_from(["ns", "other"]),
    st.integers(0, 99),
    st.none() | st.sampled_from(["2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z"]),
)


@given(st.lists(st.tuples(_KEYS, st.none() | _EVENTS), max_size=30))
def test_the_index_finds_what_a_search_through_all_events_finds(steps: list[tuple[str, Event | None]]) -> None:
    index, plain = EventIndex(), dict[str, Event]()
    for key, told in steps:
        if told is None:
            index.pop(key, None)
            plain.pop(key, None)
        else:
            index[key] = plain[key] = told
    assert dict(index) == plain
    for place in [("ns", "p"), ("ns", "q"), ("other", "p")]:
        searched = sorted((one for one in plain.values() if place_of(one) == place), key=order)
        assert sorted(map(id, index.of(*place))) == sorted(map(id, searched))
        assert [order(one) for one in index.of(*place)] == [order(one) for one in searched]
