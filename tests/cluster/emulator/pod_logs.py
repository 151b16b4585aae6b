"""pods/log as a kubelet answers it: stamped lines that may grow, be cut, be rotated away, or not be there yet.

Tests write what containers print; the address of the API gives it back with follow, timestamps, sinceTime, previous,
container, limitBytes and tailLines. Stamps are the runtime's, in nanoseconds; sinceTime is in whole seconds.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.cluster.emulator.errors import ApiError, bad_request
from tests.cluster.emulator.requests import Ask, flag

Object = dict[str, Any]
_PARTIAL_BYTES = 16 * 1024
_BATCH = 5000


@dataclass(slots=True)
class Entry:
    """What the runtime has written at once: a line, or 16 KiB of one."""

    time_ns: int
    content: bytes

    @property
    def stamp(self) -> bytes:
        second = dt.datetime.fromtimestamp(self.time_ns // 10**9, dt.timezone.utc)
        return f"{second:%Y-%m-%dT%H:%M:%S}.{self.time_ns % 10**9:09}Z".encode()


@dataclass
class ContainerLog:
    """The log of one start of a container, as far as the node keeps it."""

    entries: list[Entry] = field(default_factory=list)
    ended: bool = False
    dropped: int = 0
    """How many entries were rotated away."""
    _rest: bytes = b""
    _last_ns: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def write(self, content: bytes, time_ns: int | None = None) -> None:
        now = max(self._last_ns, time.time_ns() if time_ns is None else time_ns)
        self._last_ns = now
        *whole, self._rest = (self._rest + content).split(b"\n")
        for line in whole:
            self._cut(line + b"\n", now)
        while len(self._rest) >= _PARTIAL_BYTES:
            self._cut(self._rest[:_PARTIAL_BYTES], now)
            self._rest = self._rest[_PARTIAL_BYTES:]
        self._wake()

    def end(self) -> None:
        if self._rest:
            self._cut(self._rest + b"\n", self._last_ns)
            self._rest = b""
        self.ended = True
        self._wake()

    def rotate(self, keep: int = 0) -> None:
        """Lose all entries but the last `keep`."""
        gone = len(self.entries) - keep
        del self.entries[:gone]
        self.dropped += gone

    def _cut(self, line: bytes, now: int) -> None:
        pieces = [line[start : start + _PARTIAL_BYTES] for start in range(0, len(line), _PARTIAL_BYTES)]
        self.entries += [Entry(now, piece) for piece in pieces]

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def news(self, is_open: Callable[[], bool]) -> bool:
        """Wait for more; False when nobody is there any more to have it."""
        news = self._news
        while is_open():
            try:
                await asyncio.wait_for(news.wait(), 0.2)
            except asyncio.TimeoutError:
                continue
            return True
        return False


class PodLogs:
    """All logs of a cluster. `logs[namespace, pod] = b"..."` is a log that has ended; call in the server's loop."""

    def __init__(self) -> None:
        self._logs: dict[tuple[str, str], list[ContainerLog]] = {}
        self.cut_after: list[int] = []
        """After so many bytes each the next answers break, one after the other."""
        self.following = 0
        """How many logs are being followed now."""

    def __setitem__(self, key: tuple[str, str], content: bytes) -> None:
        log = ContainerLog()
        log.write(content)
        log.end()
        self._logs[key] = [log]

    def clear(self) -> None:
        self._logs.clear()
        self.cut_after.clear()

    def of(self, namespace: str, pod: str) -> ContainerLog:
        """The log of the container that runs now (or ran last): the first one's, or another's of "pod/container"."""
        return self._logs.setdefault((namespace, pod), [ContainerLog()])[-1]

    def restart(self, namespace: str, pod: str) -> ContainerLog:
        """The container is started again; of the earlier ones the last is kept."""
        logs = self._logs.setdefault((namespace, pod), [ContainerLog()])
        logs[-1].end()
        logs.append(ContainerLog())
        del logs[:-2]
        return logs[-1]

    def drop(self, namespace: str, pod: str) -> None:
        """A pod of this name is new: nothing of one before it is left."""
        for log in self._logs.pop((namespace, pod), []):
            log.end()

    def find(self, ask: Ask, pod: Object) -> ContainerLog:
        """The log that is asked for. Raises as the real API does."""
        main = [each["name"] for each in pod["spec"]["containers"]]
        names = main + [each["name"] for each in pod["spec"].get("initContainers") or []]
        name = ask.query.get("container") or main[0]
        if not ask.query.get("container") and len(main) > 1:
            raise bad_request(
                f"a container name must be specified for pod {ask.name}, choose one of: [{' '.join(main)}]"
            )
        if name not in names:
            raise bad_request(f"container {name} is not valid for pod {ask.name}")
        known = pod.get("status", {})
        statuses = (known.get("containerStatuses") or []) + (known.get("initContainerStatuses") or [])
        status = next((each for each in statuses if each["name"] == name), {})
        key = (ask.namespace, ask.name if name == main[0] else f"{ask.name}/{name}")
        logs = self._logs.get(key, [])
        if flag(ask.query, "previous"):
            if len(logs) < 2 or not (status.get("lastState") or {}).get("terminated"):
                raise bad_request(f'previous terminated container "{name}" in pod "{ask.name}" not found')
            return logs[-2]
        state = status.get("state") or {}
        if not ("running" in state or "terminated" in state or (status.get("lastState") or {}).get("terminated")):
            reason = (state.get("waiting") or {}).get("reason") or "ContainerCreating"
            raise bad_request(f'container "{name}" in pod "{ask.name}" is waiting to start: {reason}')
        return logs[-1] if logs else self.of(*key)

    async def read(
        self, log: ContainerLog, query: Mapping[str, str], *, is_open: Callable[[], bool]
    ) -> AsyncIterator[bytes]:
        """The answer, piece by piece, while `is_open`. Raises ConnectionResetError where a test wants it cut."""
        left = int(query["limitBytes"]) if "limitBytes" in query else None
        cut = self.cut_after.pop(0) if self.cut_after else None
        async for piece in self._pieces(log, query, is_open):
            sent = piece if left is None else piece[:left]
            if cut is not None and len(sent) >= cut:
                yield sent[:cut]
                raise ConnectionResetError
            yield sent
            cut = None if cut is None else cut - len(sent)
            left = None if left is None else left - len(sent)
            if left == 0:
                return

    async def _pieces(
        self, log: ContainerLog, query: Mapping[str, str], is_open: Callable[[], bool]
    ) -> AsyncIterator[bytes]:
        since = _since(query)
        follow, stamped = flag(query, "follow"), flag(query, "timestamps")
        place = _tail(log.entries, query)
        begins = place == 0 or log.entries[place - 1].content.endswith(b"\n")
        place += log.dropped
        while True:
            batch = log.entries[max(0, place - log.dropped) :][:_BATCH]
            place = max(place, log.dropped) + len(batch)
            out = bytearray()
            for entry in batch:
                if entry.time_ns >= since:
                    out += entry.stamp + b" " + entry.content if stamped and begins else entry.content
                begins = entry.content.endswith(b"\n")
            if out:
                yield bytes(out)
            if batch:
                continue
            if not follow or log.ended:
                return
            self.following += 1
            try:
                if not await log.news(is_open):
                    return
            finally:
                self.following -= 1


def may_grow(pod: Object, container: str | None) -> bool:
    """Whether the container may print more: it has not ended."""
    known = pod.get("status", {})
    statuses = (known.get("containerStatuses") or []) + (known.get("initContainerStatuses") or [])
    state = next((each.get("state") or {} for each in statuses if container in (None, each["name"])), {})
    return "terminated" not in state


def _since(query: Mapping[str, str]) -> int:
    if "sinceTime" in query:
        try:
            moment = dt.datetime.fromisoformat(query["sinceTime"].replace("Z", "+00:00"))
        except ValueError as error:
            raise ApiError(400, "BadRequest", f'parsing time "{query["sinceTime"]}"') from error
        return int(moment.timestamp()) * 10**9
    if "sinceSeconds" in query:
        return time.time_ns() - int(query["sinceSeconds"]) * 10**9
    return 0


def _tail(entries: list[Entry], query: Mapping[str, str]) -> int:
    if "tailLines" not in query:
        return 0
    wanted = int(query["tailLines"])
    place = len(entries)
    while place > 0 and (wanted > 0 or not entries[place - 1].content.endswith(b"\n")):
        place -= 1
        wanted -= place == 0 or entries[place - 1].content.endswith(b"\n")
    return place
