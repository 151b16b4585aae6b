"""What this machine has to run jobs on: CPUs as the container is allowed to use them, and GPUs.

GPUs are asked of `nvidia-smi` in a subprocess, never through a driver library in this process: such a library keeps
the GPU's context, and a broken driver takes its caller down.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_GPU_LINE = re.compile(r"GPU (?P<index>\d+): (?P<product>.*) \(UUID: (?P<uuid>GPU-[0-9a-fA-F-]+)\)")
_MIG_LINE = re.compile(r"\s+MIG (?P<profile>\S*)\s.*\(UUID: (?P<uuid>MIG-[^)]+)\)")
_NVIDIA_SMI_SECONDS = 20


def cpu_count() -> int:
    """How many CPUs jobs may use: those this process may run on, cut to the container's quota; at least 1."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_cpu_quota()
    return max(1, allowed if quota is None else min(allowed, int(quota)))


def _cgroup_cpu_quota() -> float | None:
    """CPUs the container's control group grants; None where it sets no limit."""
    try:
        quota, period = (_CGROUP / "cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        try:
            quota = (_CGROUP / "cpu/cpu.cfs_quota_us").read_text(encoding="ascii").strip()
            period = (_CGROUP / "cpu/cpu.cfs_period_us").read_text(encoding="ascii").strip()
        except OSError:
            return None
    if not quota.isdigit() or not period.isdigit() or int(period) == 0:
        return None
    return int(quota) / int(period)


@dataclass(frozen=True, kw_only=True)
class GpuName:
    """What a device is."""

    product: str
    """Of the card, as the driver has it."""
    mig: str | None = None
    """The profile, where it is a MIG device of that card."""


def gpu_ids() -> tuple[str, ...]:
    """The GPUs jobs may use, as CUDA_VISIBLE_DEVICES names them; asked once, none when there is no working driver."""
    return parse_gpu_list(_listing(), visible=os.environ.get("CUDA_VISIBLE_DEVICES"))


def gpu_names() -> dict[str, GpuName]:
    """What the machine's devices are, by index and by UUID; asked once."""
    return parse_gpu_names(_listing())


@cache
def _listing() -> str:
    """What `nvidia-smi -L` prints; nothing without a working driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    try:
        answer = subprocess.run([program, "-L"], capture_output=True, timeout=_NVIDIA_SMI_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.decode(errors="replace")


def parse_gpu_names(listing: str) -> dict[str, GpuName]:
    """What the devices in the output of `nvidia-smi -L` are: cards by index and UUID, MIG devices by UUID."""
    found: dict[str, GpuName] = {}
    card = GpuName(product="")
    for line in listing.splitlines():
        if gpu := _GPU_LINE.match(line):
            card = GpuName(product=gpu["product"].strip())
            found[gpu["index"]] = found[gpu["uuid"]] = card
        elif (mig := _MIG_LINE.match(line)) and card.product:
            found[mig["uuid"]] = GpuName(product=card.product, mig=mig["profile"])
    return found


def parse_gpu_list(listing: str, *, visible: str | None) -> tuple[str, ...]:
    """Ids of the devices in the output of `nvidia-smi -L`: indices, or for a GPU cut into MIG devices their UUIDs.

    `visible` is the CUDA_VISIBLE_DEVICES this process was given: devices it hides are not ours to hand out.
    """
    found: list[tuple[str, str]] = []
    for line in listing.splitlines():
        if gpu := _GPU_LINE.match(line):
            found.append((gpu["index"], gpu["uuid"]))
        elif mig := _MIG_LINE.match(line):
            if found and found[-1][0].isdigit():
                found.pop()
            found.append((mig["uuid"], mig["uuid"]))
    if visible is None:
        return tuple(name for name, _ in found)
    wanted = [item.strip() for item in visible.split(",")]
    return tuple(name for item in wanted for name, uuid in found if item and (item == name or uuid.startswith(item)))
