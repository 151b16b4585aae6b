"""Amounts are exact, and as a person would write them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.engines.kubernetes.manifests.quantities import cpu_quantity, memory_quantity

_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


@given(amount=st.integers(0, 2**46))
def test_memory_is_exact(amount: int) -> None:
    text = memory_quantity(amount)
    number, unit = (text[:-2], text[-2:]) if text[-1] == "i" else (text, "")
    assert int(number) * _UNITS.get(unit, 1) == amount


@pytest.mark.parametrize(("amount", "text"), [(32 * 2**30, "32Gi"), (1536 * 2**20, "1536Mi"), (1000, "1000"), (0, "0")])
def test_memory_reads_well(amount: int, text: str) -> None:
    assert memory_quantity(amount) == text


@given(cores=st.floats(0.0001, 1024))
def test_cores_are_never_fewer_than_asked_for_and_less_than_a_thousandth_more(cores: float) -> None:
    text = cpu_quantity(cores)
    amount = Fraction(text.removesuffix("m")) / (1000 if text.endswith("m") else 1)
    assert 0 <= amount - Fraction(cores) + Fraction(1, 10**6) <= Fraction(1, 1000) + Fraction(2, 10**6)
    assert amount > 0


@pytest.mark.parametrize(
    ("cores", "text"), [(4, "4"), (0.5, "500m"), (0.1 + 0.2, "300m"), (1.1, "1100m"), (0.00001, "1m")]
)
def test_cores_read_well(cores: float, text: str) -> None:
    assert cpu_quantity(cores) == text
