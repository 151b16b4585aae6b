"""Paths that come from outside, held inside the server's root folder.

A path is taken only when it still lies under the root after every symbolic link is followed, and when the contents
manager would show it. This module reads directory entries and nothing else.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath

from windlass.errors import FieldError, InvalidRequest, NotFound

_HIDDEN_FLAG = getattr(stat, "UF_HIDDEN", 0)


class RootFolder:
    """The server's root folder."""

    def __init__(self, *, root: Path, allow_hidden: bool) -> None:
        self.path = root.resolve()
        self._allow_hidden = allow_hidden

    def notebook(self, path: str) -> str:
        """The notebook at a path as the server writes it (relative, with `/`).

        Raises InvalidRequest when the path leaves the root or is no notebook, NotFound when nothing is there.
        """
        inside = self.inside(path)
        if inside.suffix.lower() != ".ipynb":
            raise _refused(f"{path} is not a notebook: the name must end in .ipynb.")
        try:
            found = (self.path / inside).stat()
        except OSError as error:
            raise NotFound(f"There is no readable notebook at {path} on this server.") from error
        if not stat.S_ISREG(found.st_mode):
            raise _refused(f"{path} is not a file.")
        return inside.as_posix()

    def inside(self, path: str) -> PurePosixPath:
        """The path, normalised, relative to the root. Raises InvalidRequest when it leaves the root or is hidden."""
        if "\0" in path:
            raise _refused("The path holds a NUL character, which no file name has.")
        asked = PurePosixPath(path)
        if asked.is_absolute() or path.startswith("~"):
            raise _refused("Give the path relative to the server's root folder, without a leading / or ~.")
        if ".." in asked.parts:
            raise _refused("The path leaves the server's root folder: write it without `..`.")
        try:
            real = (self.path / asked).resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise _refused("The path cannot be followed: check the file name and its links.") from error
        if not real.is_relative_to(self.path):
            raise _refused(f"{path} is a link to a place outside the server's root folder.")
        if not self._allow_hidden and (self._is_hidden(asked) or self._is_hidden(real.relative_to(self.path))):
            raise NotFound(f"There is no notebook at {path} that this server shows (hidden files are not shown).")
        return asked

    def _is_hidden(self, relative: PurePosixPath | Path) -> bool:
        if any(part.startswith(".") for part in relative.parts):
            return True
        if not _HIDDEN_FLAG:
            return False
        places = [self.path.joinpath(*relative.parts[: depth + 1]) for depth in range(len(relative.parts))]
        return any(_flags(place) & _HIDDEN_FLAG for place in places)


def _flags(place: Path) -> int:
    try:
        return int(getattr(os.lstat(place), "st_flags", 0))
    except OSError:
        return 0


def _refused(message: str) -> InvalidRequest:
    return InvalidRequest(message, fields=[FieldError(field="notebook", message=message)])
