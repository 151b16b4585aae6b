"""Tells when a job's executed notebook has changed, looking once for all tabs that follow it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from windlass.engines.base import Engine

LOOK_SECONDS = 0.5


class NotebookFeeds:
    """All executed notebooks that are being followed."""

    def __init__(self) -> None:
        self._looks: dict[str, tuple[float, str | None]] = {}

    async def follow(self, engine: Engine, job_id: str) -> AsyncIterator[str]:
        """The notebook's version, now and whenever it changes; ends when the job has ended and said its last."""
        known: str | None = None
        while True:
            status = await engine.status(job_id)
            ended = status is None or status.state.is_final
            version = await self._version(engine, job_id, fresh=ended)
            if version is not None and version != known:
                known = version
                yield version
            # The status was read first: what is written before the end is in the version read after it.
            if ended:
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _version(self, engine: Engine, job_id: str, *, fresh: bool) -> str | None:
        now = asyncio.get_running_loop().time()
        looked_at, version = self._looks.get(job_id, (float("-inf"), None))
        if not fresh and now - looked_at < LOOK_SECONDS / 2:
            return version
        version = await engine.notebook_version(job_id)
        self._looks = {job: look for job, look in self._looks.items() if now - look[0] < LOOK_SECONDS}
        self._looks[job_id] = (now, version)
        return version
