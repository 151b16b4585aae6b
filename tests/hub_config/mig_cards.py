"""Which MIG slices can lie where on a card: the hardware's own table, and the arithmetic over it.

As `nvidia-smi mig -lgipp` lists it of A100 and H100 cards: `{starts}:size`, over eight memory slices. A seventh,
1g with media engines (+me), lies as 1g does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

COMPUTE_SLICES = 7
MEMORY_SLICES = 8


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How much of a card a slice takes, and at which memory slices it may begin."""

    compute: int
    memory: int
    starts: tuple[int, ...]


SHAPES: Mapping[str, Shape] = {
    "1g": Shape(compute=1, memory=1, starts=(0, 1, 2, 3, 4, 5, 6)),
    "1g of twice the memory": Shape(compute=1, memory=2, starts=(0, 2, 4, 6)),
    "2g": Shape(compute=2, memory=2, starts=(0, 2, 4)),
    "3g": Shape(compute=3, memory=4, starts=(0, 4)),
    "4g": Shape(compute=4, memory=4, starts=(0,)),
    "7g": Shape(compute=7, memory=8, starts=(0,)),
}


@dataclass(frozen=True, kw_only=True)
class Card:
    """A product: its PCI device ids, and its profiles in the order of `SHAPES`."""

    device_ids: frozenset[str]
    profiles: tuple[str, ...]

    def shape(self, profile: str) -> Shape:
        """Raises KeyError for a profile that this card does not have."""
        return dict(zip(self.profiles, SHAPES.values(), strict=True))[profile]


def _ids(*found: str) -> frozenset[str]:
    return frozenset(f"0x{each}10DE" for each in found)


CARDS: Mapping[str, Card] = {
    "A100 40 GB": Card(
        device_ids=_ids("20B0", "20B1", "20F1", "20F6"),
        profiles=("1g.5gb", "1g.10gb", "2g.10gb", "3g.20gb", "4g.20gb", "7g.40gb"),
    ),
    "A100 80 GB": Card(
        device_ids=_ids("20B2", "20B5", "20F3", "20F5"),
        profiles=("1g.10gb", "1g.20gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb"),
    ),
    "H100 80 GB": Card(
        device_ids=_ids("2330", "2331", "2322", "2324"),
        profiles=("1g.10gb", "1g.20gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb"),
    ),
    "H100 NVL 94 GB": Card(
        device_ids=_ids("2321"), profiles=("1g.12gb", "1g.24gb", "2g.24gb", "3g.47gb", "4g.47gb", "7g.94gb")
    ),
    "H200 141 GB": Card(
        device_ids=_ids("2335", "233B"), profiles=("1g.18gb", "1g.35gb", "2g.35gb", "3g.71gb", "4g.71gb", "7g.141gb")
    ),
}


def placed(shapes: Sequence[Shape]) -> list[int] | None:
    """Where each slice may begin so that none lies over another; None: they do not go onto one card."""
    if sum(shape.compute for shape in shapes) > COMPUTE_SLICES:
        return None
    order = sorted(range(len(shapes)), key=lambda number: -shapes[number].memory)
    found = _rest([shapes[number] for number in order], free=frozenset(range(MEMORY_SLICES)))
    if found is None:
        return None
    at = dict(zip(order, found, strict=True))
    return [at[number] for number in range(len(shapes))]


def _rest(shapes: Sequence[Shape], *, free: frozenset[int]) -> list[int] | None:
    if not shapes:
        return []
    for start in shapes[0].starts:
        taken = frozenset(range(start, start + shapes[0].memory))
        if taken <= free and (others := _rest(shapes[1:], free=free - taken)) is not None:
            return [start, *others]
    return None
