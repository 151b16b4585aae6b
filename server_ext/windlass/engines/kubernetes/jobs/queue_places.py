"""The places of waiting jobs in their queues: no watch tells them, so each queue is asked now and then, as a whole.

Asking is nobody's wait: a look at a job takes what was answered last, and the job is looked at again when the answer
is another. A queue in which nothing of ours waits is not asked.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from windlass.engines.kubernetes.cluster.connected import Opened
from windlass.engines.kubernetes.observing import queueing
from windlass.kube.errors import KubeError

ASK_SECONDS = 5.0
"""Between two questions about one queue."""
PAUSE_SECONDS = 60.0
"""After one that was not answered."""

_log = logging.getLogger(__name__)


class QueuePlaces:
    """Of one server. `on_change` is called with the ids of jobs whose place is another than it was."""

    def __init__(self, *, on_change: Callable[[str], None]) -> None:
        self._on_change = on_change
        self._places: dict[str, Mapping[str, int]] = {}
        self._ask_at: dict[str, float] = {}
        self._waiting: dict[str, dict[str, str]] = {}
        """Workloads of the jobs that wait, by queue and job id."""
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def place(self, opened: Opened, job_id: str, *, queue: str, workload: str) -> int | None:
        """A job's place, from 1, as far as it is known; asks for it where that is due."""
        self._waiting.setdefault(queue, {})[job_id] = workload
        if queue not in self._tasks and time.monotonic() >= self._ask_at.get(queue, 0.0):
            self._tasks[queue] = asyncio.create_task(self._ask(opened, queue), name=f"places in queue {queue}")
        return self._places.get(queue, {}).get(workload)

    async def close(self) -> None:
        """Ask no more."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, opened: Opened, queue: str) -> None:
        pause, now = ASK_SECONDS, self._places.get(queue, {})
        try:
            answer = await queueing.positions(opened.client, namespace=opened.namespace, queue=queue)
            pause, now = (PAUSE_SECONDS, {}) if answer is None else (ASK_SECONDS, answer)
        except KubeError as error:
            _log.debug("The places in queue %s are not known: %s", queue, error)
            pause = PAUSE_SECONDS
        finally:
            del self._tasks[queue]
            self._ask_at[queue] = time.monotonic() + pause
        before, self._places[queue] = self._places.get(queue, {}), now
        # Whoever still waits says so when it is looked at.
        for job_id, workload in self._waiting.pop(queue, {}).items():
            if before.get(workload) != now.get(workload):
                self._on_change(job_id)
