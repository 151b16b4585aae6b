"""Writes down how a job uses its GPUs, CPU and memory, from inside, where nothing has to be installed or asked for.

The first rank of each machine looks every two seconds and writes a line every ten: means and peaks of what it saw. When
there are 4,000 lines each two become one, and from then on a line stands for twice the time, however long the job
takes. It is a thread that computes next to nothing, waits for nothing but the driver, and is left behind where that
hangs. docs/architecture.md, "What a job used", is the format; nothing here decides what the numbers mean.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import gpu_lines
from .cgroup import HostUse, meter
from .context import JobContext
from .gpu_metrics import GpuMetrics
from .gpu_reading import JobGpus
from .reporting import Reporter

FIRST_SECONDS = 2.0
SAMPLE_SECONDS = 2.0
LINE_SECONDS = 10.0
LINE_VARIABLE = "WINDLASS_GPU_LINE_SECONDS"
LEAST_LINE_SECONDS, MOST_LINE_SECONDS = 0.2, 3600.0
_STOP_SECONDS = 1.0
_TOO_SHORT = "This job ended before its GPUs were looked at."

Take = Callable[["dict[str, Any]"], None]
"""Is given each line when it is written."""


class GpuSampler:
    """The sampler of one machine's part of a job. Raises nothing: whatever goes wrong, the job goes on."""

    def __init__(
        self,
        *,
        context: JobContext,
        named: str | None,
        takers: tuple[Take, ...],
        finish: Callable[[], None],
        line_seconds: float | None = None,
    ) -> None:
        """`named` is CUDA_VISIBLE_DEVICES; `finish` is called when there are no more lines."""
        line_seconds = line_seconds or LINE_SECONDS
        self._context = context
        self._first_seconds, self._sample_seconds = min(FIRST_SECONDS, line_seconds), min(SAMPLE_SECONDS, line_seconds)
        self._file = LineFile(context.use_path, line_seconds=line_seconds)
        self._takers = takers
        self._finish = finish
        self._gpus = JobGpus(named=named)
        self._host: Callable[[], HostUse] | None = None
        self._used: tuple[float, float | None] | None = None
        self._seen_at = time.monotonic()
        self._problem: str | None = None
        self._window: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="windlass-gpus", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def flush(self) -> None:
        """Write what was seen last, without looking again: the process may be about to end."""
        if self._lock.acquire(timeout=_STOP_SECONDS):
            try:
                self._write()
            finally:
                self._lock.release()

    def stop(self) -> None:
        """Look a last time, write, and end; a driver that hangs is not waited for."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=_STOP_SECONDS)
        self._finish()

    def _run(self) -> None:
        if self._stopped.wait(self._first_seconds):
            self._end_early()
            return
        with contextlib.suppress(OSError):
            self._file.resume()
        written = self._seen_at
        while True:
            self._sample(first=not self._window)
            with self._lock:
                now = time.monotonic()
                if self._stopped.is_set() or not self._file.lines or now - written >= self._file.line_seconds:
                    self._write()
                    written = now
            if self._stopped.is_set():
                return
            if self._stopped.wait(self._sample_seconds) and not self._gpus.is_open:
                self.flush()
                return

    def _sample(self, *, first: bool) -> None:
        """One look. What takes milliseconds is asked by the `first` of a line, and the last of all."""
        whole_look = first or self._stopped.is_set()
        devices, problem = self._gpus.look(with_pcie=whole_look)
        now = time.monotonic()
        passed, self._seen_at = now - self._seen_at, now
        # After a machine was asleep nobody knows what would have been seen.
        seconds = passed if passed <= 3 * SAMPLE_SECONDS else self._sample_seconds
        for place, device in enumerate(devices):
            known = any(device.get(name) is not None for name in ("engine", "memory"))
            device.update(rank=self._rank_of(place, len(devices)), seconds=seconds if known else 0.0)
        told, self._problem = problem if problem != self._problem else None, problem
        line = {"at": time.time(), "seconds": seconds, "devices": devices, "problem": told}
        line.update(self._use() if whole_look else {})
        line.update(rank=self._context.rank, attempt=self._context.attempt)
        whole = gpu_lines.clean(line)
        if whole is not None:
            with self._lock:
                self._window.append(whole)

    def _use(self) -> dict[str, Any]:
        """CPU since it was asked before, and memory."""
        if self._host is None:
            alone = self._context.local_world_size == 1
            self._host = meter(
                in_container=self._context.report_to_stdout, root_pid=os.getpid() if alone else os.getppid()
            )
        use, now = self._host(), time.monotonic()
        before, self._used = self._used, (now, use.cpu_seconds)
        cores = None
        if before is not None and before[1] is not None and use.cpu_seconds is not None and now > before[0]:
            # Less than before: a process has ended whose time went to nobody.
            cores = max(0.0, use.cpu_seconds - before[1]) / (now - before[0])
        return {"cpu_cores": cores, "host_memory": use.memory, "host_memory_limit": use.memory_limit}

    def _rank_of(self, place: int, count: int) -> int | None:
        """Whose a device is by the launchers' custom: local rank n has the n-th; None where ranks share them."""
        if self._context.local_world_size == 1:
            return self._context.rank
        return self._context.rank + place if count == self._context.local_world_size else None

    def _end_early(self) -> None:
        line = {"at": time.time(), "rank": self._context.rank, "attempt": self._context.attempt, "problem": _TOO_SHORT}
        whole = gpu_lines.clean(line)
        with self._lock:
            self._window += [whole] if whole is not None else []
            self._write()

    def _write(self) -> None:
        if not self._window:
            return
        line = gpu_lines.together(self._window)
        self._window = []
        # A full disk costs lines and no more.
        with contextlib.suppress(OSError):
            self._file.add(line)
        for take in self._takers:
            take(line)


