"""Lines of what was used: however they are put together, all their time, their means and their peaks stay the same."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.runner.gpu_lines import clean, encode, halved, parse, together

fractions = st.none() | st.floats(0, 1)
amounts = st.none() | st.integers(0, 2**40).map(float)
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def devices(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "uuid": draw(st.sampled_from(["GPU-0", "GPU-1", "MIG-2"])),
        "seconds": draw(st.sampled_from([0.0, 2.0, 10.0])),
        "engine": draw(fractions),
        "memory": draw(amounts),
        "power": draw(amounts),
    }


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    at, found = 1.0, []
    for _ in range(draw(st.integers(0, 12))):
        at += draw(st.sampled_from([10.0, 10.0, 10.0, 700.0]))
        line = {
            "at": at,
            "seconds": 10.0,
            "attempt": draw(st.integers(0, 1)),
            "cpu_cores": draw(amounts),
            "host_memory": draw(amounts),
            "problem": draw(st.none() | st.just("away")),
            "devices": draw(st.lists(devices(), max_size=2)),
        }
        cleaned = clean(line)
        assert cleaned is not None
        found.append(cleaned)
    return found


def known_time(lines: list[dict[str, Any]], uuid: str, name: str) -> tuple[float, float]:
    """The integral of a figure, and the time that is behind it, where the figure is always known."""
    parts = [device for line in lines for device in line["devices"] if device["uuid"] == uuid]
    if any(device[name] is None for device in parts):
        return 0.0, 0.0
    return sum(device[name] * device["seconds"] for device in parts), sum(device["seconds"] for device in parts)


def peak(lines: list[dict[str, Any]], name: str) -> float | None:
    values = [device[of] for line in lines for device in line["devices"] for of in (name, f"{name}_peak")]
    return max((value for value in values if value is not None), default=None)


@given(histories())
def test_halving_keeps_time_means_peaks_and_sentences(lines: list[dict[str, Any]]) -> None:
    fewer = halved(lines)
    assert sum(line["seconds"] for line in fewer) == sum(line["seconds"] for line in lines)
    assert [line["at"] for line in fewer] == sorted(line["at"] for line in fewer)
    for uuid in ("GPU-0", "GPU-1", "MIG-2"):
        for name in ("engine", "memory"):
            before, seconds = known_time(lines, uuid, name)
            if seconds:
                after, still = known_time(fewer, uuid, name)
                assert still == seconds
                assert math.isclose(after, before, rel_tol=1e-9, abs_tol=1e-9)
    for name in ("engine", "memory"):
        assert peak(fewer, name) == peak(lines, name)
    assert any(line["problem"] for line in fewer) == any(line["problem"] for line in lines)


@given(histories().filter(lambda lines: len(lines) > 1))
def test_halving_leaves_at_most_three_quarters(lines: list[dict[str, Any]]) -> None:
    assert len(halved(lines)) <= max(1, (len(lines) + 1) // 2 if len(lines) < 4 else len(lines) * 3 // 4)


def test_unknown_stays_unknown_and_no_gap_becomes_nothing() -> None:
    at_work = {"uuid": "GPU-0", "seconds": 10.0, "engine": 0.8, "memory": 4.0}
    lost = {"uuid": "GPU-0", "seconds": 0.0, "problem": "GPU 0 does not answer: it is lost."}
    one, other = (
        clean({"at": 10, "seconds": 10, "devices": [at_work]}),
        clean({"at": 20, "seconds": 10, "devices": [lost]}),
    )
    assert one is not None
    assert other is not None
    (device,) = together([one, other])["devices"]
    assert (device["engine"], device["memory"], device["seconds"]) == (0.8, 4.0, 10.0)
    (device,) = together([other])["devices"]
    assert (device["engine"], device["memory"], device["seconds"]) == (None, None, 0.0)


@given(histories())
def test_what_is_written_is_read_again(lines: list[dict[str, Any]]) -> None:
    again = parse(encode(lines))
    assert len(again) == len(lines)
    for one, other in zip(again, lines, strict=True):
        assert one["at"] == pytest.approx(other["at"])
        assert one["problem"] == other["problem"]
        for device, was in zip(one["devices"], other["devices"], strict=True):
            assert (device["engine"] is None) == (was["engine"] is None)
            assert device["memory"] == was["memory"]


@given(junk, st.dictionaries(st.sampled_from(["at", "seconds", "devices", "rank", "cpu_cores", "problem"]), junk))
def test_what_is_no_line_is_none(value: Any, fields: dict[str, Any]) -> None:
    for candidate in (value, fields, {**fields, "at": 5.0, "devices": [fields, value]}):
        line = clean(candidate)
        if line is not None:
            assert clean(line) == line
            json.loads(encode([together([line, line])]))


@given(st.binary(max_size=200))
def test_whatever_a_file_holds_is_read(content: bytes) -> None:
    assert parse(content) == [] or all(math.isfinite(line["at"]) for line in parse(content))
