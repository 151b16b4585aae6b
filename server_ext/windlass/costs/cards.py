"""What is known of NVIDIA's cards from their data sheets: memory, speed, and the MIG profiles they can be cut into.

Speed is the dense FP16 rate of the tensor cores, in TFLOPS: rough, and good enough to say whether a smaller card could
have done the same work. A card that is not here is not advised.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from windlass.costs.products import MigProfile, card_of, mig_profile

GIB = 2**30
_USABLE = 0.96
"""Of the memory a name states, what programs get: the driver and ECC keep the rest (a 2g.10gb slice has 9.6 GiB)."""
_MEMORY = re.compile(r"(?:^|-)([1-9][0-9]{0,2})gb(?:-|$)")


@dataclass(frozen=True, kw_only=True)
class Card:
    """A product. Memory in GiB, speed in TFLOPS; None is unknown."""

    model: str
    memory_gib: int | None
    tflops: float | None

    @property
    def usable_bytes(self) -> int | None:
        """What programs can use of its memory."""
        return None if self.memory_gib is None else int(self.memory_gib * GIB * _USABLE)


_FACTS: dict[str, tuple[int | None, float]] = {
    "p100": (16, 21.2),
    "t4": (16, 65.0),
    "v100": (None, 125.0),
    "a10": (24, 125.0),
    "a10g": (24, 70.0),
    "a30": (24, 165.0),
    "a40": (48, 149.7),
    "l4": (24, 121.0),
    "l40": (48, 181.0),
    "l40s": (48, 362.0),
    "a100": (None, 312.0),
    "h100": (None, 989.0),
    "h200": (141, 989.0),
}
_LAYOUTS: dict[tuple[str, int], tuple[str, ...]] = {
    ("a100", 40): ("1g.5gb", "2g.10gb", "3g.20gb", "4g.20gb"),
    ("a100", 80): ("1g.10gb", "1g.20gb", "2g.20gb", "3g.40gb", "4g.40gb"),
    ("h100", 80): ("1g.10gb", "1g.20gb", "2g.20gb", "3g.40gb", "4g.40gb"),
    ("h200", 141): ("1g.18gb", "1g.35gb", "2g.35gb", "3g.71gb", "4g.71gb"),
}


def card(product: str) -> Card:
    """What is known of a product, however its name is written."""
    name = card_of(product)
    model = next((token for token in name.split("-") if token in _FACTS), "")
    memory, tflops = _FACTS.get(model, (None, None))
    written = _MEMORY.search(name)
    return Card(model=model, memory_gib=int(written[1]) if written else memory, tflops=tflops)


def layouts(product: str) -> list[MigProfile]:
    """The MIG profiles that are smaller than the whole card, the smallest first; none where it cannot be cut."""
    known = card(product)
    names = _LAYOUTS.get((known.model, known.memory_gib or 0), ())
    return [profile for profile in map(mig_profile, names) if profile is not None]


def slice_bytes(profile: MigProfile) -> int:
    """What programs can use of a slice's memory."""
    return int(profile.memory_gb * GIB * _USABLE)
