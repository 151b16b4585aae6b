"""What is asked about money beside GPUs. Who knows prices answers; what they do not know is shown as unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from windlass.contract.gpus import ServerCost
from windlass.metrics.reading import Device

UNPRICED = "No prices are known to this server."


def _unknown(_device: Device) -> float | None:
    return None


@dataclass(frozen=True, kw_only=True)
class JobRate:
    """What a live job costs; None is unknown."""

    usd_per_hour: float | None = None
    usd: float | None = None
    """So far."""


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What things cost one user now."""

    device_usd_per_hour: Callable[[Device], float | None] = _unknown
    jobs: Mapping[str, JobRate] = field(default_factory=dict)
    """Of live jobs, by id."""
    server: ServerCost | None = None
    usd_per_hour: float | None = None
    """Of all that is held, jobs and server; None where a part of it is not known."""
    note: str | None = None
    """Why something of it is not known, or what was taken to be so."""


class Money(Protocol):
    """Knows prices."""

    async def rates(self, *, owner: str) -> Rates:
        """What things cost a user now. Asked each second while somebody looks: it keeps what takes long."""
        ...


class NoMoney:
    """Knows none."""

    async def rates(self, *, owner: str) -> Rates:  # noqa: ARG002 - the protocol's
        """Nothing is known."""
        return Rates(note=UNPRICED)
