"""A file as it can be shown: as little of it read as that takes, and nothing of it run.

The name says what to try, the bytes whether it is so; what turns out to be something else is shown as what it is, with
a sentence. Parquet is read by a process of its own (`parquet`).
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple
from urllib.parse import urlencode

from windlass.contract.artifacts import ArtifactTable, ArtifactView, ViewKind
from windlass.services.artifacts.kinds import PARQUET, is_image, kind_of, media_type_of, suffix_of
from windlass.services.artifacts.notebooks import shown_notebook
from windlass.services.artifacts.parquet import ParquetHeads
from windlass.services.artifacts.source import ArtifactSource, ArtifactSources
from windlass.services.artifacts.tables import csv_head, mlflow_table
from windlass.services.artifacts.texts import decoded, indented

TEXT_BYTES = 512 << 10
TABLE_BYTES = 1 << 20
WHOLE_BYTES = 4 << 20
"""Of JSON: half of it means nothing."""
NOTEBOOK_BYTES = 16 << 20
SHOWN_BYTES = 32 << 20
"""Images and web pages: what a browser is given to show."""
_HEAD_BYTES = 512
_EXPANSION = 2

_LIMITS = {
    ViewKind.JSON: WHOLE_BYTES,
    ViewKind.NOTEBOOK: NOTEBOOK_BYTES,
    ViewKind.TABLE: TABLE_BYTES,
    ViewKind.IMAGE: _HEAD_BYTES,
    ViewKind.HTML: _HEAD_BYTES,
}


class _Bytes(NamedTuple):
    path: str
    data: bytes
    size_bytes: int | None
    """Of the whole file."""

    @property
    def whole(self) -> bool:
        return self.size_bytes is not None and len(self.data) >= self.size_bytes


class _Shown(NamedTuple):
    kind: ViewKind
    text: str | None = None
    table: ArtifactTable | None = None
    truncated: bool = False
    message: str | None = None


class ArtifactViewer:
    """Shows files of runs and models. Raises as `ArtifactSource` does."""

    def __init__(self, *, sources: ArtifactSources, parquet: ParquetHeads) -> None:
        self._sources = sources
        self._parquet = parquet

    async def view(self, run_id: str, *, model_id: str | None = None, path: str, owner: str) -> ArtifactView:
        """One file, as it can be shown."""
        source = await self._sources.of(run_id, model_id=model_id)
        if suffix_of(path) in PARQUET:
            head = await self._parquet.of(source, path, owner=owner)
            kind = ViewKind.TABLE if head.table is not None else ViewKind.NONE
            shown = _Shown(kind, table=head.table, truncated=head.table is not None, message=head.message)
            size_bytes = head.size_bytes
        else:
            kind = kind_of(path) or ViewKind.TEXT
            data, size_bytes = await source.read(path, limit_bytes=_LIMITS.get(kind, TEXT_BYTES))
            # Megabytes of JSON take a while.
            shown = await asyncio.to_thread(_show, kind, _Bytes(path, data, size_bytes))
        return _view(source, path, size_bytes, shown)


def _view(source: ArtifactSource, path: str, size_bytes: int | None, shown: _Shown) -> ArtifactView:
    query = {"path": path} | ({"model_id": source.model_id} if source.model_id is not None else {})
    return ArtifactView(
        path=path,
        kind=shown.kind,
        size_bytes=size_bytes,
        media_type=media_type_of(path, shown.kind),
        truncated=shown.truncated,
        text=shown.text,
        table=shown.table,
        message=shown.message,
        raw=f"runs/{source.record.id}/artifacts/raw?{urlencode(query)}",
    )


def _show(kind: ViewKind, file: _Bytes) -> _Shown:
    if kind is ViewKind.IMAGE:
        return _image(file)
    if kind is ViewKind.HTML:
        if file.size_bytes is not None and file.size_bytes > SHOWN_BYTES:
            return _too_large(file, SHOWN_BYTES)
        return _Shown(kind, message="Scripts in this page are not run, and nothing is fetched for it.")
    found = decoded(file.data, whole=file.whole)
    if found is None:
        return _Shown(ViewKind.NONE, message="This file is no text, and its kind is none that can be shown.")
    text, encoding = found
    if kind is ViewKind.JSON:
        shown = _json(text, file)
    elif kind is ViewKind.NOTEBOOK:
        shown = _notebook(text, file)
    elif kind is ViewKind.TABLE:
        shown = _table(text, file)
    else:
        shown = _plain(text, file)
    if encoding.startswith("utf"):
        return shown
    guessed = f"This is not UTF-8; it is read as {encoding}."
    return shown._replace(message=f"{shown.message} {guessed}" if shown.message else guessed)


def _image(file: _Bytes) -> _Shown:
    if not is_image(file.path, file.data):
        return _Shown(ViewKind.NONE, message=f"This is not the .{suffix_of(file.path)} image that its name promises.")
    if file.size_bytes is not None and file.size_bytes > SHOWN_BYTES:
        return _too_large(file, SHOWN_BYTES)
    return _Shown(ViewKind.IMAGE)


def _too_large(file: _Bytes, limit_bytes: int) -> _Shown:
    size = f"It has {(file.size_bytes or 0) / 2**20:,.0f} MiB; up to {limit_bytes >> 20} MiB are shown. Download it."
    return _Shown(ViewKind.NONE, message=size)


def _plain(text: str, file: _Bytes, *, why: str | None = None) -> _Shown:
    cut = text[:TEXT_BYTES]
    truncated = not file.whole or len(cut) < len(text)
    told = [why] if why else []
    if truncated:
        told.append(f"Only the first {TEXT_BYTES >> 10} KiB are shown. Download the file to see all of it.")
    return _Shown(ViewKind.TEXT, text=cut, truncated=truncated, message=" ".join(told) or None)


def _json(text: str, file: _Bytes) -> _Shown:
    if not file.whole:
        return _plain(text, file, why=f"JSON of more than {WHOLE_BYTES >> 20} MiB is shown as it is written.")
    table = mlflow_table(text)
    if table is not None:
        return _Shown(ViewKind.TABLE, table=table.table, truncated=table.table.more, message=table.message)
    pretty = indented(text, most_chars=WHOLE_BYTES * _EXPANSION)
    if pretty is None:
        return _plain(text, file, why="This is not valid JSON, or too deep to lay out.")
    return _Shown(ViewKind.JSON, text=pretty)


def _notebook(text: str, file: _Bytes) -> _Shown:
    if not file.whole:
        return _too_large(file, NOTEBOOK_BYTES)
    clean = shown_notebook(text)
    if clean is None:
        return _plain(text, file, why="This is no notebook of format 4.")
    return _Shown(ViewKind.NOTEBOOK, text=clean)


def _table(text: str, file: _Bytes) -> _Shown:
    delimiter = None if suffix_of(file.path) == "csv" else "\t"
    head = csv_head(text, delimiter=delimiter, whole=file.whole)
    if head is None:
        return _plain(text, file, why="This cannot be read as a table.")
    return _Shown(ViewKind.TABLE, table=head.table, truncated=head.table.more, message=head.message)
