"""Performance samples (NVML's GPM), which Hopper and newer cards give, of MIG slices too.

A figure is what lies between two samples, so the first look at a device gives none. What they call graphics
utilisation is DCGM's GR_ENGINE_ACTIVE. Cards that give no samples are asked once.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pynvml

from windlass.metrics.nvml import faults
from windlass.metrics.nvml.devices import Known

_ENGINE, _TENSOR, _DRAM = (
    pynvml.NVML_GPM_METRIC_GRAPHICS_UTIL,
    pynvml.NVML_GPM_METRIC_ANY_TENSOR_UTIL,
    pynvml.NVML_GPM_METRIC_DRAM_BW_UTIL,
)
_TO_GPU, _FROM_GPU = pynvml.NVML_GPM_METRIC_PCIE_RX_PER_SEC, pynvml.NVML_GPM_METRIC_PCIE_TX_PER_SEC
_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """Between the last two samples; fractions 0 to 1, `pcie` in bytes a second both ways."""

    engine: float | None = None
    tensor: float | None = None
    dram: float | None = None
    pcie: float | None = None


class PerformanceSamples:
    """The last two samples of each device. Used by one thread; `close` before the library is shut down."""

    def __init__(self) -> None:
        self._gives: dict[str, bool] = {}
        self._kept: dict[str, tuple[Any, Any]] = {}
        self._filled: set[str] = set()

    def take(self, device: Known) -> Sampled | None:
        """Sample now, and say what lies between this and the sample before; None where there is none.

        Raises NVMLError only when the library has to be begun again.
        """
        card = device.parent or device
        try:
            if device.cut or not self._card_gives(card):
                return None
            before, after = self._pair(device.uuid)
            if device.is_card:
                pynvml.nvmlGpmSampleGet(device.handle, after)
            elif device.instance is not None:
                pynvml.nvmlGpmMigSampleGet(card.handle, device.instance, after)
            else:
                return None
            self._kept[device.uuid] = (after, before)
            if device.uuid not in self._filled:
                self._filled.add(device.uuid)
                return Sampled()
            return _between(before, after, whole_card=device.is_card)
        except pynvml.NVMLError as error:
            if faults.ends_session(error):
                raise
            self._filled.discard(device.uuid)
            return None

    def close(self) -> None:
        """Give the samples back to the library."""
        for pair in self._kept.values():
            for sample in pair:
                with suppress(pynvml.NVMLError):
                    pynvml.nvmlGpmSampleFree(sample)
        self._kept.clear()
        self._filled.clear()
        self._gives.clear()

    def _card_gives(self, card: Known) -> bool:
        if card.uuid not in self._gives:
            try:
                self._gives[card.uuid] = bool(pynvml.nvmlGpmQueryDeviceSupport(card.handle).isSupportedDevice)
            except pynvml.NVMLError as error:
                if faults.ends_session(error):
                    raise
                self._gives[card.uuid] = False
        return self._gives[card.uuid]

    def _pair(self, uuid: str) -> tuple[Any, Any]:
        if uuid not in self._kept:
            self._kept[uuid] = (pynvml.nvmlGpmSampleAlloc(), pynvml.nvmlGpmSampleAlloc())
        return self._kept[uuid]


def _between(before: Any, after: Any, *, whole_card: bool) -> Sampled:
    wanted = [_ENGINE, _TENSOR, _DRAM, *([_TO_GPU, _FROM_GPU] if whole_card else [])]
    asked = pynvml.c_nvmlGpmMetricsGet_t()
    asked.version = pynvml.NVML_GPM_METRICS_GET_VERSION
    asked.numMetrics = len(wanted)
    asked.sample1, asked.sample2 = before, after
    for place, metric in enumerate(wanted):
        asked.metrics[place].metricId = metric
    pynvml.nvmlGpmMetricsGet(asked)
    answers = [asked.metrics[place] for place in range(len(wanted))]
    told = {
        answer.metricId: float(answer.value)
        for answer in answers
        if answer.nvmlReturn == pynvml.NVML_SUCCESS and answer.value == answer.value  # NaN is not itself
    }
    both_ways = [told[metric] for metric in (_TO_GPU, _FROM_GPU) if metric in told]
    return Sampled(
        engine=_fraction(told.get(_ENGINE)),
        tensor=_fraction(told.get(_TENSOR)),
        dram=_fraction(told.get(_DRAM)),
        pcie=sum(both_ways) * _MEBIBYTE if len(both_ways) == 2 else None,
    )


def _fraction(percent: float | None) -> float | None:
    return None if percent is None else min(1.0, max(0.0, percent / 100))
