"""One text file that one process replaces while others read it: whole or not at all, also after a kill or a power cut.

Knows nothing of catalogues. Blocking: callers bring it to a thread.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock this file stands for, against other processes and threads; the kernel frees it at death.

    Raises:
        OSError: it cannot be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def replace_text(path: Path, text: str, *, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Put `text` in the place of what is at `path`; readers see the old or the new whole text. One writer at a time.

    Args:
        path: the file; a link would be replaced by a file, so callers resolve it first.
        text: what it says from now on.
        mode: its permissions.
        owner: user and group id it keeps, where this process may give files away.

    Raises:
        OSError: it cannot be written; the old text is still there.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            if owner is not None:
                with suppress(PermissionError):
                    os.fchown(file.fileno(), *owner)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder last through a power cut, where the file system knows how."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def owner_of(path: Path) -> str | None:
    """Who keeps a file from being written by us, in one short name; None when we may.

    Permission bits count for root too: a file that says "read-only" is meant so.
    """
    if (path.parent / "..data").is_symlink() or any(part.startswith("..") for part in path.resolve().parts):
        return "a mounted ConfigMap"
    target = path.resolve()
    for place, name in ((target, "a read-only file"), (target.parent, "a read-only folder")):
        try:
            bits = place.stat().st_mode
        except OSError:
            continue
        if not bits & 0o222 or not os.access(place, os.W_OK):
            return name
    return None
