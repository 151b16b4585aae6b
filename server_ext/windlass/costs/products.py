"""Which names mean the same card, and how much of a card a MIG slice or a share of it is.

Drivers, node labels and people write one product in several ways. Sources: NVIDIA's GPU feature discovery (labels
`nvidia.com/gpu.product`) and the MIG user guide (profiles, of seven compute slices a card).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

SEVENTHS = 7
"""Compute slices of a card that can be cut."""
_PROFILE = re.compile(r"(?P<slices>[1-7])g\.(?P<memory>[1-9][0-9]{0,2})gb(?:[.+][a-z]+)*", re.ASCII)
_SHARE = re.compile(r"1/(?P<parts>[1-9][0-9]{0,2})", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class MigProfile:
    """A MIG profile's size."""

    name: str
    slices: int
    """Of the seven compute slices."""
    memory_gb: int
    """As its name says; NVIDIA counts GB of 2^30 bytes here."""

    @property
    def part(self) -> Fraction:
        """How much of a card it is."""
        return Fraction(self.slices, SEVENTHS)


def mig_profile(name: str) -> MigProfile | None:
    """`2g.10gb`, with media engines `1g.10gb.me` or `1g.10gb+me`; None for what is no profile."""
    found = _PROFILE.fullmatch(name.strip().casefold())
    if found is None:
        return None
    plain = f"{found['slices']}g.{found['memory']}gb"
    return MigProfile(name=plain, slices=int(found["slices"]), memory_gb=int(found["memory"]))


def share_parts(name: str) -> int | None:
    """Into how many parts a card is cut, of `1/4`; None for what is no share."""
    found = _SHARE.fullmatch(name.strip())
    return int(found["parts"]) if found else None


def card_of(product: str) -> str:
    """The card behind a product's name: without what discovery adds for a share, a MIG slice or the maker.

    Newer drivers say `NVIDIA-A100-SXM4-40GB`, older ones `A100-SXM4-40GB`, NVML has spaces; a MIG slice of it is
    `A100-SXM4-40GB-MIG-1g.5gb`, a share `A100-SXM4-40GB-SHARED`.
    """
    name = re.sub(r"[\s_-]+", "-", product.strip().casefold())
    return name.removeprefix("nvidia-").removesuffix("-shared").partition("-mig-")[0]
