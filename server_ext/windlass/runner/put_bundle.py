"""Put a bundle onto a volume: `python put_bundle.py`, in a pod that has the volume and the bundle's pieces mounted.

Standard library only, as everything that runs in a user's image. It is told by environment variables:

* `WINDLASS_PIECES`: the folder of the pieces, to be joined in the order of their names;
* `WINDLASS_BUNDLE_SHA256`: of the whole, in hexadecimal;
* `WINDLASS_BUNDLE_FILE`: where it goes; it appears there whole or not at all.

Bundles are named by their content. One that is there already is kept and its time renewed; those that no job has asked
for in three months are removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

KEPT_SECONDS = 90 * 24 * 3600
"""Longer than any job may run."""


class NotPut(Exception):
    """The bundle could not be put there; the message says why."""


def put(pieces: Path, file: Path, sha256: str) -> None:
    """Join the pieces to `file`. Raises NotPut and OSError, and leaves nothing half made."""
    if file.is_file() and _sha256(file) == sha256:
        os.utime(file)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix=".bundle.", dir=file.parent, delete=False) as joined:
        work = Path(joined.name)
        try:
            found = _join(pieces, joined)
            if found != sha256:
                raise NotPut("The pieces do not make the bundle that was sent: its sha256 differs. Send the job again.")
            work.chmod(0o644)
            work.replace(file)
        except BaseException:
            work.unlink()
            raise


def remove_old(folder: Path, *, now: float) -> None:
    """Remove bundles that were not asked for in a long time, and what was left half made."""
    for file in [*folder.glob("*.tar.gz"), *folder.glob(".bundle.*")]:
        # Another pod may be faster, or it is another user's.
        with contextlib.suppress(OSError):
            if now - file.stat().st_mtime > KEPT_SECONDS:
                file.unlink()


def _join(pieces: Path, joined: IO[bytes]) -> str:
    digest = hashlib.sha256()
    # Mounted ConfigMaps have hidden folders beside their files.
    for piece in sorted(path for path in pieces.iterdir() if not path.name.startswith(".")):
        content = piece.read_bytes()
        digest.update(content)
        joined.write(content)
    joined.flush()
    os.fsync(joined.fileno())
    return digest.hexdigest()


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as content:
        for piece in iter(lambda: content.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


def main() -> int:
    """The command line; the exit status."""
    try:
        file = Path(os.environ["WINDLASS_BUNDLE_FILE"])
        put(Path(os.environ["WINDLASS_PIECES"]), file, os.environ["WINDLASS_BUNDLE_SHA256"])
    except KeyError as error:
        sys.stderr.write(f"The variable {error.args[0]} is not set: this program is for a pod that brings a bundle.\n")
        return 1
    except (NotPut, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    remove_old(file.parent, now=time.time())
    return 0


if __name__ == "__main__":
    sys.exit(main())
