"""The emulated etcd: objects by kind and name, one revision per write, and a window of history for watches.

Stored objects are never changed in place: whoever changes one copies it first. All of it runs in the server's loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.cluster.emulator.kinds import Kind

Object = dict[str, Any]
Key = tuple[str, str]

HISTORY = 5000
"""Changes that are kept."""
BOOKMARK_SECONDS = 1.0
"""How often a quiet watch says where it is; the real server does so about once a minute."""


@dataclass(frozen=True)
class Change:
    """A write: `old` is None for a new object, `new` carries the revision also when the object was deleted."""

    revision: int
    kind: Kind
    old: Object | None
    new: Object
    deleted: bool = False


class Storage:
    """What is there, and what happened lately."""

    def __init__(self) -> None:
        self.revision = 1
        self.oldest = 1
        """Watches from before this revision have to list anew."""
        self.bookmark_seconds = BOOKMARK_SECONDS
        self._objects: dict[tuple[str, str], dict[Key, Object]] = {}
        self._history: deque[Change] = deque()
        self._watchers: set[asyncio.Queue[Change | None]] = set()
        self._listeners: list[Callable[[Change], None]] = []

    def all(self, kind: Kind, namespace: str | None = None) -> list[Object]:
        """In the order of their keys, as etcd gives them."""
        found = self._of(kind)
        return [found[key] for key in sorted(found) if namespace is None or key[0] == namespace]

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        return self._of(kind).get((namespace, name))

    def everything(self) -> Iterator[tuple[tuple[str, str], Object]]:
        """Every object with its (group, plural)."""
        for place, objects in list(self._objects.items()):
            for obj in list(objects.values()):
                yield place, obj

    def put(self, kind: Kind, obj: Object) -> Object:
        """Write an object under the next revision, which it then carries."""
        key = _key(obj)
        old = self._of(kind).get(key)
        stored = self._stamped(obj)
        self._of(kind)[key] = stored
        self._tell(Change(self.revision, kind, old, stored))
        return stored

    def remove(self, kind: Kind, obj: Object) -> Object:
        """Take an object away; what is given back carries the revision of its end."""
        old = self._of(kind).pop(_key(obj))
        gone = self._stamped(old)
        self._tell(Change(self.revision, kind, old, gone, deleted=True))
        return gone

    def listen(self, listener: Callable[[Change], None]) -> None:
        """Call for each change, at once."""
        self._listeners.append(listener)

    def since(self, revision: int) -> list[Change]:
        return [change for change in self._history if change.revision > revision]

    def watch(self) -> asyncio.Queue[Change | None]:
        """A queue that gets every change from now on, and None when the watch has to end."""
        queue: asyncio.Queue[Change | None] = asyncio.Queue()
        self._watchers.add(queue)
        return queue

    def unwatch(self, queue: asyncio.Queue[Change | None]) -> None:
        self._watchers.discard(queue)

    def cut_watches(self) -> None:
        for queue in self._watchers:
            queue.put_nowait(None)

    def expire(self) -> None:
        """Forget the history, as a compaction does."""
        self.revision += 1
        self.oldest = self.revision
        self._history.clear()

    def clear(self) -> None:
        """Empty everything; revisions go on, so that old watches and lists are too old."""
        self._objects.clear()
        self.bookmark_seconds = BOOKMARK_SECONDS
        self._listeners.clear()
        self.expire()

    def _of(self, kind: Kind) -> dict[Key, Object]:
        return self._objects.setdefault((kind.group, kind.plural), {})

    def _stamped(self, obj: Object) -> Object:
        self.revision += 1
        return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.revision)}}

    def _tell(self, change: Change) -> None:
        self._history.append(change)
        while len(self._history) > HISTORY:
            self.oldest = self._history.popleft().revision
        for queue in self._watchers:
            queue.put_nowait(change)
        for listener in self._listeners:
            listener(change)


def _key(obj: Object) -> Key:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
