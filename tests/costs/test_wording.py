"""Amounts as sentences have them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.costs import wording


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (3600, "$3,600.00"),
        (Fraction("1234567.891"), "$1,234,567.89"),
        (22.29, "$22.29"),
        (0.1, "$0.10"),
        (0.0042, "$0.0042"),
        (0.00001234, "$0.000012"),
        (0, "$0.00"),
        (0.02, "$0.02"),
        (0.025, "$0.025"),
        (-29.5, "$-29.50"),
    ],
)
def test_money_has_thousands_separators_and_small_money_is_not_nothing(amount: Fraction | float, words: str) -> None:
    assert wording.dollars(amount) == words


@given(st.fractions(min_value=Fraction(1, 10**9), max_value=10**9))
def test_what_is_something_is_never_said_to_be_nothing_and_is_never_far_off(amount: Fraction) -> None:
    said = float(wording.figure(amount).replace(",", ""))
    assert said == pytest.approx(float(amount), rel=0.06)


@pytest.mark.parametrize(
    ("amount", "words"),
    [(1, "1 core"), (2, "2 cores"), (0.5, "0.5 cores"), (0, "0 cores"), (1024.0, "1,024 cores")],
)
def test_one_is_singular(amount: float, words: str) -> None:
    assert wording.count(amount, "core") == words


def test_memory_is_in_one_digit_and_little_is_not_none() -> None:
    gib = wording.GIB
    assert [wording.gpu_memory(each * gib) for each in (0, 0.01, 0.3, 8, 9.6, 1220)] == [
        "0 GB",
        "less than 0.1 GB",
        "0.3 GB",
        "8 GB",
        "9.6 GB",
        "1,220 GB",
    ]
    assert [wording.host_memory(each) for each in (0.01, 0.25, 12.0, 1220.25)] == [
        "less than 0.1 GiB",
        "0.25 GiB",
        "12 GiB",
        "1,220.2 GiB",
    ]


def test_parts_are_never_rounded_to_nothing_or_all() -> None:
    assert [wording.percent(each) for each in (0, 0.001, 0.2, 0.949, 0.999, 1)] == [
        "0 %",
        "<1 %",
        "20 %",
        "95 %",
        ">99 %",
        "100 %",
    ]
