"""Text of a cluster made fit for a person: one line, of bounded length, without control characters.

Events and conditions carry what registries, schedulers, webhooks and users' own programs say. None of it is trusted to
be short, or to be text.
"""

from __future__ import annotations

import re

LONGEST = 300
"""Characters of somebody else's message that are shown."""

_SPACES = re.compile(r"\s+")
_UNPRINTABLE = re.compile(r"[\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff]")


def short(text: object, *, longest: int = LONGEST) -> str:
    """Somebody else's text on one line, cut where it is longer than `longest` characters."""
    # Cut first, generously: a message may have megabytes.
    kept = _UNPRINTABLE.sub("", str(text or "")[: longest * 8])
    line = _SPACES.sub(" ", "".join(each if each.isprintable() else " " for each in kept)).strip()
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def counted(number: int, noun: str) -> str:
    """`1 pod`, `3 pods`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def lasting(seconds: float) -> str:
    """A length of time in one unit, or two for hours: `40 s`, `12 min`, `3 h 20 min`."""
    whole = max(0, int(seconds))
    if whole < 120:
        return f"{whole} s"
    if whole < 2 * 3600:
        return f"{whole // 60} min"
    minutes = whole % 3600 // 60
    return f"{whole // 3600} h {minutes} min" if minutes else f"{whole // 3600} h"


def ordinal(position: int) -> str:
    """The place in a queue, from 1: `first`, `third`, `12th`."""
    words = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
    if 1 <= position <= len(words):
        return words[position - 1]
    ending = "th" if position % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(position % 10, "th")
    return f"{position}{ending}"


def listed(items: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""
