"""A GPU driver for machines without one: builds the C library beside this, and says what its devices answer.

The real `nvidia-ml-py`, and the runner's own ctypes, load it as `libnvidia-ml.so.1`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("driver.c")
STATE_VARIABLE = "FAKE_NVML_STATE"
LIBRARY = "libnvidia-ml.so.1"
GIB = 1024**3

NOT_SUPPORTED, NO_PERMISSION, DRIVER_NOT_LOADED, GPU_IS_LOST, VERSION_MISMATCH = 3, 4, 9, 15, 18


def build(folder: Path) -> Path:
    """The library, built there. Returns the folder, for LD_LIBRARY_PATH. Skips the test where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("No C compiler is here to build the library that answers as NVIDIA's.")
    target = folder / LIBRARY
    if not target.exists():
        words = ["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", f"-Wl,-soname,{LIBRARY}", "-pthread"]
        subprocess.run([compiler, *words, "-o", str(target), str(SOURCE)], check=True, timeout=60)
    return folder


@dataclass
class Gpu:
    """A card, or a MIG slice; fields are the words of a line of the state file."""

    uuid: str
    name: str = "NVIDIA A100-SXM4-40GB"
    total: int = 40 * GIB
    used: int = 0
    util: int = 0
    memory_util: int = 0
    power: int = 60_000
    temperature: int = 40
    clock: int = 1410
    pcie_tx: int = 0
    """KB/s, as NVML says it."""
    pcie_rx: int = 0
    xid: int = 0
    mig: int = 0
    gi: int = 0
    slices: int = 0
    """Of compute, of a MIG slice."""
    gpm: int = 0
    """1: gives performance samples, as Hopper does."""
    gpm_engine: float = 0.0
    gpm_dram: float = 0.0
    gpm_tensor: float = 0.0
    parts: list[Gpu] = field(default_factory=list)
    """Its slices."""

    def line(self) -> str:
        """The words of its line."""
        given = {name: value for name, value in vars(self).items() if name != "parts"}
        return " ".join(f"{name}={str(value).replace(' ', '_')}" for name, value in given.items())


def slice_of(uuid: str, profile: str, *, gi: int, memory: int, slices: int, **more: float) -> Gpu:
    """A MIG slice of an A100-40GB."""
    name = f"NVIDIA A100-SXM4-40GB MIG {profile}"
    return replace(Gpu(uuid=uuid, name=name, gi=gi, total=memory, slices=slices), **more)  # type: ignore[arg-type]


@dataclass
class FakeDriver:
    """What the library answers; `write` after each change."""

    folder: Path
    """Where the library is."""
    state: Path
    gpus: list[Gpu] = field(default_factory=list)
    processes: list[tuple[str, int, int | None]] = field(default_factory=list)
    """Where (`0`, or `1.0` for slice 0 of card 1), pid, bytes (None: not told)."""
    errors: list[tuple[str, int, int | None]] = field(default_factory=list)
    """Call, code, card (None: all)."""
    slow: list[tuple[str, int]] = field(default_factory=list)
    """Call, milliseconds."""

    @property
    def variables(self) -> dict[str, str]:
        """What a process needs in its environment to load it."""
        path = os.pathsep.join(filter(None, (str(self.folder), os.environ.get("LD_LIBRARY_PATH"))))
        return {"LD_LIBRARY_PATH": path, STATE_VARIABLE: str(self.state)}

    @property
    def is_held(self) -> bool:
        """Whether a process that lives has begun to use it and not ended."""
        log = self.state.with_name(self.state.name + ".log")
        lines = log.read_text(encoding="ascii").splitlines() if log.exists() else []
        begun = Counter(line.partition(" ")[2] for line in lines if line.startswith("init"))
        begun.subtract(line.partition(" ")[2] for line in lines if line.startswith("shutdown"))
        return any(times > 0 and Path(f"/proc/{pid}").exists() for pid, times in begun.items())

    def write(self) -> None:
        """Let the library answer so from now on."""
        lines = []
        for index, gpu in enumerate(self.gpus):
            lines.append(f"device {index} {gpu.line()}")
            lines += [f"slice {index} {place} {part.line()}" for place, part in enumerate(gpu.parts)]
        for where, pid, memory in self.processes:
            lines.append(f"process {where} pid={pid} memory={'unknown' if memory is None else memory}")
        for call, code, card in self.errors:
            lines.append(f"error {call} {code}{'' if card is None else f' {card}'}")
        lines += [f"slow {call} {milliseconds}" for call, milliseconds in self.slow]
        fresh = self.state.with_suffix(".new")
        fresh.write_text("\n".join(lines) + "\n", encoding="ascii")
        fresh.replace(self.state)


def two_gpus() -> list[Gpu]:
    """A card at work, and one in MIG mode with a small and a larger slice."""
    whole = Gpu(
        uuid="GPU-aaaaaaaa-0000-0000-0000-000000000000",
        used=8 * GIB,
        util=87,
        memory_util=41,
        power=312_400,
        temperature=61,
        pcie_tx=1_000,
        pcie_rx=2_000,
    )
    parts = [
        slice_of("MIG-11111111-0000-0000-0000-000000000000", "1g.5gb", gi=7, memory=5 * GIB - 2**20, slices=1),
        slice_of(
            "MIG-22222222-0000-0000-0000-000000000000", "2g.10gb", gi=3, memory=10 * GIB - 2**20, slices=2, used=GIB
        ),
    ]
    return [whole, Gpu(uuid="GPU-bbbbbbbb-0000-0000-0000-000000000000", mig=1, used=GIB, parts=parts)]
