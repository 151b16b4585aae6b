"""NVML as a source of readings: off the event loop, in a thread of its own.

A driver that is resetting a card, or broken, can keep whoever asks it for minutes. The thread waits then, not the
server: looks in the meantime say that the driver does not answer, and ask nothing more of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from windlass.metrics.reading import Condition, DeviceSeries, Look, SourceName

if TYPE_CHECKING:  # nvidia-ml-py takes 50 ms to load, and is loaded by the thread when somebody looks
    from windlass.metrics.nvml.library import NvmlLibrary

PATIENCE_SECONDS = 5.0
INTERVAL_SECONDS = 1.0
AWAY_INTERVAL_SECONDS = 30.0
"""How often a machine is asked that had no driver: somebody may be installing one."""


class _Worker:
    """A thread, and the library that it alone touches."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="windlass-nvml")
        self._library: NvmlLibrary | None = None

    def look(self) -> asyncio.Future[Look]:
        """Ask everything once."""
        return asyncio.get_running_loop().run_in_executor(self._thread, self._look)

    async def end(self, *, patience_seconds: float) -> None:
        """Let go of the driver, after what is being asked; not of one that does not answer: nothing can end that."""
        ending = asyncio.get_running_loop().run_in_executor(self._thread, self._rest)
        await asyncio.wait({ending}, timeout=patience_seconds)
        self._thread.shutdown(wait=False)

    def _look(self) -> Look:
        from windlass.metrics.nvml.library import NvmlLibrary

        if self._library is None:
            self._library = NvmlLibrary()
        return self._library.look()

    def _rest(self) -> None:
        if self._library is not None:
            self._library.rest()


class NvmlSource:
    """The GPUs of this machine. The thread is made by the first look and ends in `rest`."""

    name: SourceName = "nvml"

    def __init__(
        self,
        *,
        interval_seconds: float = INTERVAL_SECONDS,
        away_interval_seconds: float = AWAY_INTERVAL_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._interval = interval_seconds
        self._away_interval = away_interval_seconds
        self._patience = patience_seconds
        self._worker: _Worker | None = None
        self._asking: asyncio.Future[Look] | None = None
        self._asked_at = 0.0
        self._is_away = False

    @property
    def interval_seconds(self) -> float:
        """How often it is worth asking."""
        return self._away_interval if self._is_away else self._interval

    async def look(self) -> Look:
        """How the cards are used now. Never raises."""
        if self._worker is None:
            self._worker = _Worker()
        if self._asking is None or self._asking.done():
            self._asked_at = time.monotonic()
            self._asking = self._worker.look()
        # Not `wait_for`, which before Python 3.12 may lose a cancellation that comes together with the answer.
        answered, _ = await asyncio.wait({self._asking}, timeout=self._patience)
        if not answered:
            waited = time.monotonic() - self._asked_at
            message = f"The NVIDIA driver has not answered for {waited:.0f} s; it may be resetting a GPU, or be broken."
            return Look(at=time.time(), conditions=(Condition(source="nvml", code="away", message=message),))
        look = self._asking.result()
        self._is_away = not look.devices
        return look

    async def history(self, *, start: float, end: float, step: float) -> Sequence[DeviceSeries]:  # noqa: ARG002 - the protocol's
        """Nothing: NVML remembers nothing; whoever looks at it does."""
        return ()

    async def rest(self) -> None:
        """Let go of the driver and the thread; the next look takes them again."""
        worker, self._worker, self._asking = self._worker, None, None
        if worker is not None:
            await worker.end(patience_seconds=self._patience)

    async def close(self) -> None:
        """Let go of everything."""
        await self.rest()
