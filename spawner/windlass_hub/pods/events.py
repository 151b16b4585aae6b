"""Kubernetes' events about servers' pods, kept so that one pod's are found without looking at the others.

Each server that starts asks for its events every second; sorting all of a namespace's each time stalls the hub. Events
are also written by others: a message may only reach the page of the server whose pod, in its own namespace, it is
about. And every timestamp of an event may be missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

Event = Mapping[str, Any]
_Place = tuple[str, str]

_EXPECTED: Event = {"lastTimestamp": None, "eventTime": None, "type": "Normal", "message": ""}

MOST_PER_POD = 200
MOST_EVENTS = 20_000


class EventIndex(dict[str, Any]):
    """Events by `namespace/name`, as a reflector's `resources`; every way to change the dictionary keeps the index.

    Events about another namespace's objects are kept out. Of one pod the newest `MOST_PER_POD` are kept, and
    `MOST_EVENTS` in all, of the pods that something was heard of last.
    """

    def __init__(self, events: Mapping[str, Event] | None = None) -> None:
        super().__init__()
        self._pods: dict[_Place, dict[str, Event]] = {}
        self.update(events or {})

    def of(self, namespace: str, pod: str) -> list[Event]:
        """The events of one pod (of every pod that had this name), oldest first."""
        return sorted(self._pods.get((namespace, pod), {}).values(), key=order)

    def __setitem__(self, key: str, event: Event) -> None:
        place = place_of(event)
        if place is None:
            self.pop(key, None)
            return
        if key in self and place_of(self[key]) != place:
            del self[key]
        super().__setitem__(key, event)
        events = self._pods.pop(place, {})  # put back at the end: the last to be heard of
        events[key] = event
        self._pods[place] = events
        if len(events) > MOST_PER_POD:
            del self[min(events, key=lambda each: order(events[each]))]
        if len(self) > MOST_EVENTS:
            for each in list(self._pods[next(iter(self._pods))]):
                del self[each]

    def __delitem__(self, key: str) -> None:
        place = place_of(self[key])
        super().__delitem__(key)
        if place is not None and place in self._pods:
            self._pods[place].pop(key, None)
            if not self._pods[place]:
                del self._pods[place]

    def pop(self, key: str, *default: Any) -> Any:
        """As of a dictionary."""
        if key not in self and default:
            return default[0]
        event = self[key]
        del self[key]
        return event

    def update(self, *others: Any, **named: Any) -> None:
        """As of a dictionary."""
        for key, event in dict(*others, **named).items():
            self[key] = event

    def setdefault(self, key: str, default: Any = None) -> Any:
        """As of a dictionary."""
        if key not in self:
            self[key] = default
        return self.get(key)

    def popitem(self) -> tuple[str, Any]:
        """As of a dictionary."""
        key = next(reversed(self))
        return key, self.pop(key)

    def clear(self) -> None:
        """As of a dictionary."""
        super().clear()
        self._pods.clear()


def place_of(event: Event) -> _Place | None:
    """Namespace and name of the pod an event is about.

    None where the event lies in another namespace than its object: nobody but a forger writes such a one.
    """
    about = event.get("involvedObject") or {}
    namespace = (event.get("metadata") or {}).get("namespace")
    name = about.get("name")
    if not namespace or not name or about.get("namespace", namespace) != namespace:
        return None
    return str(namespace), str(name)


def belongs(event: Event, *, uid: str | None) -> bool:
    """Whether an event of a pod's name is about this very pod; while its `uid` is not known every one is."""
    about = (event.get("involvedObject") or {}).get("uid")
    return uid is None or about is None or about == uid


def when(event: Event) -> str:
    """The newest time an event gives, as RFC 3339; empty where it gives none."""
    series = event.get("series") or {}
    metadata = event.get("metadata") or {}
    told = (
        series.get("lastObservedTime"),
        event.get("lastTimestamp"),
        event.get("eventTime"),
        event.get("firstTimestamp"),
    )
    return max(
        (str(time) for time in told if time), key=_sortable, default=str(metadata.get("creationTimestamp") or "")
    )


def order(event: Event) -> tuple[tuple[str, str], int]:
    """What events are sorted by: their time, then the order in which the API server wrote them."""
    version = str((event.get("metadata") or {}).get("resourceVersion") or "")
    return _sortable(when(event)), int(version) if version.isdecimal() else 0


def after(events: Iterable[Event], marker: str | None) -> list[Event]:
    """The events that follow the one whose uid is `marker`; all where it is not among them."""
    kept: list[Event] = []
    for event in events:
        if marker is not None and (event.get("metadata") or {}).get("uid") == marker:
            kept = []
        else:
            kept.append(event)
    return kept


def complete(event: Event) -> Event:
    """The event with every field that KubeSpawner takes for granted."""
    return event if event.keys() >= _EXPECTED.keys() else {**_EXPECTED, **event}


def key(event: Event) -> tuple[str, int, str]:
    """What one line on the page is known by: an event that happened again is another line."""
    uid = str((event.get("metadata") or {}).get("uid") or "")
    series = event.get("series") or {}
    return uid, int(event.get("count") or series.get("count") or 0), str(event.get("message") or "")


def line(event: Event) -> str:
    """One line of text, in KubeSpawner's form: time, type in brackets, message."""
    return (
        f"{when(event) or 'now'} [{event.get('type') or 'Normal'}] {event.get('message') or event.get('reason') or ''}"
    )


def html_line(event: Event) -> str:
    """The same for the page, with what the usual reasons mean in front; everything else escaped."""
    meaning = _MEANINGS.get(str(event.get("reason") or ""))
    message = escape(str(event.get("message") or ""))
    shown = f"<strong>{meaning}</strong> {message}" if meaning else message or escape(str(event.get("reason") or ""))
    time = escape(when(event)[11:19])
    return f"{f'<time>{time}</time> ' if time else ''}{shown}"


_MEANINGS = {
    "FailedScheduling": "Waiting for a free node:",
    "NotTriggerScaleUp": "No new node would help:",
    "TriggeredScaleUp": "A new node is being started:",
    "Nominated": "A node was found, or is being started:",
    "Scheduled": "A node was found:",
    "Pulling": "Getting the image:",
    "Pulled": "The image is there:",
    "Created": "The container is made:",
    "Started": "The server is starting:",
    "Failed": "Something failed:",
    "BackOff": "Trying again:",
    "FailedMount": "A volume is not ready yet:",
    "FailedAttachVolume": "A volume is not ready yet:",
    "Killing": "Stopping the earlier server:",
    "Preempted": "Stopped for something of higher priority:",
    "Evicted": "Evicted from the node:",
}


def _sortable(time: str) -> tuple[str, str]:
    """RFC 3339 in UTC so that a text comparison is one of time: `…05Z` comes before `…05.1Z`."""
    return time[:19], time[19:].strip(".Z").ljust(9, "0")
