"""The lines on the page of a server that starts.

What KubeSpawner shows, in the same shape, with three differences: no event is skipped or shown twice when the list of
events changes under the page, no missing timestamp ends it, and the page gets words beside Kubernetes' own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from .events import html_line, key, line

PAUSE_SECONDS = 1.0


async def lines(spawner: Any) -> AsyncIterator[dict[str, Any]]:
    """What happens until the start is over: `progress` (per cent), `message`, `html_message`, `raw_event`."""
    shown: set[tuple[str, int, str]] = set()
    percent, begun, last_patience = 0.0, time.perf_counter(), 0.0
    while True:
        # Looked at before the events: what came in the last moment is shown too.
        over = spawner._start_future is not None and spawner._start_future.done()  # noqa: SLF001  (KubeSpawner's own)
        elapsed = time.perf_counter() - begun
        threshold, frequency = spawner.slow_spawn_message_threshold, spawner.slow_spawn_message_frequency
        if 0 < threshold <= elapsed and elapsed >= last_patience + frequency:
            last_patience = elapsed
            yield {"message": " ".join(spawner.slow_spawn_message.format(seconds=int(elapsed)).split())}
        for event in spawner.events:
            if key(event) in shown:
                continue
            shown.add(key(event))
            percent += (90 - percent) / 3  # how many will come nobody knows: each goes a third of the way
            yield {
                "progress": int(percent),
                "raw_event": event,
                "message": line(event),
                "html_message": html_line(event),
            }
        if over:
            return
        await asyncio.sleep(PAUSE_SECONDS)
