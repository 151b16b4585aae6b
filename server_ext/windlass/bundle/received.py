"""A bundle that comes back from elsewhere, looked through before anything is done with it.

What this server wrote it trusts; what lay in an artifact store may have been put there by anybody. `runner/unpack.py`
refuses the same when a job starts; here it is refused before there is a job, and as a sentence.
"""

from __future__ import annotations

import gzip
import json
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from windlass.bundle.archive import ENTRY_POINT, FILES, FORMAT, MANIFEST
from windlass.errors import BundleRefused

MOST_ENTRIES = 100_000
MANIFEST_BYTES = 32 << 20
_LONGEST_PATH = 1024
_ROOM_FOR_HEADERS = 64 << 20


def check_received(path: Path, *, most_bytes: int) -> dict[str, Any]:
    """The manifest of a bundle that was looked through to its end.

    Args:
        path: the archive.
        most_bytes: what its files may have in all when they are unpacked.

    Raises:
        BundleRefused: it is damaged, holds what a bundle never holds, or is too large.
    """
    try:
        with gzip.open(path) as content:
            limited = _Limited(cast("IO[bytes]", content), most_bytes + _ROOM_FOR_HEADERS)
            with tarfile.open(fileobj=cast("IO[bytes]", limited), mode="r|") as archive:
                manifest, names = _look_through(archive, most_bytes)
            # To the very end: only then has gzip compared its checksum.
            while limited.read(1 << 20):
                continue
    except (OSError, tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise BundleRefused("What MLflow has of the bundle is damaged; send the notebook again.") from error
    _check_manifest(manifest, names)
    return manifest


class _Limited:
    """What is unpacked, up to an amount: headers alone can be made to unpack to any size."""

    def __init__(self, content: IO[bytes], most_bytes: int) -> None:
        self._content = content
        self._left = most_bytes

    def read(self, size: int) -> bytes:
        data = self._content.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise _hostile("far more than it says")
        return data


def _look_through(archive: tarfile.TarFile, most_bytes: int) -> tuple[dict[str, Any], set[str]]:
    names: set[str] = set()
    manifest: dict[str, Any] | None = None
    total_bytes = 0
    for member in archive:
        parts = PurePosixPath(member.name).parts
        if not parts or member.name.startswith("/") or ".." in parts or "\0" in member.name:
            raise _hostile(f"a path outside itself, {member.name[:80]!r}")
        if not member.isreg():
            raise _hostile(f"something that is no file, {member.name[:80]!r}")
        if "/".join(parts) in names:
            raise _hostile(f"{member.name[:80]!r} twice")
        names.add("/".join(parts))
        total_bytes += member.size
        if total_bytes > most_bytes or len(names) > MOST_ENTRIES:
            message = f"The bundle in MLflow is larger than this server takes ({most_bytes >> 20} MiB unpacked)."
            raise BundleRefused(f"{message} An admin can raise c.WindlassApp.max_bundle_bytes.")
        if manifest is None:
            manifest = _manifest(archive, member)
    return manifest or {}, names


def _manifest(archive: tarfile.TarFile, member: tarfile.TarInfo) -> dict[str, Any]:
    """The first entry, which has to be it."""
    content = archive.extractfile(member) if member.name == MANIFEST and member.size <= MANIFEST_BYTES else None
    found = json.loads(content.read()) if content is not None else None
    if not isinstance(found, dict):
        raise _hostile("no manifest at its beginning")
    return found


def _check_manifest(manifest: dict[str, Any], names: set[str]) -> None:
    if manifest.get("format") != FORMAT:
        raise BundleRefused(
            "The bundle is of another version of Windlass than this server has; send the notebook again."
        )
    notebook, files = manifest.get("notebook"), manifest.get("files")
    folders, parameters = manifest.get("search_folders"), manifest.get("parameters")
    well_formed = (
        isinstance(notebook, str)
        and 0 < len(notebook) <= _LONGEST_PATH
        and notebook.isprintable()
        and {f"{FILES}/{notebook}", ENTRY_POINT} <= names
        and isinstance(parameters, dict)
        and isinstance(folders, list)
        and all(isinstance(folder, str) for folder in folders)
        and isinstance(files, list)
        and all(isinstance(file, dict) and type(file.get("size_bytes")) is int for file in files)
    )
    if not well_formed:
        raise _hostile("a manifest that does not describe it")


def _hostile(what: str) -> BundleRefused:
    return BundleRefused(f"This is no bundle of Windlass: it holds {what}. Send the notebook again.")
