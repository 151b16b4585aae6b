"""Amounts as Kubernetes writes them, exact and as short as a person would write them."""

from __future__ import annotations

import math

_BINARY_UNITS = (("Ti", 1 << 40), ("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10))


def memory_quantity(amount_bytes: int) -> str:
    """Bytes in the largest binary unit that says them exactly: `32Gi`, `1536Mi`, `1000`."""
    for unit, size in _BINARY_UNITS:
        if amount_bytes and amount_bytes % size == 0:
            return f"{amount_bytes // size}{unit}"
    return str(amount_bytes)


def cpu_quantity(cores: float) -> str:
    """Cores, in whole ones or in thousandths (rounded up, since the API knows nothing finer): `4`, `500m`."""
    thousandths = math.ceil(round(cores * 1000, 6))
    return str(thousandths // 1000) if thousandths % 1000 == 0 else f"{thousandths}m"
