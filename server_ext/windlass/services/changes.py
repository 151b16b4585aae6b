"""Says that something changed, to everyone who waits for it; what changed is for them to ask the ledger.

Nothing is queued here: a listener that is slow finds, when it comes back, one list of what is different by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class ChangeHub:
    """One bell for all listeners of this server."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._count = 0
        self.listeners = 0

    def announce(self) -> None:
        """Something in the ledger may have changed."""
        self._count += 1
        self._rung.set()
        self._rung = asyncio.Event()

    @property
    def count(self) -> int:
        """How often it rang; taken before the ledger is read, nothing is missed."""
        return self._count

    async def wait(self, *, seen: int) -> None:
        """Wait until it has rung more often than `seen`."""
        while self._count <= seen:
            await self._rung.wait()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Count a listener, so that others know whether anybody cares."""
        self.listeners += 1
        try:
            yield
        finally:
            self.listeners -= 1
