"""Readings as the contract has them, in as many digits as anybody can see: they are sent each second."""

from __future__ import annotations

from datetime import datetime, timezone

from windlass.contract.gpus import GpuCondition, GpuReading
from windlass.metrics.reading import Condition, Reading


def wire_reading(reading: Reading) -> GpuReading:
    """A reading as it is sent."""
    return GpuReading(
        at=round(reading.at, 2),
        engine=_rounded(reading.engine, 3),
        memory_bytes=reading.memory_bytes,
        power_watts=_rounded(reading.power_watts, 1),
        temperature_celsius=_rounded(reading.temperature_celsius, 1),
        sm_clock_mhz=_rounded(reading.sm_clock_mhz, 0),
        dram=_rounded(reading.dram, 3),
        tensor=_rounded(reading.tensor, 3),
        pcie_bytes_per_second=_rounded(reading.pcie_bytes_per_second, 0),
        xid=reading.xid,
    )


def wire_condition(condition: Condition) -> GpuCondition:
    """A condition as it is sent."""
    return GpuCondition(source=condition.source, code=condition.code, message=condition.message)


def moment(seconds: float) -> datetime:
    """POSIX seconds as the contract has moments."""
    return datetime.fromtimestamp(seconds, tz=timezone.utc)


def _rounded(figure: float | None, digits: int) -> float | None:
    return None if figure is None else round(figure, digits)
