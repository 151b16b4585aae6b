"""What a profile costs per hour. An unknown part makes the whole unknown: one that leaves something out misleads."""

from __future__ import annotations

from decimal import Decimal

from windlass.costs.products import card_of
from windlass.kube.quantities import parse_quantity

from .model import Gpu, Prices, Profile

_GIB = 2**30


def hourly_price(profile: Profile, prices: Prices) -> float | None:
    """USD per hour of one server of this profile; None when it is not known.

    The profile's own price stands as it is written. Otherwise: cores, GiB and GPU cards at the catalogue's prices (of
    the limits, which is what the user is given), less what spot capacity saves. A MIG slice counts its sevenths of a
    card, a time-sliced share its part.
    """
    if profile.usd_per_hour is not None:
        return profile.usd_per_hour
    parts = [
        _of(parse_quantity(profile.cpu), prices.cpu_core_hour),
        _of(parse_quantity(profile.memory) / _GIB, prices.memory_gib_hour),
    ]
    if profile.gpu is not None:
        parts.append(_of(Decimal(repr(profile.gpu.cards)), card_price(profile.gpu, prices)))
    known = [part for part in parts if part is not None]
    if len(known) != len(parts):
        return None
    factor = Decimal(repr(prices.spot_factor)) if profile.spot else Decimal(1)
    return float(round(sum(known, Decimal(0)) * factor, 6))


def card_price(gpu: Gpu, prices: Prices) -> float | None:
    """USD per hour of one whole card of this product, or None.

    A shared or partitioned card is priced as the card it is: `Tesla-T4-SHARED` as `Tesla-T4` when only that has one.
    """
    if gpu.product in prices.gpu_hour:
        return prices.gpu_hour[gpu.product]
    card = card_of(gpu.product)
    return next((price for product, price in prices.gpu_hour.items() if card_of(product) == card), None)


def _of(amount: Decimal, price: float | None) -> Decimal | None:
    return None if price is None else amount * Decimal(repr(price))
