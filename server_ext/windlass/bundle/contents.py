"""The files of a bundle, read: their hashes, and the secrets in them.

Small files are held, so that what was hashed and scanned is what is written; large ones are read again when the archive
is written and must still be the same.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from windlass.bundle.archive import FILES, Entry
from windlass.bundle.notebook import Notebook
from windlass.bundle.paths import SendableFile
from windlass.bundle.secret_scan import MAX_SCANNED_BYTES, SecretHit, scan_text, secret_file_kind
from windlass.bundle.sources import Kept, content_hash
from windlass.contract.preview import Finding, Severity
from windlass.errors import BundleRefused

HELD_BYTES = 1_000_000
_CHUNK = 1_000_000
_CODE_SUFFIXES = (".py", ".pyi", ".ipynb", ".js", ".ts", ".c", ".cpp", ".cu", ".h", ".java", ".go", ".rs", ".r", ".jl")
_ADVICE = "Take it out and let the job read it from its environment (a Secret), or allow it for this job."

_scanned: Kept[tuple[SecretHit, ...]] = Kept(capacity=8192)


@dataclass(frozen=True, kw_only=True)
class SentFile:
    """A file as it goes into the archive."""

    path: str
    size_bytes: int
    sha256: str
    reason: str
    executable: bool
    data: bytes | None = field(repr=False)
    """The bytes when they are held, else None and `source` is read again."""
    source: Path | None

    def entry(self) -> Entry:
        """Its entry in the archive."""
        return Entry(
            name=f"{FILES}/{self.path}", size_bytes=self.size_bytes, open=self._open, executable=self.executable
        )

    def _open(self) -> IO[bytes]:
        if self.data is not None or self.source is None:
            return io.BytesIO(self.data or b"")
        size_bytes, sha256 = _hash_of(self.source, self.path)
        if (size_bytes, sha256) != (self.size_bytes, self.sha256):
            raise BundleRefused(f"{self.path} changed while it was being sent; send the notebook again.")
        return self.source.open("rb")


def notebook_file(notebook: Notebook) -> SentFile:
    """The notebook, outputs stripped."""
    return SentFile(
        path=notebook.path,
        size_bytes=len(notebook.content),
        sha256=content_hash(notebook.content),
        reason="notebook",
        executable=False,
        data=notebook.content,
        source=None,
    )


def read_file(file: SendableFile, *, reason: str, known: bytes | None) -> SentFile:
    """Read a file to be sent; `known` are its bytes when they were read before. Raises BundleRefused."""
    data = known
    if data is None and file.size_bytes <= HELD_BYTES:
        try:
            data = file.source.read_bytes()
        except OSError as error:
            raise _unreadable(file.path, error) from None
    if data is not None:
        size_bytes, sha256 = len(data), content_hash(data)
    else:
        size_bytes, sha256 = _hash_of(file.source, file.path)
    return SentFile(
        path=file.path,
        size_bytes=size_bytes,
        sha256=sha256,
        reason=reason,
        executable=file.executable,
        data=data,
        source=file.source,
    )


def secrets_in_files(files: Iterable[SentFile]) -> list[Finding]:
    """The `secret` findings of files (the notebook is looked through cell by cell, see `secrets_in_notebook`)."""
    findings: list[Finding] = []
    for file in files:
        if kind := secret_file_kind(file.path):
            findings.append(_finding(f"{file.path} is a file of {kind}.", path=file.path))
        if file.data is None or len(file.data) > MAX_SCANNED_BYTES:
            continue
        findings.extend(
            _finding(f"This looks like {hit.kind}.", path=file.path, line=hit.line, excerpt=hit.excerpt)
            for hit in _hits(file)
        )
    return findings


def secrets_in_notebook(notebook: Notebook) -> list[Finding]:
    """The `secret` findings of every cell, those of text and those that are skipped among them: all of them go."""
    return [
        _finding(
            f"This looks like {hit.kind}.", path=notebook.path, cell=cell.index, line=hit.line, excerpt=hit.excerpt
        )
        for cell in notebook.cells
        for hit in _cell_hits(cell.source, is_code=cell.cell_type == "code")
    ]


def _cell_hits(source: str, *, is_code: bool) -> tuple[SecretHit, ...]:
    key = content_hash(source.encode("utf-8", "surrogatepass"))
    return _scanned.get((key, is_code), lambda: tuple(scan_text(source, is_code=is_code)))


def _hits(file: SentFile) -> tuple[SecretHit, ...]:
    is_code = file.path.lower().endswith(_CODE_SUFFIXES)
    return _scanned.get((file.sha256, is_code), lambda: _scan(file.data or b"", is_code=is_code))


def _scan(data: bytes, *, is_code: bool) -> tuple[SecretHit, ...]:
    if b"\0" in data[:8192]:
        return ()
    return tuple(scan_text(data.decode("utf-8", "replace"), is_code=is_code))


def _finding(
    message: str, *, path: str, cell: int | None = None, line: int | None = None, excerpt: str | None = None
) -> Finding:
    return Finding(
        rule="secret",
        severity=Severity.ERROR,
        message=message,
        fix=_ADVICE,
        path=path,
        cell=cell,
        line=line,
        excerpt=None if excerpt is None else excerpt.encode("utf-8", "replace").decode(),
    )


def _hash_of(source: Path, path: str) -> tuple[int, str]:
    digest = hashlib.sha256()
    size_bytes = 0
    try:
        with source.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                size_bytes += len(chunk)
    except OSError as error:
        raise _unreadable(path, error) from None
    return size_bytes, digest.hexdigest()


def _unreadable(path: str, error: OSError) -> BundleRefused:
    return BundleRefused(
        f"{path} cannot be read: {error.strerror or 'unknown reason'}. Exclude it, or make it readable."
    )
