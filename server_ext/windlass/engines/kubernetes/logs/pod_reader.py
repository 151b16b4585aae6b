"""Reads the log of one pod's container, through lost connections, restarts of the container and the end of the pod.

What is to be read follows from what the watch last said (`PodSeen`) and from how far the log has been read: so a reader
may end whenever there is nothing to do, and a new one goes on. It asks for the pod itself before it goes on after a
stream has ended: the container may have started again, and its new log must not be taken for the old one's rest.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Literal

from windlass.engines.job_folder.logwriter import Joined, Piece
from windlass.engines.kubernetes.logs.copying import JobCopy, Reading
from windlass.engines.kubernetes.logs.frames import Assembler, Report
from windlass.engines.kubernetes.logs.log_lines import Line, LogReader
from windlass.engines.kubernetes.logs.places import PodPlace
from windlass.engines.kubernetes.logs.rank_text import PodRanks, RankText, Tally
from windlass.engines.kubernetes.logs.stream_slots import StreamSlots
from windlass.kube.client import KubeClient
from windlass.kube.errors import Invalid, KubeError, NotFound, Unavailable
from windlass.kube.resources import PODS

FOLLOW_SECONDS = 3600.0
READ_SECONDS = 300.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
_GONE_SECONDS = 5.0

ContainerState = Literal["waiting", "running", "ended"]


@dataclass(frozen=True, kw_only=True)
class PodSeen:
    """What the cluster says of one container of a pod, as far as its log goes."""

    name: str
    """Of the pod."""
    uid: str
    container: str
    node_rank: int
    restarts: int = 0
    """How often its container has been started again."""
    state: ContainerState = "waiting"

    @property
    def key(self) -> str:
        """What tells this log from all others of the job."""
        return f"{self.uid}/{self.container}"

    @classmethod
    def of(cls, pod: Mapping[str, Any], *, container: str, node_rank: int) -> PodSeen:
        """From the pod's object."""
        statuses = [
            *(pod.get("status", {}).get("containerStatuses") or []),
            *(pod.get("status", {}).get("initContainerStatuses") or []),
        ]
        status: Mapping[str, Any] = next((each for each in statuses if each.get("name") == container), {})
        state = status.get("state") or {}
        now: ContainerState = "waiting"
        if "running" in state:
            now = "running"
        elif "terminated" in state or (status.get("lastState") or {}).get("terminated"):
            # In the second case it waits to be started again: the API still gives the last one's log.
            now = "ended"
        restarts = int(status.get("restartCount") or 0)
        metadata = pod["metadata"]
        return cls(
            name=metadata["name"],
            uid=metadata["uid"],
            container=container,
            node_rank=node_rank,
            restarts=restarts,
            state=now,
        )

    @classmethod
    def failed_preparations(cls, pod: Mapping[str, Any], *, node_rank: int) -> list[PodSeen]:
        """The init containers that have failed: only their logs say why the ranks never began."""
        statuses = pod.get("status", {}).get("initContainerStatuses") or []
        failed = [
            each["name"] for each in statuses if _exit_code(each.get("state")) or _exit_code(each.get("lastState"))
        ]
        return [cls.of(pod, container=name, node_rank=node_rank) for name in failed]


def _exit_code(state: Mapping[str, Any] | None) -> int:
    return int(((state or {}).get("terminated") or {}).get("exitCode") or 0)


