"""The bundle as a file: a gzip'd tar that is the same, byte for byte, for the same content.

Names, order, modes and times are fixed here; what goes in is decided elsewhere. The manifest comes first, so that
reading it does not unpack anything, and the rest follows in an order that depends on names alone.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import hashlib
import io
import json
import os
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

import windlass.runner
from windlass.bundle.notebook import parse_notebook
from windlass.bundle.parameters import checked_values, read_parameters
from windlass.bundle.secret_scan import holds_secret
from windlass.errors import BundleRefused, FieldError, NotFound, StorageFull

FORMAT = 1
MANIFEST = "manifest.json"
ENTRY_POINT = "windlass_run.py"
RUNNER_PACKAGE = "windlass_runner"
FILES = "files"
FAST_ABOVE_BYTES = 8_000_000
"""From here on the archive is compressed for speed: the preview hashes it, and data rarely shrinks."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle on disk."""

    path: Path
    """`<folder>/<sha256>.tar.gz`, read-only."""
    sha256: str
    """Of the file's bytes."""
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file of the archive."""

    name: str
    size_bytes: int
    open: Callable[[], IO[bytes]]
    executable: bool = False

    @classmethod
    def of_bytes(cls, name: str, data: bytes, *, executable: bool = False) -> Entry:
        """An entry whose content is at hand."""
        return cls(name=name, size_bytes=len(data), open=lambda: io.BytesIO(data), executable=executable)


def manifest_entry(manifest: dict[str, Any]) -> Entry:
    """The manifest, keys sorted."""
    return Entry.of_bytes(MANIFEST, (json.dumps(manifest, sort_keys=True, indent=1) + "\n").encode("ascii"))


def runner_entries() -> list[Entry]:
    """The source of windlass/runner/, as the bundle carries it."""
    source = Path(windlass.runner.__path__[0])
    entries = []
    for path in sorted(source.rglob("*.py")):
        relative = path.relative_to(source).as_posix()
        name = ENTRY_POINT if relative == ENTRY_POINT else f"{RUNNER_PACKAGE}/{relative}"
        entries.append(Entry.of_bytes(name, path.read_bytes()))
    return entries


def write_bundle(entries: Iterable[Entry], *, folder: Path, content_bytes: int) -> Bundle:
    """Write the archive to `<folder>/<sha256>.tar.gz`; one that exists already is kept.

    Args:
        entries: in the order of the archive.
        folder: is made when missing, for the user alone.
        content_bytes: size of the files before compression; decides how hard to compress.

    Raises:
        StorageFull: no room; nothing is left behind.
    """
    with _no_room_said(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, name = tempfile.mkstemp(prefix=".", suffix=".partial", dir=folder)
        partial = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                sha256, size_bytes = _write(entries, file, content_bytes)
                file.flush()
                os.fsync(file.fileno())
            target = folder / f"{sha256}.tar.gz"
            if not target.exists() or target.stat().st_size != size_bytes:
                partial.chmod(0o400)
                partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    return Bundle(path=target, sha256=sha256, size_bytes=size_bytes)


def archive_sha256(entries: Iterable[Entry], *, content_bytes: int) -> str:
    """The hash that `write_bundle` would give, without a file."""
    return _write(entries, None, content_bytes)[0]


def rebundle(bundle_path: Path, *, parameters: dict[str, Any], folder: Path) -> Bundle:
    """The same code with other parameters, as a new bundle; equal parameters give the same one.

    Raises:
        InvalidRequest: parameters that the notebook as sent does not have, or of another type.
        NotFound: the bundle is gone.
        BundleRefused: the bundle is damaged, or a value looks like a secret that was not sent before.
        StorageFull: no room.
    """
    manifest = read_manifest(bundle_path)
    sent = _read_member(bundle_path, f"{FILES}/{manifest['notebook']}")
    declared = read_parameters(parse_notebook(sent, path=manifest["notebook"]).cells)
    values = checked_values(declared, parameters)
    _refuse_new_secrets(values, manifest["parameters"])
    manifest["parameters"] = values
    content_bytes = sum(int(file["size_bytes"]) for file in manifest["files"])
    with _opened(bundle_path) as archive:
        return write_bundle(
            _with_manifest(archive, manifest_entry(manifest)), folder=folder, content_bytes=content_bytes
        )


def _refuse_new_secrets(values: dict[str, Any], before: dict[str, Any]) -> None:
    """A value that was allowed once may be sent again; a new one goes through the preview, where it can be allowed."""
    found = [
        FieldError(field=f"parameters.{name}", message=f"{name} looks like a password or token.")
        for name, value in sorted(values.items())
        if holds_secret(name, value) and before.get(name) != value
    ]
    if found:
        raise BundleRefused(
            "Parameters are recorded, and one looks like a password or token. Let the job read it from its "
            "environment, or submit the notebook anew and allow it there.",
            found,
        )


def read_manifest(bundle_path: Path) -> dict[str, Any]:
    """The manifest of a bundle. Raises NotFound when it is gone, BundleRefused when it is damaged."""
    return _json_object(_read_member(bundle_path, MANIFEST))


def read_sent_notebook(bundle_path: Path) -> dict[str, Any]:
    """The notebook as it was sent, outputs stripped. Raises NotFound and BundleRefused as `read_manifest`."""
    notebook = read_manifest(bundle_path).get("notebook")
    return _json_object(_read_member(bundle_path, f"{FILES}/{notebook}"))


class _Hashed:
    """Hashes what is written, and passes it on to a file when there is one."""

    def __init__(self, file: IO[bytes] | None) -> None:
        self.sha256 = hashlib.sha256()
        self.size_bytes = 0
        self._file = file

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        self.size_bytes += len(data)
        if self._file is not None:
            self._file.write(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back here."""


