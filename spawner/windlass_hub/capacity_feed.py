"""What the cluster has room for, as the hub service sees it, kept for the spawn page and for the check at start.

The hub itself watches no nodes: it is one process with one core, and it needs no right to read them this way. The feed
must never make a page wait long nor a start fail: without an answer the capacity is unknown, which forbids nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
import weakref

from pydantic import ValidationError
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from .profiles.availability import CapacitySnapshot

logger = logging.getLogger(__name__)
ANSWER_SECONDS = 1.0
FRESH_SECONDS = 10.0
# Older than this it says nothing about now, and unknown is the honest answer.
STALE_SECONDS = 120.0


class CapacityFeed:
    """The newest capacity, asked of the hub service at most every ten seconds.

    Args:
        url: of the service's `internal/capacity`.
        token: what the hub gave itself and the service to know each other by.
    """

    def __init__(self, url: str, *, token: str) -> None:
        self._url = url
        self._token = token
        self._kept: CapacitySnapshot | None = None
        self._kept_at = self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def latest(self) -> CapacitySnapshot | None:
        """What is known now; None when it is unknown. Waits at most a second, and only when nothing is known."""
        now = time.monotonic()
        if self._asking is None and now - self._asked_at >= FRESH_SECONDS:
            self._asked_at = now
            self._asking = asyncio.get_running_loop().create_task(self._ask())
        known = self._kept if now - self._kept_at < STALE_SECONDS else None
        if known is None and self._asking is not None:
            await asyncio.wait({self._asking}, timeout=ANSWER_SECONDS)
            known = self._kept if time.monotonic() - self._kept_at < STALE_SECONDS else None
        return known

    async def _ask(self) -> None:
        try:
            answer = await AsyncHTTPClient().fetch(
                self._url,
                headers={"Authorization": f"token {self._token}"},
                connect_timeout=ANSWER_SECONDS,
                request_timeout=ANSWER_SECONDS,
                follow_redirects=False,
            )
            self._kept = CapacitySnapshot.model_validate_json(answer.body)
            self._kept_at = time.monotonic()
        except (HTTPClientError, OSError, ValidationError) as error:
            # The error of a validation quotes what was sent; its kind is enough here.
            logger.info("The hub service did not say what capacity there is: %s", type(error).__name__)
        finally:
            self._asking = None


_feeds: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, str], CapacityFeed]]
_feeds = weakref.WeakKeyDictionary()


def feed_for(url: str, *, token: str) -> CapacityFeed:
    """The one feed of this process (of its event loop) for an address."""
    feeds = _feeds.setdefault(asyncio.get_running_loop(), {})
    return feeds.setdefault((url, token), CapacityFeed(url, token=token))
