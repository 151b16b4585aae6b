"""The validation set of an evaluation: a file of the server's root folder, looked at before it is sent."""

from __future__ import annotations

import csv
import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from windlass.bundle.paths import NotSendable, Workspace, checked_path, readable_size
from windlass.errors import NotFound
from windlass.services.registry.names import invalid

SUFFIXES = (".csv", ".parquet")
_HEAD_CHARACTERS = 1 << 20
_COLUMNS_NAMED = 20
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class ValidationData:
    """A file that can be sent."""

    path: str
    """Relative to the root, as it is told."""
    source: Path
    size_bytes: int

    @property
    def is_parquet(self) -> bool:
        """Whether it is Parquet rather than CSV."""
        return self.path.lower().endswith(".parquet")

    @property
    def file_name(self) -> str:
        """What it is called in the bundle."""
        return "validation.parquet" if self.is_parquet else "validation.csv"

    def copy(self, folder: Path) -> str:
        """Copy it into a folder; the sha256 of what was copied. Raises OSError."""
        target = folder / self.file_name
        with self.source.open("rb") as given, target.open("wb") as kept:
            shutil.copyfileobj(given, kept, _CHUNK_BYTES)
        digest = hashlib.sha256()
        with target.open("rb") as kept:
            while chunk := kept.read(_CHUNK_BYTES):
                digest.update(chunk)
        return digest.hexdigest()


def find_data(path: str, *, root: Path, max_bytes: int, allow_hidden: bool, targets: str) -> ValidationData:
    """The file at a path. Raises InvalidRequest (`data`, `targets`) and NotFound."""
    inside = checked_path(path, field="data", what="The path of the validation set")
    if not inside.lower().endswith(SUFFIXES):
        raise invalid("data", "The validation set must be a CSV or Parquet file: its name ends in .csv or .parquet.")
    workspace = Workspace.at(root)
    real = workspace.relative(workspace.absolute(inside).resolve())
    if not allow_hidden and any(part.startswith(".") for part in f"{inside}/{real or ''}".split("/")):
        raise NotFound(f"There is no file {inside} that this server shows.")
    try:
        file = workspace.file(inside)
    except NotSendable as reason:
        raise invalid("data", f"{inside} cannot be sent: {reason}.") from None
    if file.size_bytes > max_bytes:
        sizes = f"{readable_size(file.size_bytes)}, and {readable_size(max_bytes)} can be sent with a job"
        raise invalid("data", f"{inside} is {sizes}: take a sample of it, or have the server's limit raised.")
    data = ValidationData(path=inside, source=file.source, size_bytes=file.size_bytes)
    if not data.is_parquet:
        _check_columns(data, targets)
    return data


def _check_columns(data: ValidationData, targets: str) -> None:
    """Look for the column with the truth before a job is made for it."""
    try:
        with data.source.open(encoding="utf-8-sig", newline="") as lines:
            columns = next(csv.reader([lines.readline(_HEAD_CHARACTERS)]), [])
    except (UnicodeDecodeError, csv.Error, OSError):
        # Whether pandas can read it is pandas' to say.
        return
    if columns and targets not in columns:
        named = ", ".join(repr(column[:60]) for column in columns[:_COLUMNS_NAMED])
        more = f" and {len(columns) - _COLUMNS_NAMED} more" if len(columns) > _COLUMNS_NAMED else ""
        raise invalid("targets", f"{data.path} has no column {targets!r}. It has {named}{more}.")