def _write(entries: Iterable[Entry], file: IO[bytes] | None, content_bytes: int) -> tuple[str, int]:
    out = _Hashed(file)
    level = 6 if content_bytes <= FAST_ABOVE_BYTES else 1
    # No name and no time: gzip would put both into its header.
    # GNU format carries any name as its bytes, newlines and all; PAX would add records of its own.
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=cast("IO[bytes]", out), mtime=0, compresslevel=level) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for entry in entries:
            with entry.open() as content:
                archive.addfile(_header(entry), content)
    return out.sha256.hexdigest(), out.size_bytes


def _header(entry: Entry) -> tarfile.TarInfo:
    header = tarfile.TarInfo(entry.name)
    header.size = entry.size_bytes
    header.mode = 0o755 if entry.executable else 0o644
    return header


def _with_manifest(archive: tarfile.TarFile, manifest: Entry) -> Iterator[Entry]:
    for member in archive:
        if member.name == MANIFEST:
            yield manifest
            continue
        content = archive.extractfile(member)
        if content is None:
            raise BundleRefused("The bundle holds something that is no file; send the notebook again.")
        yield Entry(
            name=member.name,
            size_bytes=member.size,
            open=lambda content=content: content,  # type: ignore[misc]  # mypy cannot type a lambda's default
            executable=bool(member.mode & 0o100),
        )


def _read_member(bundle_path: Path, name: str) -> bytes:
    with _opened(bundle_path) as archive:
        for member in archive:
            if member.name == name and (content := archive.extractfile(member)) is not None:
                return content.read()
    raise BundleRefused("The bundle is not complete; send the notebook again.")


def _json_object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BundleRefused("The bundle is damaged; send the notebook again.")
    return found


class _opened:  # noqa: N801 - reads as a function: `with _opened(path) as archive`
    """The archive for reading; whatever goes wrong while it is read is said in a sentence."""

    def __init__(self, bundle_path: Path) -> None:
        self._path = bundle_path

    def __enter__(self) -> tarfile.TarFile:
        try:
            self._archive = tarfile.open(self._path, "r:gz")
        except FileNotFoundError:
            raise NotFound("The bundle of this job is gone; send the notebook again.") from None
        except (OSError, tarfile.TarError, EOFError, zlib.error):
            raise BundleRefused("The bundle is damaged; send the notebook again.") from None
        return self._archive

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._archive.close()
        if isinstance(error, (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile)):
            raise BundleRefused("The bundle is damaged; send the notebook again.") from error


@contextlib.contextmanager
def _no_room_said(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            message = f"There is no room for the bundle in {folder}; free some space and send the notebook again."
            raise StorageFull(message) from error
        raise