class PodReader:
    """Reads one pod's log into the job's copy."""

    def __init__(
        self,
        client: KubeClient,
        *,
        namespace: str,
        ranks: PodRanks,
        seen: PodSeen,
        copy: JobCopy,
        slots: StreamSlots,
    ) -> None:
        self._client = client
        self._path = PODS.path(namespace=namespace, name=seen.name, subresource="log")
        self._namespace = namespace
        self._ranks = ranks
        self._copy = copy
        self._slots = slots
        self._at = copy.place(seen.key)
        self._begin(self._at)
        self._pause = FIRST_PAUSE_SECONDS
        self._leave = asyncio.Event()
        self._changed = asyncio.Event()
        self._unsure = False
        """The pod may have changed without the watch having said so."""
        self._closing = False
        self.seen = seen
        self.follows = False
        """Whether the log is wanted while the container runs."""
        self.is_gone = False
        """The pod has been removed."""
        self.trouble: str | None = None
        """Why the log cannot be read now; it goes on being tried."""

    @property
    def has_work(self) -> bool:
        """Whether there is something to read now."""
        if self.is_gone or self._copy.is_gone:
            return False
        if self.seen.restarts > self._at.restarts:
            return True
        return not self._at.done and (self.seen.state == "ended" or (self.seen.state == "running" and self.follows))

    def see(self, seen: PodSeen) -> None:
        """What the watch says now."""
        self.seen = seen
        self._changed.set()

    def gone(self) -> None:
        """The watch says that the pod is no more: what is being read is read to its end."""
        self.is_gone = True
        self._leave.set()
        self._changed.set()

    def unfollow(self) -> None:
        """Nobody wants the log of the running container any more."""
        self.follows = False
        self._leave.set()

    def close(self) -> None:
        """The job has ended: read what a container has printed that is taken to be running still, and no more."""
        self._closing = self.follows = True
        self._leave.set()

    async def run(self) -> None:
        """Read until there is nothing to read now."""
        self._leave.clear()
        while self.has_work:
            self._changed.clear()
            try:
                await (self._look() if self._unsure else self._step())
                self.trouble = None
            except NotFound:
                self.is_gone = True
            except KubeError as error:
                # Invalid is "waiting to start": the watch was ahead of the kubelet, or behind.
                self._unsure = True
                self.trouble = None if isinstance(error, Invalid) else error.message
                await self._wait(max(self._longer_pause(), getattr(error, "retry_after", None) or 0.0))

    async def _step(self) -> None:
        seen = self.seen
        if seen.restarts > self._at.restarts:
            await self._read_previous(seen)
        elif seen.state == "running" and self._closing:
            await self._read({}, to_the_end=False)
            self._closing = self.follows = False
        elif seen.state == "ended":
            if await self._read({}, to_the_end=True):
                await self._move(replace(self._place(), done=True))
        else:
            await self._follow()
            self._unsure = True
            if self.has_work:
                await self._wait(self._longer_pause())

    async def _read_previous(self, seen: PodSeen) -> None:
        """The rest of the container that ran before this one, and then this one from its beginning."""
        if not self._at.done:
            lost = seen.restarts - self._at.restarts - 1
            if lost:
                await self._say(
                    f"the output of {lost} earlier starts of this container is not kept by the node any more."
                )
                self._begin(PodPlace(restarts=seen.restarts - 1))
            try:
                await self._read({"previous": "true"}, to_the_end=True)
            except Invalid:
                await self._say(
                    "the rest of what this container printed before it was restarted is not kept by the node."
                )
        self._begin(PodPlace(restarts=seen.restarts))
        await self._move(self._at)

    async def _follow(self) -> None:
        """Read on while the container runs, until its stream ends or somebody else is to have the slot."""
        async with self._slots.hold() as recalled:
            pump = asyncio.create_task(self._read({"follow": "true"}, to_the_end=False))
            signs = [asyncio.create_task(event.wait()) for event in (recalled, self._leave)]
            try:
                await asyncio.wait({pump, *signs}, return_when=asyncio.FIRST_COMPLETED)
                if self.is_gone and not pump.done():
                    await asyncio.wait({pump}, timeout=_GONE_SECONDS)
            finally:
                for task in (pump, *signs):
                    task.cancel()
                await asyncio.wait({pump, *signs})
            if not pump.cancelled():
                pump.result()

    async def _read(self, more: Mapping[str, str], *, to_the_end: bool) -> bool:
        """One request; False when the container has started again, and nothing was taken of what the new one says.

        Raises a KubeError; what came before it is kept.
        """
        reader = LogReader(self._at.place)
        query = {"container": self.seen.container, "timestamps": "true", **more}
        if reader.place.since is not None:
            query["sinceTime"] = reader.place.since
        seconds = FOLLOW_SECONDS if "follow" in more else READ_SECONDS
        # Where one goes on, the container may have started again between the last look and this stream.
        is_proven = reader.place.since is None or "previous" in more
        async with aclosing(self._client.chunks(self._path, query=query, seconds=seconds)) as chunks:
            async for chunk in chunks:
                is_proven = is_proven or await self._is_same_start()
                if not is_proven:
                    return False
                await self._take(reader, reader.feed(chunk))
        if reader.complaint:
            raise Unavailable(reader.complaint, reason="Kubelet")
        last = reader.end() if to_the_end else None
        if last is not None:
            await self._take(reader, [last])
        return True

    async def _take(self, reader: LogReader, lines: Iterable[Line]) -> None:
        """Sort these lines out and have them written."""
        pieces = Joined()
        reports: list[Report] = []
        add = pieces.append
        text, assembler = self._text, self._assembler
        had_gap = False
        for line in lines:
            if reader.gap_seconds is not None:
                pieces.append(text.gap(line, reader.gap_seconds))
                reader.gap_seconds, had_gap = None, True
            piece, frame = text.take(line)
            if piece is not None:
                add(piece)
            report = assembler.add(frame) if frame is not None else None
            if report is not None and report.rank in self._ranks:
                reports.append(report)
                missing = text.missing(report, line.time_ns / 1e9)
                if missing is not None:
                    pieces.append(missing)
                    had_gap = True
        if reader.place != self._at.place:
            self._pause = FIRST_PAUSE_SECONDS
            self.trouble = None
            self._at = replace(self._at, place=reader.place)
            await self._add(pieces.all(), reports, gap=had_gap)

    async def _add(self, pieces: list[Piece], reports: list[Report], *, gap: bool = False) -> None:
        await self._copy.add(
            Reading(
                uid=self.seen.key,
                place=self._place(),
                pieces=pieces,
                reports=reports,
                between=self._assembler.is_between,
                gap=gap,
            )
        )

    def _place(self) -> PodPlace:
        """Where the log stands, for good: the tallies go on changing."""
        return replace(self._at, tallies={rank: replace(tally) for rank, tally in self._text.tallies.items()})

    async def _move(self, place: PodPlace) -> None:
        self._at = place
        await self._add([], [])

    async def _say(self, sentence: str) -> None:
        await self._add([self._text.say(self._text.home, time.time(), sentence)], [])

    def _begin(self, place: PodPlace) -> None:
        """From now on the log of this start of the container is read."""
        self._at = place
        tallies = {rank: Tally(**vars(tally)) for rank, tally in place.tallies.items()}
        self._text = RankText(ranks=self._ranks, tallies=tallies)
        self._assembler = Assembler()

    async def _look(self) -> None:
        """See for ourselves how the pod is: the watch may lag behind, or be down as long as we were."""
        pod = await self._client.get(PODS, self.seen.name, namespace=self._namespace)
        if pod["metadata"]["uid"] != self.seen.uid:
            self.is_gone = True
            return
        self.seen = PodSeen.of(pod, container=self.seen.container, node_rank=self.seen.node_rank)
        self._unsure = False

    async def _is_same_start(self) -> bool:
        """Whether the container that now speaks is the one that was read before; one that is gone has no other."""
        try:
            await self._look()
        except NotFound:
            return True
        return self.is_gone or self.seen.restarts == self._at.restarts

    def _longer_pause(self) -> float:
        pause = self._pause
        self._pause = min(LONGEST_PAUSE_SECONDS, 2 * pause)
        return pause * random.uniform(0.75, 1.25)  # noqa: S311  (so that readers do not all come back at once)

    async def _wait(self, seconds: float) -> None:
        """Until then, or until the watch says something new."""
        waiting = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait({waiting}, timeout=seconds)
        finally:
            waiting.cancel()
