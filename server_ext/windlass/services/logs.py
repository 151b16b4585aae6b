"""Follows jobs' output, once per job and rank, however many tabs look at it.

A feed looks for growth only while somebody follows, and keeps only the page that was read last: tabs that are abreast
share one read, and a tab that is slow reads from its own offset when it is ready. Nothing is buffered for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone

from windlass.contract.jobs import LogPage, LogSegment
from windlass.engines.base import Engine, LogSlice

PAGE_BYTES = 128 * 1024
LOOK_SECONDS = 0.1
"""How often a followed job is looked at: a line is shown within this, on average half of it."""


def page_of(part: LogSlice) -> LogPage:
    """A part of a job's output as it goes over the wire."""
    return LogPage(
        offset=part.offset,
        next_offset=part.next_offset,
        size_bytes=part.size_bytes,
        complete=part.complete,
        segments=[
            LogSegment(rank=piece.rank, time=datetime.fromtimestamp(piece.time, tz=timezone.utc), text=piece.text)
            for piece in part.pieces
        ],
    )


class LogFeeds:
    """All output that is being followed."""

    def __init__(self) -> None:
        self._feeds: dict[tuple[str, int | None], _Feed] = {}

    async def follow(self, engine: Engine, job_id: str, *, rank: int | None, offset: int) -> AsyncIterator[LogPage]:
        """Pages from `offset` on as they come; ends after the page that is complete. Raises NotFound."""
        with self._feed(engine, job_id, rank) as feed:
            first = True
            while True:
                page = await feed.read(offset)
                if first or page.next_offset > page.offset or page.complete:
                    yield page
                if page.complete:
                    return
                if page.next_offset == offset:
                    await feed.grown()
                first, offset = False, page.next_offset

    @contextmanager
    def _feed(self, engine: Engine, job_id: str, rank: int | None) -> Iterator[_Feed]:
        feed = self._feeds.setdefault((job_id, rank), _Feed(engine, job_id, rank))
        feed.followers += 1
        try:
            yield feed
        finally:
            feed.followers -= 1
            if not feed.followers:
                self._feeds.pop((job_id, rank), None)


class _Feed:
    """One job's output (of one rank, or all)."""

    def __init__(self, engine: Engine, job_id: str, rank: int | None) -> None:
        self.followers = 0
        self._engine = engine
        self._job_id = job_id
        self._rank = rank
        self._reading = asyncio.Lock()
        self._last: LogPage | None = None
        self._last_at = 0.0

    async def read(self, offset: int) -> LogPage:
        """The page from `offset` on; whoever asks for the one just read gets that."""
        async with self._reading:
            now = asyncio.get_running_loop().time()
            if self._last is not None and self._last.offset == offset and now - self._last_at < LOOK_SECONDS:
                return self._last
            part = await self._engine.logs(self._job_id, rank=self._rank, offset=offset, limit_bytes=PAGE_BYTES)
            self._last, self._last_at = page_of(part), asyncio.get_running_loop().time()
            return self._last

    async def grown(self) -> None:
        """Wait until it is worth looking again."""
        await asyncio.sleep(LOOK_SECONDS)
