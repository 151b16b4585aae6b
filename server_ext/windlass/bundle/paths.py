"""Paths inside the server's root folder, and the one answer to "may this file be sent?".

Everything that reads a file for a bundle asks here first, so that no name, `..` or link leads out of the root. Knows no
notebooks and no globs.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from windlass.errors import FieldError, InvalidRequest


@dataclass(frozen=True, kw_only=True)
class SendableFile:
    """A regular file inside the root: what it is called there, where its bytes are, and how many."""

    path: str
    """Relative to the root, with `/`."""
    source: Path
    size_bytes: int
    executable: bool


class NotSendable(Exception):
    """Why a file cannot be sent, as half a sentence for the list of what was left out."""


@dataclass(frozen=True)
class Workspace:
    """The server's root folder, links resolved."""

    root: Path

    @classmethod
    def at(cls, root: Path) -> Workspace:
        """The workspace whose root is `root`."""
        return cls(Path(os.path.realpath(root)))

    def absolute(self, relative: str) -> Path:
        """Where a path relative to the root lies; links are not resolved."""
        return self.root / relative if relative else self.root

    def relative(self, path: Path | str) -> str | None:
        """The path relative to the root, `..` folded but links kept; None when it lies outside."""
        root = str(self.root)
        folded = os.path.normpath(os.path.join(root, path))  # noqa: PTH118 - asked for every file; Path is slower
        if folded == root:
            return ""
        prefix = root if root.endswith(os.sep) else root + os.sep
        return folded[len(prefix) :].replace(os.sep, "/") if folded.startswith(prefix) else None

    def holds(self, path: Path | str) -> bool:
        """Whether the thing itself, all links resolved, lies inside the root."""
        return self.relative(os.path.realpath(path)) is not None

    def file(self, relative: str) -> SendableFile:
        """The file at a path relative to the root. Raises NotSendable."""
        source = self.absolute(relative)
        try:
            relative.encode("utf-8")
        except UnicodeEncodeError:
            raise NotSendable("its name is not valid UTF-8; rename it to send it") from None
        if not self.holds(source):
            raise NotSendable("a link that leads out of the server's root folder")
        try:
            status = source.stat()
        except OSError as error:
            raise NotSendable(f"cannot be read: {error.strerror or 'unknown reason'}") from None
        if stat.S_ISDIR(status.st_mode):
            raise NotSendable("a folder")
        if not stat.S_ISREG(status.st_mode):
            raise NotSendable("not a regular file")
        if not os.access(source, os.R_OK):
            raise NotSendable("cannot be read: permission denied")
        return SendableFile(
            path=relative,
            source=source,
            size_bytes=status.st_size,
            executable=bool(status.st_mode & stat.S_IXUSR),
        )


def checked_path(text: str, *, field: str, what: str) -> str:
    """A path from a request, folded to `a/b/c`. Raises InvalidRequest when it is absolute, empty or leaves the root."""

    def refuse(why: str) -> InvalidRequest:
        return InvalidRequest(f"{what} {why}.", [FieldError(field=field, message=f"It {why}.")])

    if "\0" in text:
        raise refuse("holds a NUL character")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise refuse("is not valid UTF-8") from None
    if text.startswith("/"):
        raise refuse("must be given relative to the server's root folder, not as an absolute path")
    parts: list[str] = []
    for part in PurePosixPath(text).parts:
        if part != "..":
            parts.append(part)
        elif parts:
            parts.pop()
        else:
            raise refuse("leads out of the server's root folder")
    if not parts:
        raise refuse("names no file")
    return "/".join(parts)


def readable_size(size_bytes: int) -> str:
    """A size for people, in decimal units: `1.2 MB`."""
    size = float(size_bytes)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