def sampler_of(context: JobContext, *, reporter: Reporter | None) -> GpuSampler | None:
    """The sampler of this rank; None for one that shares its machine with an earlier rank, which sees as much.

    To be made before the notebook runs, which may change what CUDA is to show it.
    """
    if context.local_rank != 0:
        return None
    metrics = GpuMetrics(node=context.rank // max(1, context.local_world_size))
    takers: tuple[Take, ...] = (metrics.take,) if reporter is None else (reporter.use, metrics.take)
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    wanted = _seconds(os.environ.get(LINE_VARIABLE))
    return GpuSampler(context=context, named=named, takers=takers, finish=metrics.finish, line_seconds=wanted)


def _seconds(text: str | None) -> float | None:
    """What somebody wants, where that makes sense."""
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return seconds if LEAST_LINE_SECONDS <= seconds <= MOST_LINE_SECONDS else None


class LineFile:
    """`gpus.jsonl` of one rank, kept short."""

    def __init__(self, path: Path, *, most: int = gpu_lines.MOST_LINES, line_seconds: float) -> None:
        self._path = path
        self._most = most
        self._first_seconds = line_seconds
        self.lines = 0
        """How many this process has written or found."""
        self.line_seconds = line_seconds
        """What a line is to stand for."""

    def resume(self) -> None:
        """Go on with what an attempt before has left. Raises OSError."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return
        if content and not content.endswith(b"\n"):
            # A full disk, or a sudden end: the next line begins anew.
            self._append(b"\n")
        known = gpu_lines.parse(content)
        longest = max((line["seconds"] for line in known), default=0.0)
        while self.line_seconds * 1.5 < longest:
            self.line_seconds *= 2
        self.lines = len(known)

    def add(self, line: dict[str, Any]) -> None:
        """One more line, in one write. Raises OSError."""
        self._append(gpu_lines.encode([line]))
        self.lines += 1
        if self.lines >= self._most:
            self._halve()

    def _append(self, content: bytes) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, content)
        finally:
            os.close(descriptor)

    def _halve(self) -> None:
        known = gpu_lines.halved(gpu_lines.parse(self._path.read_bytes()))
        draft = self._path.with_name(f".{self._path.name}.tmp")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(gpu_lines.encode(known))
        draft.replace(self._path)
        self.lines = len(known)
        self.line_seconds *= 2
