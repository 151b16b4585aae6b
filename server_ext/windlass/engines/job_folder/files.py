"""Small files that several processes read while another writes: whole or not at all.

A reader never sees half a JSON document, and never fails because a file is not there yet. Nothing here knows what the
documents mean.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_LARGEST_DOCUMENT_BYTES = 16 * 1024 * 1024


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in this file; None when there is no file, or no JSON object in it."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_DOCUMENT_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if len(content) > _LARGEST_DOCUMENT_BYTES:
        return None
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Replace the file in one step; readers see the old or the new document.

    Raises:
        OSError: the disk is full, or the folder is gone; the old document is still there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(json.dumps(value).encode())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def claim_json(path: Path, value: Mapping[str, Any]) -> bool:
    """Make the file if nobody has; False when somebody was first. Of any number of callers one gets True.

    Raises:
        OSError: as `write_json`.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "wb") as file:
        file.write(json.dumps(value).encode())
    return True


def append_line(path: Path, line: str) -> None:
    """Add one line; several processes may do so at once without mixing their lines."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, line.encode() + b"\n")
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock that this file stands for, against other threads and processes; the kernel frees it at death."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_disk_full(error: OSError) -> bool:
    """Whether an error says that there is no room: on the disk, or in the user's quota."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)
