"""Kubernetes quantities as numbers."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.kube.quantities import format_bytes, parse_bytes, parse_quantity

UNITS = {
    "": Fraction(1),
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    "k": Fraction(1000),
    "M": Fraction(10**6),
    "G": Fraction(10**9),
    "T": Fraction(10**12),
    "P": Fraction(10**15),
    "E": Fraction(10**18),
    "Ki": Fraction(2**10),
    "Mi": Fraction(2**20),
    "Gi": Fraction(2**30),
    "Ti": Fraction(2**40),
    "Pi": Fraction(2**50),
    "Ei": Fraction(2**60),
}


@given(whole=st.integers(0, 10**9), part=st.integers(0, 999), unit=st.sampled_from(sorted(UNITS)))
def test_every_unit_is_exactly_what_kubernetes_means(whole: int, part: int, unit: str) -> None:
    assert Fraction(parse_quantity(f"{whole}.{part:03}{unit}")) == (whole + Fraction(part, 1000)) * UNITS[unit]


@given(number=st.integers(0, 10**9), exponent=st.integers(-6, 15), sign=st.sampled_from(["e", "E"]))
def test_exponents_are_read_and_not_taken_for_exa(number: int, exponent: int, sign: str) -> None:
    assert parse_quantity(f"{number}{sign}{exponent}") == Decimal(number).scaleb(exponent)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "G",
        "1 G",
        "-1",
        "+-1",
        "1GB",
        "1gi",
        "0x10",
        "nan",
        "inf",
        "1e",
        "1e9999",
        "١٢",
        "1_000",
        "1,5",
        "9" * 41,
    ],
)
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no quantity"):
        parse_quantity(text)


@given(text=st.text(max_size=60))
def test_any_text_is_a_number_of_at_least_zero_or_refused(text: str) -> None:
    try:
        assert parse_quantity(text) >= 0
    except ValueError as error:
        sentence = str(error)
        assert len(sentence) < 200


@given(count=st.integers(2**20, 2**60))
def test_bytes_are_shown_within_a_hundredth_and_read_back(count: int) -> None:
    shown = parse_bytes(format_bytes(count))
    assert shown == pytest.approx(count, rel=0.01)


@given(number=st.integers(1, 900), unit=st.sampled_from(["Mi", "Gi", "Ti", "M", "G", "T"]))
def test_what_an_admin_would_write_is_shown_exactly(number: int, unit: str) -> None:
    count = parse_bytes(f"{number}{unit}")
    assert parse_bytes(format_bytes(count)) == count


def test_a_fraction_of_a_byte_is_a_whole_one() -> None:
    assert (parse_bytes("1.5"), parse_bytes("500m"), parse_bytes("0")) == (2, 1, 0)
