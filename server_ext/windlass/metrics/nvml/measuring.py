"""One device's figures at one moment; a figure that is refused does not cost the others.

What a device does not tell is None. What it should tell and does not is named in one sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import pynvml

from windlass.metrics.nvml import faults
from windlass.metrics.nvml.devices import Known
from windlass.metrics.nvml.processes import processes_on, sees_host_processes
from windlass.metrics.nvml.samples import Sampled
from windlass.metrics.reading import Process, Reading

T = TypeVar("T")

MIG_USE_UNTOLD = (
    "This driver does not tell how busy a MIG slice is; on a hub the DCGM exporter does. Its memory is right."
)
FOREIGN_PROCESSES = "Who uses it is not known here: a container does not see the processes of the machine."


@dataclass(kw_only=True)
class Measured:
    """What was read of a device."""

    reading: Reading | None
    processes: tuple[Process, ...] | None
    problem: str | None


@dataclass
class _Asking:
    """Asks for one figure after another, and keeps why some were refused."""

    refused: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    sick: str | None = None

    def ask(self, what: str, call: Callable[[], T]) -> T | None:
        """The figure, or None. Raises NVMLError when the whole library has to be begun again."""
        if self.sick:
            return None
        try:
            return call()
        except pynvml.NVMLError as error:
            if faults.ends_session(error):
                raise
            self.sick = faults.sickness(error)
            if error.value == pynvml.NVML_ERROR_NO_PERMISSION:
                self.refused.append(what)
            elif error.value not in faults.NOT_GIVEN:
                self.failed[what] = faults.words(error)
        return None

    def problem(self) -> str | None:
        """All of it as sentences; None where nothing was refused."""
        if self.sick:
            return self.sick
        sentences = []
        if self.refused:
            sentences.append(f"This user may not read its {_listed(self.refused)}.")
        if self.failed:
            why = "; ".join(dict.fromkeys(self.failed.values()))
            sentences.append(f"The driver does not say its {_listed(list(self.failed))}: {why}.")
        return " ".join(sentences) or None


def measure(device: Known, *, at: float, pcie: float | None, sampled: Sampled | None, xid: int | None) -> Measured:
    """Read a device.

    Args:
        device: Which.
        at: The moment, in POSIX seconds.
        pcie: Bytes a second both ways, measured at its own pace; None where not known.
        sampled: What performance samples say, on cards that give them.
        xid: The last error the driver has reported of the card since it is watched.

    Raises:
        NVMLError: Only when the library has to be begun again.
    """
    asking, handle = _Asking(), device.handle
    used = asking.ask("memory", lambda: int(pynvml.nvmlDeviceGetMemoryInfo(handle).used))
    rates = None if device.cut or not device.is_card else _utilisation(asking, device)
    engine, dram = rates or (None, None)
    power, temperature, clock = _of_card(asking, device)
    processes = asking.ask("processes", lambda: processes_on(handle))
    if asking.sick:
        return Measured(reading=None, processes=None, problem=asking.sick)
    problem = asking.problem()
    if processes == () and not sees_host_processes():
        processes = None
        problem = problem or FOREIGN_PROCESSES
    if not device.is_card and sampled is None:
        problem = problem or MIG_USE_UNTOLD
    better = sampled or Sampled()
    reading = Reading(
        at=at,
        engine=engine if better.engine is None else better.engine,
        memory_bytes=used,
        power_watts=power,
        temperature_celsius=temperature,
        sm_clock_mhz=clock,
        dram=dram if better.dram is None else better.dram,
        tensor=better.tensor,
        pcie_bytes_per_second=pcie if better.pcie is None else better.pcie,
        xid=xid,
    )
    return Measured(reading=reading, processes=processes, problem=problem)


def _utilisation(asking: _Asking, device: Known) -> tuple[float, float] | None:
    """Parts of the driver's last sample period in which a kernel ran, and in which memory was read or written."""
    rates = asking.ask("utilisation", lambda: pynvml.nvmlDeviceGetUtilizationRates(device.handle))
    return None if rates is None else (rates.gpu / 100, rates.memory / 100)


def _of_card(asking: _Asking, device: Known) -> tuple[float | None, float | None, float | None]:
    """Power in watts, temperature in °C, SM clock in MHz: of a card, its slices have none of their own."""
    if not device.is_card:
        return None, None, None
    handle = device.handle
    sensor, sm = pynvml.NVML_TEMPERATURE_GPU, pynvml.NVML_CLOCK_SM
    power = asking.ask("power", lambda: pynvml.nvmlDeviceGetPowerUsage(handle) / 1000)
    temperature = asking.ask("temperature", lambda: float(pynvml.nvmlDeviceGetTemperature(handle, sensor)))
    clock = asking.ask("clock", lambda: float(pynvml.nvmlDeviceGetClockInfo(handle, sm)))
    return power, temperature, clock


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
