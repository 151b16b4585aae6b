"""Whether a process that was written down is still the one that runs now.

A pid alone is reused, and means nothing after a reboot or on another machine that shares the home folder. So a process
is its pid, the moment it began, the boot, and the host. Supervisors also touch their file now and then, which is all
that can be seen of them from another host.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from windlass.engines.job_folder.files import read_json
from windlass.engines.job_folder.paths import JobFolder

HEARTBEAT_SECONDS = 5.0
_SILENT_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class ProcessIdentity:
    """One process, for good. `create_time` is in seconds on the clock of its system: compare it, do not print it."""

    pid: int
    create_time: float
    boot_id: str
    host: str

    @classmethod
    def of_this_process(cls) -> ProcessIdentity:
        """Who this process is."""
        create_time = process_start(os.getpid())
        return cls(pid=os.getpid(), create_time=create_time or 0.0, boot_id=boot_id(), host=host_name())

    @classmethod
    def from_json(cls, value: dict[str, Any] | None) -> ProcessIdentity | None:
        """Read back what `to_json` made; None for anything else."""
        if value is None:
            return None
        try:
            return cls(
                pid=int(value["pid"]),
                create_time=float(value["create_time"]),
                boot_id=str(value["boot_id"]),
                host=str(value.get("host", host_name())),
            )
        except (KeyError, TypeError, ValueError):
            return None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)

    @property
    def is_here(self) -> bool:
        """Whether it ran on this machine since it was last booted."""
        return self.host == host_name() and self.boot_id == boot_id()

    def is_alive(self) -> bool:
        """Whether it still runs. A process of another host is taken to be gone."""
        return self.is_here and process_start(self.pid) == self.create_time


def supervisor_of(job: JobFolder) -> ProcessIdentity | None:
    """Who supervises the job; None when nobody has begun to."""
    return ProcessIdentity.from_json(read_json(job.supervisor))


def supervisor_is_alive(job: JobFolder) -> bool | None:
    """Whether the job's supervisor lives; None when none has begun."""
    identity = supervisor_of(job)
    if identity is None:
        return None
    if identity.host == host_name():
        return identity.is_alive()
    try:
        return time.time() - job.supervisor.stat().st_mtime < _SILENT_SECONDS
    except OSError:
        return False


def process_start(pid: int) -> float | None:
    """When this process began, in seconds (on Linux since boot: the wall clock may be set); None when it has ended."""
    try:
        content = Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _process_start_by_psutil(pid)
    except OSError:
        return None
    fields = content[content.rfind(b")") + 2 :].split()
    if fields[0] in (b"Z", b"X"):
        return None
    return int(fields[19]) / _ticks_per_second()


def _process_start_by_psutil(pid: int) -> float | None:
    """The same where there is no /proc (macOS)."""
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


@cache
def _ticks_per_second() -> int:
    return os.sysconf("SC_CLK_TCK")


@cache
def boot_id() -> str:
    """What tells this boot of the machine from all others; empty where the system has no such thing."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


@cache
def host_name() -> str:
    """The name of this machine or container."""
    return socket.gethostname()
