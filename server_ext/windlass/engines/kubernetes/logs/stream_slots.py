"""How many logs are followed at once: each is an open connection of this process and of the API server.

Whoever waits for a slot gets it in turn: the one who has held one longest, and for at least `turn_seconds`, is asked to
leave, and goes on later where it was. Nothing here knows what a slot is used for.
"""

from __future__ import annotations

import asyncio
import resource
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

TURN_SECONDS = 30.0
MOST_STREAMS = 2048


def default_count() -> int:
    """As many as half of the files that this process may have open."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_STREAMS if soft == resource.RLIM_INFINITY else max(16, min(MOST_STREAMS, soft // 2))


class StreamSlots:
    """`count` slots; for one event loop."""

    def __init__(self, count: int | None = None, *, turn_seconds: float = TURN_SECONDS) -> None:
        self._count = default_count() if count is None else count
        self._turn_seconds = turn_seconds
        self._taken = 0
        self._held: dict[asyncio.Event, float] = {}
        """Who holds a slot, by the event that asks them to leave, since when; the longest first."""
        self._queue: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def taken(self) -> int:
        """How many are in use."""
        return self._taken

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[asyncio.Event]:
        """A slot, and the event that is set when somebody else is to have it."""
        if self._taken < self._count:
            self._taken += 1
        else:
            await self._wait()
        leave = asyncio.Event()
        self._held[leave] = asyncio.get_running_loop().time()
        try:
            yield leave
        finally:
            del self._held[leave]
            self._pass_on()

    async def _wait(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        self._recall()
        try:
            await turn
        except asyncio.CancelledError:
            if turn in self._queue:
                self._queue.remove(turn)
            elif turn.done() and not turn.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """A slot is free: it is the next one's at once, so that nobody comes between."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                break
        else:
            self._taken -= 1
        self._recall()

    def _recall(self) -> None:
        """Ask as many to leave as are waited for, of those whose turn is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        wanted = len(self._queue) - sum(leave.is_set() for leave in self._held)
        for leave, since in self._held.items():
            if wanted <= 0:
                return
            left = since + self._turn_seconds - loop.time()
            if left > 0:
                self._timer = loop.call_later(left, self._recall)
                return
            if not leave.is_set():
                leave.set()
                wanted -= 1
