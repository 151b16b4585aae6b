"""Times and conditions of Kubernetes objects, read without trust: clusters hold objects of many versions and hands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from windlass.engines.kubernetes.model import Object


def posix(text: object) -> float | None:
    """A time of the API (RFC 3339) as POSIX seconds; None for what is none."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return _nanoseconds(text)
    return moment.timestamp() if moment.tzinfo is not None else None


def created_at(item: Object) -> float | None:
    """When the API made the object."""
    return posix(item.get("metadata", {}).get("creationTimestamp"))


def labels(item: Object) -> dict[str, str]:
    """The object's labels."""
    return item.get("metadata", {}).get("labels") or {}


def status_of(item: Object | None) -> Object:
    """The object's status, empty where it has none yet."""
    return ((item or {}).get("status")) or {}


def holding(item: Object | None, kind: str) -> Object | None:
    """The condition of that type where it is true *now*; whichever stands last in the list means nothing."""
    found = condition(item, kind)
    return found if found is not None and found.get("status") == "True" else None


def condition(item: Object | None, kind: str) -> Object | None:
    """The condition of that type, whether true or not."""
    return next((each for each in _all(item) if each.get("type") == kind), None)


def since(found: Object | None) -> float | None:
    """When a condition became what it is."""
    return posix((found or {}).get("lastTransitionTime"))


def event_time(event: Object) -> float | None:
    """When an event was said last; old and new kinds of them have it in different places."""
    series = (event.get("series") or {}).get("lastObservedTime")
    told = (series, event.get("lastTimestamp"), event.get("eventTime"), event.get("firstTimestamp"))
    return next((found for each in told if (found := posix(each)) is not None), None)


def _all(item: Object | None) -> Iterator[Object]:
    yield from status_of(item).get("conditions") or ()


def _nanoseconds(text: str) -> float | None:
    """Times of leases and events may have more digits than Python reads (before 3.11: other than 3 or 6)."""
    whole, dot, fraction = text.rstrip("Z").partition(".")
    if not dot or not fraction.isdecimal():
        return None
    begun = posix(f"{whole}Z")
    return None if begun is None else begun + float(f"0.{fraction}")
