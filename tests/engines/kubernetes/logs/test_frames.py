"""Reports are told from text, put together from their parts, and not trusted."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.engines.kubernetes.logs.frames import LONGEST_FRAME, Assembler, Report, split
from windlass.runner.packing import frames

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


def sent(kind: str, value: object, *, rank: int = 0, number: int = 1, text_bytes: int = 7) -> list[bytes]:
    lines = frames(kind, {"r": rank, "a": 0}, json.dumps(value).encode(), number)
    return [b'{"o":%d,' % text_bytes + line[1:] for line in lines]


def assembled(*lines: bytes) -> list[Report]:
    assembler = Assembler()
    return [report for report in map(assembler.add, lines) if report is not None]


@given(value=json_values)
def test_what_is_reported_arrives(value: object) -> None:
    (report,) = assembled(*sent("status", value, rank=3))
    assert (report.kind, report.rank, report.text_bytes, report.value) == ("status", 3, 7, value)


def large(letter: str = "x") -> dict[str, str]:
    return {letter: "".join(chr(32 + (number * 7919) % 90) + str(number) for number in range(9000))}


def test_a_large_report_comes_in_parts_between_others() -> None:
    parts = sent("notebook", large())
    assert len(parts) > 3
    assert max(map(len, parts)) < 4096
    others = [line for number in range(len(parts)) for line in sent("status", {"n": number}, number=100 + number)]
    mixed = [line for pair in zip(parts, others, strict=True) for line in pair]
    reports = assembled(*mixed)
    assert [report.value for report in reports if report.kind == "notebook"] == [large()]
    assert len(reports) == len(parts) + 1


@pytest.mark.parametrize("lost", [0, 1, -1])
def test_a_report_that_lost_a_part_is_dropped_and_the_next_arrives(lost: int) -> None:
    parts = sent("notebook", large("lost"))
    del parts[lost]
    reports = assembled(*parts, *sent("notebook", large("next"), number=2))
    assert [report.value for report in reports] == [large("next")]


def test_two_ranks_parts_are_kept_apart() -> None:
    mine, theirs = sent("notebook", large("a"), rank=0), sent("notebook", large("b"), rank=1)
    mixed = (
        [line for pair in zip(mine, theirs, strict=False) for line in pair] + mine[len(theirs) :] + theirs[len(mine) :]
    )
    assert [report.value for report in assembled(*mixed)] == [large("a"), large("b")]


@pytest.mark.parametrize(
    "frame",
    [
        b"{",
        b"[]",
        b'{"o":1,"k":"status","r":0,"v":NaN}',
        b'{"o":1,"k":"rm -rf","r":0,"v":1}',
        b'{"o":1,"k":"status","r":-1,"v":1}',
        b'{"o":1,"k":"status","r":true,"v":1}',
        b'{"o":1,"k":"status","r":"../..","v":1}',
        b'{"k":"status","r":0,"v":1}',
        b'{"o":1,"k":"status","r":0,"n":1,"p":0,"ps":1,"z":"no base64!"}',
        b'{"o":1,"k":"status","r":0,"n":1,"p":0,"ps":1,"z":"AAAA"}',
        b'{"o":1,"k":"status","r":0,"n":1,"p":0,"ps":0,"z":""}',
        b'{"o":1,"k":"status","r":0,"n":1,"p":3,"ps":4,"z":"AAAA"}',
        b'{"o":1,"k":"status","r":0,"n":null,"p":0,"ps":1,"z":"AAAA"}',
        b'{"o":1,"k":"status","r":0,"v":' + b"[" * 5000,
        b'{"o":1,"k":"status","r":0,"v":"' + b"x" * LONGEST_FRAME + b'"}',
    ],
)
def test_what_makes_no_sense_is_passed_over(frame: bytes) -> None:
    (report,) = assembled(frame, *sent("status", "fine"))
    assert report.value == "fine"


def test_a_report_that_unpacks_to_far_too_much_is_passed_over() -> None:
    lines = frames("status", {"r": 0}, b'"' + bytes(60_000_000).replace(b"\0", b"a") + b'"', 1)
    assert assembled(*[b'{"o":0,' + line[1:] for line in lines]) == []


@given(junk=st.lists(st.binary(max_size=40), max_size=8))
def test_junk_is_survived(junk: list[bytes]) -> None:
    assembler = Assembler()
    for line in junk:
        assembler.add(line)
        split(line)
    assert next(assembler.add(line) for line in sent("status", 1)) is not None


@given(text=st.binary(max_size=40).filter(lambda text: b"\n" not in text))
def test_a_report_after_an_unfinished_line_is_found(text: bytes) -> None:
    parts = split(text.replace(b"\x1e", b"\x1e\x1e") + b'\x1ewindlass {"k":1}')
    assert parts == (text, False, b'{"k":1}')
