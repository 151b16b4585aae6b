"""GPUs by the program `nvidia-smi`, where the driver's library cannot be loaded into this Python.

As on some systems where the program comes from the host. It takes a tenth of a second of another core and says less:
no MIG slices, no PCIe traffic. Nothing here decides when to ask.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

from .nvml_ctypes import Gpu, NoGpus, NvmlError
from .visible_gpus import visible

_SECONDS = 20
_FIELDS = ("index", "uuid", "name", "memory.used", "memory.total", "utilization.gpu", "power.draw", "temperature.gpu")
_CLOCK = "clocks.sm"
_MIG = "mig.mode.current"
_MIB = 1024 * 1024
_GPU_LOST = 15


class NvidiaSmi:
    """Asks the program anew for each look."""

    def __init__(self) -> None:
        """Raises NoGpus."""
        program = shutil.which("nvidia-smi")
        if program is None:
            raise NoGpus("no NVIDIA driver is installed")
        fields = ",".join((*_FIELDS, _CLOCK, _MIG))
        self._command = [program, f"--query-gpu={fields}", "--format=csv,noheader,nounits"]
        self._rows: dict[str, list[str]] = {}

    def close(self) -> None:
        """Nothing is held."""

    def gpus(self, named: str | None) -> list[Gpu]:
        """The job's own; `named` is CUDA_VISIBLE_DEVICES. Raises NoGpus."""
        self._look()
        cards = [
            [Gpu(0, uuid, int(row[0]), row[2], "")] if row[-1] != "Enabled" else [] for uuid, row in self._rows.items()
        ]
        if cards and not any(cards):
            raise NoGpus("its cards are cut into MIG slices, of which nvidia-smi says nothing")
        return visible(cards, [(uuid, [uuid] if card else []) for uuid, card in zip(self._rows, cards)], named)  # noqa: B905

    def read(self, gpu: Gpu, *, with_pcie: bool) -> dict[str, Any]:
        """As Nvml.read; the first device that is asked brings the others' answers. Raises NoGpus, NvmlError."""
        del with_pcie
        if gpu.uuid not in self._rows:
            self._look()
        row = self._rows.pop(gpu.uuid, None)
        if row is None:
            raise NvmlError(_GPU_LOST)
        used, total, engine, power, temperature, clock = (_number(text) for text in row[3:9])
        return {
            "memory": None if used is None else int(used * _MIB),
            "memory_total": None if total is None else int(total * _MIB),
            "engine": None if engine is None else min(1.0, engine / 100),
            "power": power,
            "temp": temperature,
            "clock": clock,
        }

    def _look(self) -> None:
        try:
            done = subprocess.run(
                self._command, capture_output=True, timeout=_SECONDS, check=True, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.SubprocessError) as error:
            code = getattr(error, "returncode", None)
            why = f"it ended with status {code}" if code is not None else "it does not answer"
            raise NoGpus(f"nvidia-smi cannot be asked: {why}") from None
        lines = done.stdout.decode("utf-8", "replace").splitlines()
        rows = [[field.strip() for field in line.split(",")] for line in lines]
        self._rows = {row[1]: row for row in rows if len(row) == len(_FIELDS) + 2 and row[0].isdigit()}


def _number(text: str) -> float | None:
    """What is no number is `[N/A]`, `[Not Supported]` and the like."""
    try:
        return float(text)
    except ValueError:
        return None
