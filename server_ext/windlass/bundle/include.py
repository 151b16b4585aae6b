"""Include patterns: from globs to files, without walking a tree it was not pointed at.

A pattern is relative to the server's root. `*` and `?` stop at `/`, `**` does not; a name that begins with a dot is
only matched by a pattern that says so. A plain folder means everything in it.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from windlass.bundle.ignore import IgnoreRules
from windlass.bundle.paths import Workspace, checked_path
from windlass.errors import FieldError, InvalidRequest

MAX_ENTRIES_LOOKED_AT = 50_000
_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True, kw_only=True)
class Match:
    """A path an include pattern leads to; `left_out` says why it does not go, None when it does."""

    path: str
    pattern: str
    literal: bool
    """Named in full, not found by a wildcard."""
    left_out: str | None = None


class LookBudget:
    """How many directory entries may still be looked at, over all patterns of a request."""

    def __init__(self) -> None:
        self._left = MAX_ENTRIES_LOOKED_AT

    def spend(self, pattern: str) -> None:
        """One more, for a pattern. Raises InvalidRequest when it is one too many."""
        self._left -= 1
        if self._left < 0:
            raise _refusal(pattern, f"looks at more than {MAX_ENTRIES_LOOKED_AT:,} files; name the folder you need")


def matches(workspace: Workspace, rules: IgnoreRules, pattern: str, *, budget: LookBudget) -> list[Match]:
    """The files of one include pattern, sorted, those left out by a rule among them.

    Raises:
        InvalidRequest: the pattern leaves the root, names a file that is not there, or looks at too many files.
    """
    checked = checked_path(pattern, field="include", what=f"The include pattern {pattern[:100]!r}")
    target = workspace.absolute(checked)
    if os.path.lexists(target):
        if not workspace.holds(target):
            raise _refusal(pattern, "leads out of the server's root folder through a link")
        if not target.is_dir():
            return [Match(path=checked, pattern=pattern, literal=True, left_out=rules.reason(checked))]
        found = _walk(workspace, rules, checked, parts=["**"], pattern=pattern, budget=budget)
        return sorted(found, key=lambda match: match.path)
    if not _WILD.search(checked):
        raise _refusal(pattern, "names a file that does not exist")
    parts = checked.split("/")
    fixed = next(index for index, part in enumerate(parts) if _WILD.search(part))
    start = "/".join(parts[:fixed])
    if start and not workspace.absolute(start).is_dir():
        raise _refusal(pattern, f"begins with {start}, which is not a folder")
    if not workspace.holds(workspace.absolute(start)):
        raise _refusal(pattern, "leads out of the server's root folder through a link")
    found = _walk(workspace, rules, start, parts=parts[fixed:], pattern=pattern, budget=budget)
    return sorted(found, key=lambda match: match.path)


def _refusal(pattern: str, why: str) -> InvalidRequest:
    message = f"The include pattern {pattern[:100]!r} {why}."
    return InvalidRequest(message, [FieldError(field="include", message=message)])


def _walk(
    workspace: Workspace, rules: IgnoreRules, folder: str, *, parts: list[str], pattern: str, budget: LookBudget
) -> Iterator[Match]:
    """Everything below `folder` that the remaining segments match; each file once."""
    segments = [_Segment(part) for part in parts]
    pending: list[tuple[str, frozenset[int]]] = [(folder, _closed({0}, segments))]
    while pending:
        here, states = pending.pop()
        try:
            entries = os.scandir(workspace.absolute(here))
        except OSError as error:
            yield Match(
                path=here, pattern=pattern, literal=False, left_out=f"cannot be read: {error.strerror or 'unknown'}"
            )
            continue
        with entries:
            for entry in entries:
                budget.spend(pattern)
                reached = _step(entry.name, states, segments)
                if not reached:
                    continue
                path = f"{here}/{entry.name}" if here else entry.name
                is_folder = entry.is_dir(follow_symlinks=False)
                why = rules.reason(path, is_folder=is_folder)
                if why is None and entry.is_symlink() and entry.is_dir():
                    why = "a link to a folder; links to folders are not followed"
                if why is None and is_folder:
                    if any(state < len(segments) for state in reached):
                        pending.append((path, reached))
                elif why is not None or len(segments) in reached:
                    yield Match(path=path, pattern=pattern, literal=False, left_out=why)


class _Segment:
    """One part of a pattern between two slashes."""

    def __init__(self, part: str) -> None:
        self.deep = part == "**"
        self._hidden = part.startswith(".")
        self._matches = re.compile(fnmatch.translate("*" if self.deep else part)).match

    def accepts(self, name: str) -> bool:
        """Whether the segment matches a name."""
        return (self._hidden or not name.startswith(".")) and self._matches(name) is not None


def _closed(states: set[int], segments: list[_Segment]) -> frozenset[int]:
    """`**` may stand for no folder at all: what is behind it is reached too."""
    closed = set(states)
    for index, segment in enumerate(segments):
        if index in closed and segment.deep and index + 1 < len(segments):
            closed.add(index + 1)
    return frozenset(closed)


def _step(name: str, states: frozenset[int], segments: list[_Segment]) -> frozenset[int]:
    reached: set[int] = set()
    for index in states:
        if index < len(segments) and segments[index].accepts(name):
            reached.add(index + 1)
            if segments[index].deep:
                reached.add(index)
    return _closed(reached, segments)
