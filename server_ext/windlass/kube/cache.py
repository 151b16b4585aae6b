"""What a reflector knows of its objects, and what changed: pure, so that relists and late events can be reasoned about.

A list is believed whole, whatever was known before. An event is believed when it is newer than what is known of that
one object: a broken connection may say things twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

Object = dict[str, Any]
Key = tuple[str, str]
"""Namespace ("" where the kind has none) and name."""


@dataclass(frozen=True)
class Change:
    """`kind` is ADDED, MODIFIED, DELETED or MISSING; `old` is None for ADDED, `new` for the last two.

    MISSING is what was there and is in a list no more: its end was not seen, nor what became of it before.
    """

    kind: str
    old: Object | None
    new: Object | None


@dataclass(frozen=True)
class _Known:
    """What is kept besides the object itself, which may have been shrunk."""

    uid: str
    version: str


class ObjectCache:
    """The objects by key, each as `transform` made it."""

    def __init__(self, *, transform: Callable[[Object], Object]) -> None:
        self._transform = transform
        self._objects: dict[Key, Object] = {}
        self._known: dict[Key, _Known] = {}
        self.objects: Mapping[Key, Object] = MappingProxyType(self._objects)

    def replace(self, items: Iterable[Object]) -> list[Change]:
        """Take over a list; what is different from before."""
        listed = {_key(item): item for item in items}
        changes = [self._drop(key, "MISSING") for key in list(self._objects) if key not in listed]
        for key, item in listed.items():
            known = self._known.get(key)
            if known is not None and known != _identity(item) and known.uid != _identity(item).uid:
                changes.append(self._drop(key, "MISSING"))
            if known is None or known != _identity(item):
                changes += self._keep(key, item)
        return changes

    def event(self, kind: str, item: Object) -> list[Change]:
        """Take over an event of a watch: none, one or (the name was used again unseen) two changes."""
        key, seen = _key(item), _identity(item)
        known = self._known.get(key)
        if known is not None and known.uid == seen.uid and not _newer(seen.version, known.version):
            # The end of an object is told with the version of its end; old servers may tell its last one.
            ended = kind == "DELETED" and seen.version == known.version
            return [self._drop(key, "DELETED")] if ended else []
        if kind == "DELETED":
            gone = known is not None and known.uid == seen.uid
            return [self._drop(key, "DELETED")] if gone else []
        changes = [self._drop(key, "MISSING")] if known is not None and known.uid != seen.uid else []
        return changes + self._keep(key, item)

    def _keep(self, key: Key, item: Object) -> list[Change]:
        kept = self._transform(item)
        old = self._objects.get(key)
        self._objects[key] = kept
        self._known[key] = _identity(item)
        if old is None:
            return [Change("ADDED", None, kept)]
        return [] if old == kept else [Change("MODIFIED", old, kept)]

    def _drop(self, key: Key, kind: str) -> Change:
        del self._known[key]
        return Change(kind, self._objects.pop(key), None)


def _key(item: Object) -> Key:
    metadata = item["metadata"]
    return metadata.get("namespace") or "", metadata["name"]


def _identity(item: Object) -> _Known:
    metadata = item["metadata"]
    return _Known(str(metadata.get("uid", "")), str(metadata.get("resourceVersion", "")))


def _newer(version: str, than: str) -> bool:
    """Versions of one object are numbers that grow; what is no number is newer when it is another."""
    if version.isdigit() and than.isdigit():
        return int(version) > int(than)
    return version != than
