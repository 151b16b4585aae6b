"""What is in a folder, folders first, by name, a page at a time.

MLflow gives a folder whole, in no order, and takes long for a large one: what was read for the first page serves those
that follow. A cursor names the entry it stands behind, so files that come and go while one scrolls shift nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
from bisect import bisect_right
from typing import Any

from windlass.contract.artifacts import Artifact, ArtifactList
from windlass.errors import FieldError, InvalidRequest, NotFound
from windlass.services.artifacts.source import ArtifactSource, ArtifactSources
from windlass.services.experiments.cache import BoundedCache

MOST_ENTRIES = 100_000
LISTING_BYTES = 16 << 20
FRESH_SECONDS = 60.0
_ENTRY_BYTES = 300

Key = tuple[bool, str, str]
"""What entries are in the order of."""
Place = tuple[str, str, str]
"""Run, model or nothing, path."""


class ArtifactListing:
    """Folders of runs and models. Raises as `ArtifactSource` does."""

    def __init__(self, *, sources: ArtifactSources) -> None:
        self._sources = sources
        self._known: BoundedCache[Place, list[Artifact]] = BoundedCache(budget_bytes=LISTING_BYTES)

    async def list(
        self, run_id: str, *, model_id: str | None = None, path: str = "", limit: int, cursor: str | None = None
    ) -> ArtifactList:
        """A page of a folder. Raises InvalidRequest, too, for a cursor that is none and for the path of a file."""
        folder = path.rstrip("/")
        place = (run_id, model_id or "", folder)
        after = None if cursor is None else _position(cursor, place)
        entries = self._known.get(place, fresh_seconds=FRESH_SECONDS) if after is not None else None
        if entries is None:
            source = await self._sources.of(run_id, model_id=model_id)
            entries = await _entries(source, folder)
            size_bytes = sum(_ENTRY_BYTES + len(entry.path) for entry in entries)
            self._known.put(place, entries, size_bytes=size_bytes)
        first = 0 if after is None else bisect_right(entries, after, key=_key)
        items = entries[first : first + limit]
        more = first + limit < len(entries)
        return ArtifactList(path=folder, items=items, next_cursor=_cursor(_key(items[-1]), place) if more else None)


async def _entries(source: ArtifactSource, folder: str) -> list[Artifact]:
    found: dict[str, Artifact] = {}
    token: str | None = None
    while True:
        page = await source.list(folder, page_token=token)
        for item in page.items:
            entry = _entry(item)
            if entry is not None:
                found[entry.path] = entry
        if len(found) > MOST_ENTRIES:
            message = (
                f"This folder holds more than {MOST_ENTRIES:,} files, too many to show: "
                "a notebook can go through them with mlflow.artifacts.list_artifacts."
            )
            raise InvalidRequest(message, fields=[FieldError(field="path", message=message)])
        if page.token is None or page.token == token or not page.items:
            break
        token = page.token
    if not found and folder:
        await _expect_folder(source, folder)
    return sorted(found.values(), key=_key)


async def _expect_folder(source: ArtifactSource, folder: str) -> None:
    """MLflow lists nothing for a file, and for what is not there."""
    parent = folder.rpartition("/")[0]
    beside = {entry.path: entry for item in (await source.list(parent)).items if (entry := _entry(item)) is not None}
    if folder not in beside:
        raise NotFound(f"There is no folder {folder!r} among the artifacts (any more): reload the list.")
    if not beside[folder].is_folder:
        message = f"{folder!r} is a file: view it instead."
        raise InvalidRequest(message, fields=[FieldError(field="path", message=message)])


def _entry(item: dict[str, Any]) -> Artifact | None:
    path, size = item.get("path"), item.get("file_size")
    if not isinstance(path, str) or not path:
        return None
    is_folder = bool(item.get("is_dir"))
    # Protocol buffers write 64-bit numbers as words.
    known = not is_folder and isinstance(size, (int, str)) and str(size).isdecimal()
    return Artifact(path=path, is_folder=is_folder, size_bytes=int(str(size)) if known else None)


def _key(entry: Artifact) -> Key:
    return (not entry.is_folder, entry.path.casefold(), entry.path)


def _cursor(key: Key, place: Place) -> str:
    text = json.dumps([_digest(place), key[0], key[2]], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _position(cursor: str, place: Place) -> Key:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        digest, is_file, path = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if digest == _digest(place) and isinstance(is_file, bool) and isinstance(path, str):
            return (is_file, path.casefold(), path)
    except (ValueError, TypeError, RecursionError):
        pass
    message = "This cursor is not of this folder: use next_cursor of the page before, or leave it out."
    raise InvalidRequest(message, fields=[FieldError(field="cursor", message=message)])


def _digest(place: Place) -> str:
    return hashlib.sha256(json.dumps(place).encode()).hexdigest()[:16]
