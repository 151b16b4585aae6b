"""Kubernetes quantities as numbers: people and API servers write `16G` and `500m`, arithmetic needs bytes and cores.

Grammar: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Context, Decimal
from functools import lru_cache

_SUFFIXES = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    "K": Decimal(10**3),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("MGTPE", start=2)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", start=1)},
}
_QUANTITY = re.compile(
    r"(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:(?P<suffix>[numkKMGTPE]|[KMGTPE]i)|[eE](?P<exponent>[+-]?[0-9]{1,3}))?"
)
_LONGEST = 40
_EXACT = Context(prec=100)  # 40 digits times 1024^6 have at most 60; the default keeps 28


@lru_cache(maxsize=1024, typed=True)
def parse_quantity(text: str | float) -> Decimal:
    """The value of a quantity in its base unit: cores, bytes or pieces.

    Args:
        text: `4`, `0.5`, `500m`, `16G` (10^9 bytes), `16Gi` (2^30 bytes), `1e3`. `16K` is read as `16k`.

    Raises:
        ValueError: it is no quantity, negative, or absurdly long.
    """
    written = str(text).strip()
    match = _QUANTITY.fullmatch(written) if len(written) <= _LONGEST else None
    if match is None:
        raise ValueError(f"{written[:_LONGEST]!r} is no quantity: write a number with a unit, as 4, 500m, 16G or 16Gi.")
    number = Decimal(match["number"])
    if match["exponent"]:
        return _EXACT.scaleb(number, int(match["exponent"]))
    return _EXACT.multiply(number, _SUFFIXES[match["suffix"] or ""])


def parse_bytes(text: str | float) -> int:
    """A quantity of memory or storage in whole bytes, rounded up as the API server does.

    Raises:
        ValueError: it is no quantity.
    """
    return int(parse_quantity(text).to_integral_value(ROUND_CEILING))


def format_bytes(count: int) -> str:
    """Bytes as an admin would write them: `4Gi` or `4G` when exact, else with at most two decimals in Gi or Mi."""
    for suffix in ("Ti", "T", "Gi", "G", "Mi", "M"):
        whole, rest = divmod(count, int(_SUFFIXES[suffix]))
        if whole and not rest:
            return f"{whole}{suffix}"
    if count >= 2**30:
        return f"{count / 2**30:.2f}".rstrip("0").rstrip(".") + "Gi"
    return f"{count / 2**20:.2f}".rstrip("0").rstrip(".") + "Mi"
