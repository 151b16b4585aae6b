"""What a profile costs per hour."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass_hub.profiles.model import Prices, Profile
from windlass_hub.profiles.prices import card_of, hourly_price

PRICES = Prices.model_validate(
    {"cpu_core_hour": 0.04, "memory_gib_hour": 0.005, "gpu_hour": {"Tesla-T4": 0.35, "A100-SXM4-40GB": 2.8}}
)


def _profile(**fields: object) -> Profile:
    return Profile.model_validate({"slug": "p", "display_name": "P", "cpu": "2", "memory": "4Gi", **fields})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, 0.1),
        ({"gpu": {"product": "Tesla-T4", "count": 2}}, 0.8),
        ({"gpu": {"product": "Tesla-T4", "mode": "shared", "replicas": 4}}, 0.1875),
        ({"gpu": {"product": "A100-SXM4-40GB", "mode": "mig", "mig_profile": "1g.5gb"}}, 0.5),
        ({"gpu": {"product": "NVIDIA-A100-SXM4-40GB-MIG-3g.20gb", "mode": "mig", "mig_profile": "3g.20gb"}}, 1.3),
        ({"gpu": {"product": "Tesla-T4-SHARED", "mode": "shared", "replicas": 2}}, 0.275),
        ({"usd_per_hour": 9.5, "gpu": {"product": "unheard-of"}}, 9.5),
        ({"usd_per_hour": 0}, 0.0),
    ],
)
def test_a_price_is_the_sum_of_its_parts(fields: dict[str, object], expected: float) -> None:
    assert hourly_price(_profile(**fields), PRICES) == pytest.approx(expected)


@pytest.mark.parametrize("missing", ["cpu_core_hour", "memory_gib_hour", "gpu_hour"])
def test_one_unknown_part_makes_the_price_unknown_and_not_lower(missing: str) -> None:
    prices = Prices.model_validate({k: v for k, v in PRICES.model_dump().items() if k != missing})
    assert hourly_price(_profile(gpu={"product": "Tesla-T4"}), prices) is None


def test_a_free_part_is_free_and_not_unknown() -> None:
    prices = Prices(cpu_core_hour=0, memory_gib_hour=0)
    assert hourly_price(_profile(), prices) == 0


def test_spot_capacity_costs_its_share_but_a_written_price_stands() -> None:
    prices = PRICES.model_copy(update={"spot_factor": 0.5})
    assert hourly_price(_profile(spot=True), prices) == pytest.approx(0.05)
    assert hourly_price(_profile(spot=True, usd_per_hour=1), prices) == 1


@pytest.mark.parametrize(
    "label", ["Tesla-T4", "NVIDIA-Tesla-T4", "Tesla-T4-SHARED", "tesla-t4", "NVIDIA-Tesla-T4-MIG-1g.5gb"]
)
def test_every_label_of_one_card_is_that_card(label: str) -> None:
    assert card_of(label) == "tesla-t4"


@given(cores=st.integers(1, 1000), gib=st.integers(1, 4000), cards=st.integers(1, 16))
def test_a_price_grows_with_everything_that_is_given(cores: int, gib: int, cards: int) -> None:
    def price(cores: int, gib: int, cards: int) -> float:
        found = hourly_price(
            _profile(cpu=str(cores), memory=f"{gib}Gi", gpu={"product": "Tesla-T4", "count": cards}), PRICES
        )
        assert found is not None
        return found

    here = price(cores, gib, cards)
    assert here == pytest.approx(cores * 0.04 + gib * 0.005 + cards * 0.35)
    assert here < min(price(cores + 1, gib, cards), price(cores, gib + 1, cards), price(cores, gib, cards + 1))
