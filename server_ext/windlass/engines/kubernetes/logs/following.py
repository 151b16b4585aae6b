"""Follows the logs of one job's pods into its copy, as much of them as somebody needs.

A follower holds an open connection and costs nothing while nothing is printed; still a thousand jobs of eight pods are
not followed eight thousand times. So:

* the pod of rank 0 is followed as long as it runs: the executed notebook, the progress and the runs come from there;
* the other pods are followed while somebody reads the job's log (`attend`), and for some minutes after;
* a container that has ended, or was started again, is read to its end at once, whichever it is: its log may be gone
  soon, and in it stands why. So is an init container that has failed.

The price: of a pod that nobody looks at the node keeps the newest ten megabytes, and older output is lost where it
prints more; the log says so. In the merged log, what is read late stands after what was read before, with its own time.

Of a user's servers, which share one data folder, one follows a job; another takes over when it is gone.

The follower is told of pods by whoever watches them (`see`) and asks the API for logs only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from windlass.engines.kubernetes.logs.copying import JobCopy
from windlass.engines.kubernetes.logs.mirror import JobMirror
from windlass.engines.kubernetes.logs.pod_reader import PodReader, PodSeen
from windlass.engines.kubernetes.logs.rank_text import PodRanks
from windlass.engines.kubernetes.logs.stream_slots import StreamSlots
from windlass.kube.client import KubeClient

Object = dict[str, Any]

ATTEND_SECONDS = 300.0
CLAIM_SECONDS = 10.0
_CLAIM_PAUSE_SECONDS = 0.2
MOST_OTHERS = 64


class FollowingSlots:
    """How many logs are followed at once, over all jobs of a server."""

    def __init__(self, *, leading: int | None = None, others: int = MOST_OTHERS) -> None:
        """`leading`: pods of rank 0; as many as this process may have connections when left out."""
        self.leading = StreamSlots(leading)
        self.others = StreamSlots(others)


class LogFollower:
    """Follows one job. All methods are called in the event loop.

    `on_change` is called there with what of the copy has changed: `mirror.LOG`, `STATUS`, `NOTEBOOK`, `RUNS`.
    """

    def __init__(
        self,
        client: KubeClient,
        *,
        namespace: str,
        mirror: JobMirror,
        container: str,
        world_size: int,
        processes_per_worker: int,
        slots: FollowingSlots,
        on_change: Callable[[set[str]], None],
    ) -> None:
        """Raises OSError when the copy's folder cannot be made."""
        self._client = client
        self._namespace = namespace
        self._container = container
        self._world_size = world_size
        self._processes = processes_per_worker
        self._slots = slots
        self._copy = JobCopy(mirror, on_change=on_change)
        self._readers: dict[str, PodReader] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._attention: asyncio.TimerHandle | None = None
        self._claiming: asyncio.TimerHandle | None = None
        self._pods: list[tuple[int, Object]] = []
        self._stopped = False

    @property
    def trouble(self) -> str | None:
        """Why the copy is behind: the disk is full, or the cluster does not give the log."""
        found = (reader.trouble for reader in self._readers.values() if reader.trouble is not None)
        return self._copy.trouble or next(found, None)

    @property
    def is_gone(self) -> bool:
        """The copy was removed, or this was stopped: nothing is read any more."""
        return self._copy.is_gone

    @property
    def is_ours(self) -> bool:
        """Whether this server writes the copy: then all that is new in it was told by `on_change`."""
        return self._copy.is_ours

    def see(self, pods: Iterable[tuple[int, Object]]) -> None:
        """All pods of the job there are now, each with its node's rank (`Kind.node_rank`)."""
        self._pods = list(pods)
        if self._claims():
            self._look()

    def _claims(self) -> bool:
        """Whether the copy is ours to write; while another server of the user does it, ask again now and then."""
        if self._stopped or self._copy.is_gone:
            return False
        claimed = self._copy.claim()
        if not claimed and self._claiming is None:
            self._claiming = asyncio.get_running_loop().call_later(CLAIM_SECONDS, self._claim_again)
        return claimed

    def _claim_again(self) -> None:
        self._claiming = None
        self.see(self._pods)

    def _look(self) -> None:
        found = set()
        for node_rank, pod in self._pods:
            own = PodSeen.of(pod, container=self._container, node_rank=node_rank)
            for seen in (own, *PodSeen.failed_preparations(pod, node_rank=node_rank)):
                found.add(seen.key)
                reader = self._readers.get(seen.key)
                if reader is None:
                    reader = self._readers[seen.key] = self._new_reader(seen)
                else:
                    reader.see(seen)
                self._start(reader)
        for key in set(self._readers) - found:
            self._readers.pop(key).gone()

    def attend(self) -> None:
        """Somebody reads the job's log: follow all its pods, until some minutes after the last such call."""
        if self._stopped:
            return
        if self._attention is not None:
            self._attention.cancel()
        self._attention = asyncio.get_running_loop().call_later(ATTEND_SECONDS, self._nobody_attends)
        for reader in self._readers.values():
            reader.follows = True
            self._start(reader)

    async def finish(self, *, seconds: float) -> bool:
        """The job has ended: read what there is to read, for so long at most. Whether that was everything.

        Where another server writes the copy, this waits until it has let go of it, and reads what it has left.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not self._claims():
            if self._copy.is_gone or loop.time() > deadline:
                return False
            await asyncio.sleep(_CLAIM_PAUSE_SECONDS)
        self._look()
        for reader in self._readers.values():
            if reader.seen.state == "running":
                reader.close()
                self._start(reader)
        tasks = list(self._tasks.values())
        if tasks:
            await asyncio.wait(tasks, timeout=max(0.0, deadline - loop.time()))
        complete = all(task.done() for task in tasks) and not any(reader.has_work for reader in self._readers.values())
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._copy.written(), max(1.0, deadline - loop.time()))
            return complete and not self._copy.is_gone
        return False

    async def stop(self) -> None:
        """Read nothing more; what was read is written, and a later follower goes on there."""
        self._stopped = True
        for timer in (self._attention, self._claiming):
            if timer is not None:
                timer.cancel()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._copy.close()

    def _new_reader(self, seen: PodSeen) -> PodReader:
        prepares = seen.container != self._container
        leading = seen.node_rank == 0 and not prepares
        # No rank has run where the preparation failed: its words are the launcher's.
        count = 0 if prepares else self._processes
        ranks = PodRanks(first=seen.node_rank * self._processes, count=count, world_size=self._world_size)
        reader = PodReader(
            self._client,
            namespace=self._namespace,
            ranks=ranks,
            seen=seen,
            copy=self._copy,
            slots=self._slots.leading if leading else self._slots.others,
        )
        reader.follows = leading or self._attention is not None
        return reader

    def _start(self, reader: PodReader) -> None:
        """Have it read, unless it does, or has nothing to."""
        key = reader.seen.key
        if self._stopped or key in self._tasks or not reader.has_work:
            return
        task = self._tasks[key] = asyncio.create_task(reader.run(), name=f"log of pod {reader.seen.name}")
        task.add_done_callback(lambda done: self._ended(reader, done))

    def _ended(self, reader: PodReader, task: asyncio.Task[None]) -> None:
        self._tasks.pop(reader.seen.key, None)
        if task.cancelled() or task.exception() is not None:
            if not task.cancelled():
                # A defect of ours: asyncio's handler says which; the next look of the watch tries again.
                task.get_loop().call_exception_handler({"message": "Reading a log", "exception": task.exception()})
            return
        if reader.seen.key in self._readers:
            self._start(reader)

    def _nobody_attends(self) -> None:
        self._attention = None
        for reader in self._readers.values():
            if reader.seen.node_rank != 0:
                reader.unfollow()
