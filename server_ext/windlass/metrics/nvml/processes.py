"""Who holds a context on a device, as NVML says it in process ids of the host.

Whose process that is, is for others to know. In a container NVML may name processes of other containers by ids that
mean something else here, or none at all; then it is not known who uses the device, rather than nobody.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pynvml

from windlass.metrics.nvml import faults
from windlass.metrics.nvml.devices import Handle
from windlass.metrics.reading import Process

_FIRST_PID_NAMESPACE = "pid:[4026531836]"
"""The inode of the first one, PROC_PID_INIT_INO (0xEFFFFFFC) in the kernel's include/linux/proc_ns.h."""


@cache
def sees_host_processes() -> bool:
    """Whether process ids here are those of the host; True also where that cannot be found out."""
    try:
        return str(Path("/proc/self/ns/pid").readlink()) == _FIRST_PID_NAMESPACE
    except OSError:
        return True


def processes_on(handle: Handle) -> tuple[Process, ...]:
    """Processes that compute or draw on a device. Raises NVMLError."""
    found: dict[int, int | None] = {}
    asked = 0
    for ask in (pynvml.nvmlDeviceGetComputeRunningProcesses, pynvml.nvmlDeviceGetGraphicsRunningProcesses):
        try:
            told = ask(handle)
        except pynvml.NVMLError as error:
            if error.value in faults.NOT_GIVEN and asked:
                continue
            raise
        asked += 1
        for process in told:
            # One that does both is in both lists, each time with all its memory.
            found[process.pid] = process.usedGpuMemory
    return tuple(Process(pid=pid, name=_name(pid), memory_bytes=used) for pid, used in found.items())


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        pass
    try:
        told = pynvml.nvmlSystemGetProcessName(pid)
    except pynvml.NVMLError:
        return ""
    return Path(told.decode("utf-8", "replace") if isinstance(told, bytes) else told).name
