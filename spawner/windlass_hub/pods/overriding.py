"""Taking back what a profile set on a spawner.

KubeSpawner applies a profile by changing its own traits, and merges dictionaries in place. A spawner that is started
again with another profile keeps what the first one set: a GPU, a node selector. JupyterHub applies group overrides and
hooks before the profile in the same start, so nothing may simply be put back to the configuration either. This
remembers what each trait was and what the profile made of it, and takes back exactly that.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any


class Overriding:
    """What one spawner's profile changed. Used by one start at a time."""

    def __init__(self) -> None:
        self._before: dict[str, Any] = {}
        self._applied: dict[str, Any] = {}
        self._recording = False

    @contextmanager
    def recording(self, spawner: Any) -> Iterator[None]:
        """While this lasts, `about_to_set` counts; afterwards what was set is known.

        A second profile on top of a first adds to what is to be taken back.
        """
        self._recording = True
        try:
            yield
        finally:
            self._recording = False
            self._applied = {name: copy.deepcopy(getattr(spawner, name)) for name in self._before}

    def about_to_set(self, spawner: Any, names: Iterable[str]) -> None:
        """These traits are to be changed by a profile (while recording; else by somebody else, who is not undone)."""
        if self._recording:
            for name in names:
                if name not in self._before:
                    self._before[name] = copy.deepcopy(getattr(spawner, name))

    def take_back(self, spawner: Any, *, keep: Collection[str] = ()) -> None:
        """Put the traits back to what they would be without the profile, but for those in `keep`."""
        for name in [each for each in self._before if each not in keep]:
            before, applied = self._before.pop(name), self._applied.pop(name, None)
            setattr(spawner, name, without(before, applied, getattr(spawner, name)))


def without(before: Any, applied: Any, now: Any) -> Any:
    """A value as it would be if `before` had not been made `applied`, and all that changed since still were.

    In dictionaries each key is judged by itself, deep down; anything else that changed since stays as it is.
    """
    if now == applied:
        return copy.deepcopy(before)
    if not (isinstance(before, Mapping) and isinstance(applied, Mapping) and isinstance(now, Mapping)):
        return now
    result: dict[Any, Any] = {}
    for key in [*now, *(key for key in before if key not in now)]:
        if key in now and key in before:
            result[key] = without(before[key], applied.get(key), now[key])
        elif key in now:
            if key not in applied or applied[key] != now[key]:  # set by somebody else, or changed since
                result[key] = now[key]
        elif key not in applied:  # the profile had removed it
            result[key] = copy.deepcopy(before[key])
    return result
