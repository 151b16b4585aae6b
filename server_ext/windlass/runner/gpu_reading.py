"""This job's GPUs, whichever way they can be read, through drivers that are missing, break down and come back.

What cannot be read is told as a sentence and never as a number. Nothing here knows times, files or MLflow.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from .nvidia_smi import NvidiaSmi
from .nvml_ctypes import Gpu, NoGpus, Nvml, NvmlError

AGAIN_SECONDS = 60.0
"""After the driver has gone."""
_SLICE = "The driver does not say how busy a MIG slice is; its memory is its own."


class JobGpus:
    """What `named` (CUDA_VISIBLE_DEVICES) leaves of this machine's devices. For one thread at a time."""

    def __init__(self, *, named: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._named = named
        self._clock = clock
        self._source: Nvml | NvidiaSmi | None = None
        self._gpus: Sequence[Gpu] = ()
        self._ask_at = float("-inf")
        self._problem: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether a driver answers, so that a look takes milliseconds."""
        return self._source is not None

    def look(self, *, with_pcie: bool) -> tuple[list[dict[str, Any]], str | None]:
        """Each device as it is now, in the job's order, and what is wrong, where something is."""
        if self._source is None and self._clock() >= self._ask_at:
            self._open()
        if self._source is None:
            return [self._unknown(gpu) for gpu in self._gpus], self._problem
        found, lost, why = [], 0, ""
        for gpu in self._gpus:
            device, trouble = self._read(self._source, gpu, with_pcie=with_pcie)
            found.append(device)
            lost += bool(trouble)
            why = trouble or why
        if lost and lost == len(found):
            self._lose(why)
        return found, self._problem

    def _open(self) -> None:
        # Found missing once it is not looked for again; one that was lost may come back.
        self._ask_at = self._clock() + AGAIN_SECONDS if self._gpus else float("inf")
        source: Nvml | NvidiaSmi | None = None
        try:
            source = _any_source()
            gpus = source.gpus(self._named)
        except (NoGpus, NvmlError) as error:
            if source is not None:
                source.close()
            lost = "The GPUs cannot be read any more" if self._gpus else "GPU use is not known"
            self._problem = f"{lost}: {error}."
            return
        if not gpus:
            source.close()
            hidden = "CUDA_VISIBLE_DEVICES gives it none" if self._named is not None else "it sees none"
            self._problem = f"This job has no GPU: {hidden}."
            return
        self._source, self._gpus, self._problem = source, gpus, None

    def _read(self, source: Nvml | NvidiaSmi, gpu: Gpu, *, with_pcie: bool) -> tuple[dict[str, Any], str]:
        try:
            values = source.read(gpu, with_pcie=with_pcie)
        except (NvmlError, NoGpus) as error:
            return {**self._unknown(gpu), "problem": f"GPU {gpu.number} does not answer: {error}."}, str(error)
        return {**self._unknown(gpu), **values}, ""

    def _lose(self, why: str) -> None:
        if self._source is not None:
            self._source.close()
        self._source = None
        self._ask_at = self._clock() + AGAIN_SECONDS
        self._problem = f"The GPUs cannot be read any more: {why}."

    @staticmethod
    def _unknown(gpu: Gpu) -> dict[str, Any]:
        known: dict[str, Any] = {"uuid": gpu.uuid, "index": gpu.number, "name": gpu.name, "problem": None}
        if gpu.mig:
            known.update(mig=gpu.mig, parent=gpu.parent or None, gi=gpu.instance, problem=_SLICE)
        return known


def _any_source() -> Nvml | NvidiaSmi:
    """The library, else the program. Raises NoGpus with what is wrong with the first."""
    try:
        return Nvml()
    except NoGpus as error:
        try:
            return NvidiaSmi()
        except NoGpus:
            raise error from None
