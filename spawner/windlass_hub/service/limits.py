"""How often somebody may ask: a token bucket per name, so that one user's loop is one user's problem."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from .problems import TooMany

_NAMES_KNOWN = 10_000


class RateLimit:
    """Allows `burst` requests at once and one more every `seconds`.

    Args:
        burst: how many may come together.
        seconds: how long one takes to come back.
        clock: for tests.
    """

    def __init__(self, *, burst: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._seconds = seconds
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> None:
        """Count one request of `name`. Raises TooMany, with the seconds to wait."""
        now = self._clock()
        left, at = self._buckets.get(name, (float(self._burst), now))
        left = min(float(self._burst), left + (now - at) / self._seconds)
        if left < 1:
            wait = (1 - left) * self._seconds
            raise TooMany(f"You ask this too often: try again in {wait:.0f} s.", retry_after=wait)
        self._buckets[name] = (left - 1, now)
        self._buckets.move_to_end(name)
        while len(self._buckets) > _NAMES_KNOWN:
            self._buckets.popitem(last=False)
