"""What a job took: hours of cards and USD, from what its pods held and the catalogue's prices.

A figure is whole or it is unknown: one pod whose time, card or price nobody knows makes the job's unknown, because a
sum that leaves something out misleads.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from windlass.contract.hub import Prices as WirePrices
from windlass.costs.book import CORE, GIB, Capacity, Entry, PriceBook, exact, from_catalogue
from windlass_hub.profiles.model import Prices

from .usage import PodUsage

_SAME_SECOND = 1.0
"""Times of the API are whole seconds."""
_FIRST_PODS_SECONDS = 120.0
"""How long after a job begins its first pods may be made; those that come later may stand for others."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """`note` says why a figure is None."""

    gpu_hours: float | None
    usd: float | None
    note: str = ""
    unseen: bool = False
    """Pods came and went that nobody saw."""


class _Unknown(Exception):
    """Something is not known; `str()` says what."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a job's own object says of its pods, to hold against those that were seen."""

    expected: int
    """How many the job runs at a time."""
    ran: bool = False
    """Some have run."""
    began_at: float | None = None
    """When the first were to be made, in POSIX seconds; None where it does not say."""
    ended: int = 0
    """How many have ended, at the least."""

    @property
    def least(self) -> int:
        """How many there were at the least, of a job that ran."""
        return max(self.expected, self.ended, 1)


def cost_of(pods: Collection[PodUsage], *, told: Told, watched: bool, prices: Prices | None) -> Cost:
    """What a job's pods took.

    Args:
        pods: all that were seen, those that are gone too.
        told: what the job's object says of them.
        watched: the job was watched from its beginning, so that no pod can have come and gone unseen.
        prices: of the catalogue; None when it cannot be read.
    """
    if told.ran and not pods:
        # A user may leave off the label by which pods are found.
        return Cost(gpu_hours=None, usd=None, note="The job ran, and none of its pods was seen.", unseen=True)
    if not watched and (missing := _missing(pods, told)):
        return Cost(gpu_hours=None, usd=None, note=missing, unseen=True)
    try:
        hours = float(round(sum((_gpu_hours(pod) for pod in pods), Decimal(0)), 6))
    except _Unknown as unknown:
        return Cost(gpu_hours=None, usd=None, note=str(unknown))
    book = PriceBook() if prices is None else from_catalogue(WirePrices(**prices.model_dump(), revision=""))
    try:
        usd = float(round(sum((_usd(pod, prices, book) for pod in pods), Fraction(0)), 6))
    except _Unknown as unknown:
        return Cost(gpu_hours=hours, usd=None, note=str(unknown))
    return Cost(gpu_hours=hours, usd=usd)


def _missing(pods: Collection[PodUsage], told: Told) -> str:
    """Why pods may have come and gone before anybody looked; empty when nothing says so."""
    ranks = {pod.title for pod in pods}
    if len(ranks) < told.expected:
        return f"Only {len(ranks)} of {told.expected} pods were seen."
    replaced = "Pods were replaced before the hub service looked."
    oldest = min((pod.created_at for pod in pods if pod.created_at is not None), default=None)
    if told.began_at is not None and oldest is not None and oldest > told.began_at + _FIRST_PODS_SECONDS:
        return replaced
    if len(pods) < told.ended or not set(range(max((pod.attempt for pod in pods), default=0))) <= {
        pod.attempt for pod in pods
    }:
        return replaced
    begun = min((pod.since for pod in pods if pod.since is not None), default=None)
    first: dict[str, float] = {}
    for pod in pods:
        if pod.created_at is not None:
            first[pod.title] = min(pod.created_at, first.get(pod.title, pod.created_at))
    # Pods of a job are made together: one that is younger than another's start stands in the place of one before.
    if begun is not None and any(created > begun + _SAME_SECOND for created in first.values()):
        return replaced
    return ""


def _hours(pod: PodUsage) -> Decimal:
    if pod.hours is None:
        raise _Unknown(f"It is not known when the pod {pod.title} ended.")
    return Decimal(repr(pod.hours))


def _gpu_hours(pod: PodUsage) -> Decimal:
    hours = _hours(pod)
    if not hours:
        return Decimal(0)
    if pod.cards is None:
        raise _Unknown(f"It is not known into how many parts the card of the pod {pod.title} is shared.")
    return hours * Decimal(repr(pod.cards))


def _usd(pod: PodUsage, prices: Prices | None, book: PriceBook) -> Fraction:
    hours = Fraction(_hours(pod))
    if not hours:
        return Fraction(0)
    if prices is None:
        raise _Unknown("The catalogue with the prices cannot be read.")
    capacity: Capacity = "spot" if pod.spot else "on-demand"
    parts = [
        _priced(pod.cores, book.price("cpu", CORE, at=0.0, capacity=capacity), "a core"),
        _priced(pod.memory_gib, book.price("memory", GIB, at=0.0, capacity=capacity), "a GiB of memory"),
    ]
    if pod.cards:
        price = book.price("gpu", pod.product, at=0.0, capacity=capacity) if pod.product else None
        parts.append(
            _priced(pod.cards, price, f"a card {pod.product}" if pod.product else "a card of an unknown product")
        )
    if prices.spot_factor != 1 and pod.spot is None:
        raise _Unknown(f"It is not known whether the pod {pod.title} ran on spot capacity.")
    return hours * sum(parts, Fraction(0))


def _priced(amount: float | None, price: Entry | None, what: str) -> Fraction:
    if amount is None:
        raise _Unknown(f"It is not known how much of {what} the pods had.")
    if price is None:
        raise _Unknown(f"The catalogue has no price for {what}.")
    return exact(amount) * price.usd_per_hour
