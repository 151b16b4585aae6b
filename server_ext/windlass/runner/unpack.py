"""Unpack a bundle: `python unpack.py <bundle.tar.gz> <destination>`.

Used by the local supervisor and by init containers, so it stands alone, and it trusts nothing: only plain files and
folders inside the destination, and the destination appears whole or not at all.
"""

from __future__ import annotations

import gzip
import os
import shutil
import sys
import tarfile
import tempfile
import zlib
from pathlib import Path, PurePosixPath


class BundleUnsafe(ValueError):
    """The archive is damaged, or holds something that a bundle never holds."""


def unpack(bundle: str | os.PathLike[str], dest: str | os.PathLike[str]) -> Path:
    """Unpack `bundle` as the folder `dest`, which is made (with its parents); one that exists is kept as it is.

    Raises BundleUnsafe for absolute paths, `..`, links and devices, or a damaged archive; OSError when it cannot be
    read or written.
    """
    destination = Path(dest).absolute()
    if destination.is_dir():
        return destination
    destination.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{destination.name}.", dir=destination.parent))
    try:
        try:
            with gzip.open(bundle) as content:
                with tarfile.open(fileobj=content, mode="r|") as archive:
                    for member in archive:
                        _extract(archive, member, temporary)
                # To the very end: only then has gzip compared its checksum.
                while content.read(1 << 20):
                    continue
        except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError) as error:
            raise (
                error if isinstance(error, BundleUnsafe) else BundleUnsafe(f"The bundle is damaged: {error}")
            ) from error
        temporary.chmod(0o755)
        _rename(temporary, destination)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return destination


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    parts = PurePosixPath(member.name).parts
    if not parts or member.name.startswith("/") or ".." in parts or "\x00" in member.name:
        raise BundleUnsafe(f"The bundle holds a path outside itself: {member.name!r}")
    target = folder.joinpath(*parts)
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    if not member.isreg():
        raise BundleUnsafe(f"The bundle holds something that is no file: {member.name!r}")
    content = archive.extractfile(member)
    if content is None:
        raise BundleUnsafe(f"The bundle holds a file without content: {member.name!r}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with content, target.open("xb") as written:
        shutil.copyfileobj(content, written)
    target.chmod(0o755 if member.mode & 0o100 else 0o644)


def _rename(temporary: Path, destination: Path) -> None:
    """Let it appear under its name; somebody who was quicker has made the same."""
    try:
        temporary.rename(destination)
    except OSError:
        if not destination.is_dir():
            raise


def main(arguments: list[str]) -> int:
    """The command line; the exit status."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python unpack.py <bundle.tar.gz> <destination>\n")
        return 2
    try:
        unpack(arguments[0], arguments[1])
    except (BundleUnsafe, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
