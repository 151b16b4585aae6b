"""The catalogue in one ConfigMap: `profiles.yaml`, and the history beside it, locked by the API's resourceVersion.

Anyone with kubectl can read and edit it, and GitOps can own it; then it is read-only here. Nothing is watched: a read
is one GET, parsed only when the text changed, so that the shelf above learns of every failure at once.
"""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from typing import Any

from windlass.kube.client import KubeClient
from windlass.kube.errors import Conflict, Forbidden, KubeError, NotFound, Unauthorized
from windlass.kube.resources import CONFIG_MAPS

from .history import History, HistoryError, read_history, revision_of, understood
from .model import Catalogue, dump_catalogue, load_catalogue
from .ownership import OURS, owner_of
from .store import NOTHING, Missing, ReadOnly, SaveConflict, Snapshot, StoreError, Version

log = logging.getLogger(__name__)

DOCUMENT = "profiles.yaml"
HISTORY = "history.json"
LARGEST_BYTES = 1024 * 1024 - 16 * 1024
"""What a ConfigMap's data may weigh (1 MiB by the API server), less room for its metadata."""
_TRIES = 5
"""How often a save is tried anew when only the object's metadata changed under it."""

_Object = dict[str, Any]


class ConfigMapStore:
    """A `Store` in one ConfigMap. The client is the caller's, who closes it."""

    def __init__(self, client: KubeClient, *, namespace: str, name: str, keep_versions: int) -> None:
        self.client = client
        self.namespace = namespace
        self.name = name
        self._keep = keep_versions
        self._snapshot: Snapshot | None = None

    @property
    def place(self) -> str:
        """As sentences name it."""
        return f"the ConfigMap {self.namespace}/{self.name}"

    async def load(self) -> Snapshot:
        """See `Store.load`.

        Raises:
            Missing: there is no such ConfigMap, or nothing in it.
            StoreError: the API is away or refuses.
            Unreadable: it is no catalogue.
        """
        found = await self._get()
        text = _text(found)
        if found is None or text is None:
            raise Missing(self._how_to_make())
        self._snapshot = understood(text, owner=owner_of(found), known=self._snapshot)
        return self._snapshot

    async def save(
        self, catalogue: Catalogue, *, revision: str, by: str, note: str = "", text: str | None = None
    ) -> Snapshot:
        """See `Store.save`.

        Raises:
            StoreError: it and one earlier state do not fit into a ConfigMap, or the API is away or refuses.
        """
        if text is not None and load_catalogue(text) != catalogue:
            raise ValueError("The text does not read as the catalogue it is to be kept for.")
        written = dump_catalogue(catalogue) if text is None else text
        for _ in range(_TRIES):
            found = await self._get()
            if owner := owner_of(found or {}):
                raise ReadOnly(f"{_sentence(self.place)} is kept by {owner}: change the profiles there.")
            before = _text(found)
            if (NOTHING if before is None else revision_of(before)) != revision:
                raise SaveConflict(await self.load())
            if before == written:
                return await self.load()
            if await self._write(found, before, written, by=by, note=note):
                return await self.load()
        raise StoreError(f"{_sentence(self.place)} changes faster than it can be saved: try again.")

    async def history(self) -> list[Version]:
        """See `Store.history`."""
        found = await self._get()
        text = _text(found)
        if found is None or text is None:
            raise Missing(self._how_to_make())
        return list(_history(found).with_current(text, at=_touched(found)).versions)

    async def close(self) -> None:
        """The client stays open: it is the caller's."""

    async def _write(self, found: _Object | None, before: str | None, text: str, *, by: str, note: str) -> bool:
        """One try to write; False when somebody else wrote in between."""
        history = History()
        if found is not None and before is not None:
            history = _history(found).with_current(before, at=_touched(found))
        history = history.with_save(text, by=by, note=note, at=datetime.now(timezone.utc), keep=self._keep)
        body = found or self._fresh()
        others = {key: value for key, value in (body.get("data") or {}).items() if key not in {DOCUMENT, HISTORY}}
        dumped = _fitting(history, room=LARGEST_BYTES - _weight(others, body.get("binaryData")) - len(text.encode()))
        body = {**body, "data": {**others, DOCUMENT: text, HISTORY: dumped}}
        try:
            if found is None:
                await self.client.create(CONFIG_MAPS, body, namespace=self.namespace)
            else:
                # It carries the resourceVersion it was read at: the API refuses it when that is no longer the newest.
                await self.client.replace(CONFIG_MAPS, body, namespace=self.namespace)
        except (Conflict, NotFound):
            return False
        except KubeError as error:
            raise StoreError(self._why(error, "saved", "update" if found else "create")) from error
        return True

    async def _get(self) -> _Object | None:
        try:
            return await self.client.get(CONFIG_MAPS, self.name, namespace=self.namespace)
        except NotFound:
            return None
        except KubeError as error:
            raise StoreError(self._why(error, "read", "get")) from error

    def _fresh(self) -> _Object:
        labels = {"app.kubernetes.io/managed-by": OURS, "app.kubernetes.io/component": "profiles"}
        metadata = {"name": self.name, "namespace": self.namespace, "labels": labels}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}

    def _how_to_make(self) -> str:
        return (
            f"There is no catalogue in {self.place}: apply one with the key {DOCUMENT}, or start from the examples on "
            "the Windlass admin page."
        )

    def _why(self, error: KubeError, what: str, verb: str) -> str:
        if isinstance(error, Forbidden):
            grant = f"grant {verb} on it to the account that asked"
            return f"{_sentence(self.place)} may not be {what}: {grant}. {error.message}"
        if isinstance(error, Unauthorized):
            return f"{_sentence(self.place)} could not be {what}: the Kubernetes API does not accept our credentials."
        return f"{_sentence(self.place)} could not be {what}: {error.message}"


def _fitting(history: History, *, room: int) -> str:
    """The history without as many of its oldest states as there is no room for.

    Raises:
        StoreError: not even the newest fits.
    """
    while len(dumped := history.dump()) > room or len(dumped.encode()) > room:
        if len(history.versions) <= 1:
            raise StoreError(
                "The catalogue is too large for a ConfigMap, which holds 1 MiB with the history: shorten it, or keep "
                "it in a file (profiles: file:PATH)."
            )
        history = history.shortened()
    return dumped


def _history(found: _Object) -> History:
    try:
        return read_history(str((found.get("data") or {}).get(HISTORY, "")))
    except HistoryError as error:
        log.warning("%s A new history begins.", error)
        return History()


def _text(found: _Object | None) -> str | None:
    text = ((found or {}).get("data") or {}).get(DOCUMENT)
    return None if text is None else str(text)


def _touched(found: _Object) -> datetime:
    """When somebody last wrote the object, as far as it says."""
    metadata = found.get("metadata") or {}
    times = [entry.get("time") for entry in metadata.get("managedFields") or ()]
    times.append(metadata.get("creationTimestamp"))
    stamps = [str(stamp).replace("Z", "+00:00") for stamp in times if stamp]
    return max((datetime.fromisoformat(stamp) for stamp in stamps), default=datetime.now(timezone.utc))


def _weight(data: dict[str, str], binary: dict[str, str] | None) -> int:
    return sum(len(value.encode()) for value in (*data.values(), *(binary or {}).values()))


def _sentence(place: str) -> str:
    return place[0].upper() + place[1:]
