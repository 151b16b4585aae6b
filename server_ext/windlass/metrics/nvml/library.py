"""The library as it is begun, asked, and begun again when the driver was lost or cards were cut anew.

Blocking, and to be used by one thread at a time. It knows no event loop.
"""

from __future__ import annotations

import time
from contextlib import suppress

import pynvml

from windlass.metrics.nvml import faults
from windlass.metrics.nvml.devices import Inventory, Known, take_stock
from windlass.metrics.nvml.errors_seen import ErrorsSeen
from windlass.metrics.nvml.measuring import measure
from windlass.metrics.nvml.samples import PerformanceSamples
from windlass.metrics.reading import Condition, Device, Look

STOCK_SECONDS = 10.0
"""How often it is looked afresh which devices there are: slices come and go while the driver runs."""
PCIE_CARDS_PER_LOOK = 2
"""The library measures a card's traffic for 2 × 20 ms while it is asked, so cards take turns."""
PCIE_KEPT_SECONDS = 20.0
"""How long a card's traffic stands for what it is now."""


class NvmlLibrary:
    """What NVML says now, look by look. Nothing is held of the driver before the first look and after `rest`."""

    def __init__(self) -> None:
        self._begun = False
        self._stock = Inventory()
        self._stock_at = 0.0
        self._samples = PerformanceSamples()
        self._errors: ErrorsSeen | None = None
        self._pcie: dict[str, tuple[float, float]] = {}
        """By UUID: when it was measured, bytes a second."""
        self._pcie_turn = 0

    def look(self) -> Look:
        """Ask everything once. Never raises NVMLError."""
        at = time.time()
        try:
            self._begin(at)
            self._measure_traffic(at)
            if self._errors is not None:
                self._errors.collect()
            devices = tuple(self._device(known, at=at) for known in self._stock.devices)
        except pynvml.NVMLError as error:
            self.rest()
            fault = faults.whole(error)
            return Look(at=at, conditions=(Condition(source="nvml", code=fault.code, message=fault.message),))
        return Look(at=at, devices=devices, conditions=self._conditions())

    def rest(self) -> None:
        """Let go of the driver; the next look begins again."""
        self._samples.close()
        if self._errors is not None:
            self._errors.close()
            self._errors = None
        self._stock, self._stock_at = Inventory(), 0.0
        self._pcie.clear()
        if self._begun:
            self._begun = False
            with suppress(pynvml.NVMLError):
                pynvml.nvmlShutdown()

    def _begin(self, at: float) -> None:
        if not self._begun:
            pynvml.nvmlInit()
            self._begun = True
        if at - self._stock_at >= STOCK_SECONDS or at < self._stock_at:
            before = {known.uuid for known in self._stock.devices}
            self._stock, self._stock_at = take_stock(), at
            if before != {known.uuid for known in self._stock.devices}:
                self._watch_anew()

    def _watch_anew(self) -> None:
        self._samples.close()
        if self._errors is not None:
            self._errors.close()
        self._errors = ErrorsSeen(known for known in self._stock.devices if known.is_card)

    def _device(self, known: Known, *, at: float) -> Device:
        pcie_at, pcie = self._pcie.get(known.uuid, (0.0, None))
        measured = measure(
            known,
            at=at,
            pcie=pcie if at - pcie_at <= PCIE_KEPT_SECONDS else None,
            sampled=self._samples.take(known),
            xid=self._errors.last(known.uuid) if self._errors is not None else None,
        )
        return Device(
            id=known.uuid,
            uuid=known.uuid,
            parent_uuid=known.parent.uuid if known.parent else None,
            kind="card" if known.is_card else "slice",
            name=known.name,
            index=known.index,
            mig_profile=known.profile,
            gpu_instance=known.instance,
            memory_total_bytes=known.memory_total_bytes,
            processes=measured.processes,
            reading=measured.reading,
            source="nvml",
            problem=measured.problem,
        )

    def _measure_traffic(self, at: float) -> None:
        """A few cards' traffic. Raises NVMLError only when the library has to be begun again."""
        cards = [known for known in self._stock.devices if known.is_card and not known.cut]
        for _ in range(min(PCIE_CARDS_PER_LOOK, len(cards))):
            card = cards[self._pcie_turn % len(cards)]
            self._pcie_turn += 1
            try:
                kilobytes = sum(
                    pynvml.nvmlDeviceGetPcieThroughput(card.handle, counter)
                    for counter in (pynvml.NVML_PCIE_UTIL_TX_BYTES, pynvml.NVML_PCIE_UTIL_RX_BYTES)
                )
            except pynvml.NVMLError as error:
                if faults.ends_session(error):
                    raise
                self._pcie.pop(card.uuid, None)
            else:
                self._pcie[card.uuid] = (at, kilobytes * 1000.0)

    def _conditions(self) -> tuple[Condition, ...]:
        problems = self._stock.problems
        if problems:
            return (Condition(source="nvml", code="partial", message=" ".join(problems)),)
        if not self._stock.devices:
            return (Condition(source="nvml", code="no-devices", message="The NVIDIA driver knows no GPU here."),)
        return ()
