"""get, list and watch."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from tests.cluster.emulator.errors import ApiError, bad_request, expired, not_found
from tests.cluster.emulator.kinds import Kind
from tests.cluster.emulator.requests import Ask, flag
from tests.cluster.emulator.selectors import Test, fields_test, labels_test
from tests.cluster.emulator.storage import Change, Object, Storage

DEFAULT_WATCH_SECONDS = 1800


def get(storage: Storage, ask: Ask) -> Object:
    found = storage.get(ask.kind, ask.namespace, ask.name)
    if found is None:
        raise not_found(ask.kind, ask.name)
    return found


def matcher(ask: Ask) -> Test:
    """Whether an object is among those asked for."""
    labels = labels_test(ask.query.get("labelSelector", ""))
    fields = fields_test(ask.query.get("fieldSelector", ""), ask.kind.kind)
    namespace, name = ask.namespace, ask.name
    return lambda obj: (
        (not namespace or obj["metadata"].get("namespace") == namespace)
        and (not name or obj["metadata"]["name"] == name)
        and labels(obj)
        and fields(obj)
    )


def list_of(storage: Storage, ask: Ask) -> Object:
    """One page. A token to go on holds the revision of the first page: where its history is gone, so is the token."""
    matches = matcher(ask)
    limit = int(ask.query.get("limit") or 0)
    after, revision = ("", ""), storage.revision
    if token := ask.query.get("continue"):
        after, revision = _opened(token)
        if revision < storage.oldest:
            raise expired("The provided continue parameter is too old to display a consistent list result.")
    items = [obj for obj in storage.all(ask.kind, ask.namespace or None) if _key(obj) > after and matches(obj)]
    metadata: dict[str, Any] = {"resourceVersion": str(revision)}
    if limit and len(items) > limit:
        metadata["continue"] = _sealed(_key(items[limit - 1]), revision)
        metadata["remainingItemCount"] = len(items) - limit
        items = items[:limit]
    if not ask.kind.custom:
        items = [{name: value for name, value in obj.items() if name not in {"kind", "apiVersion"}} for obj in items]
    return {
        "kind": f"{ask.kind.kind}List",
        "apiVersion": ask.kind.api_version,
        "metadata": metadata,
        "items": items,
    }


def _key(obj: Object) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _sealed(key: tuple[str, str], revision: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([*key, revision]).encode()).decode()


def _opened(token: str) -> tuple[tuple[str, str], int]:
    try:
        namespace, name, revision = json.loads(base64.urlsafe_b64decode(token))
    except ValueError as error:
        raise bad_request("continue key is not valid") from error
    return (namespace, name), revision


async def watch(storage: Storage, ask: Ask) -> AsyncIterator[Object]:
    """Events until the time asked for is over or the watch is cut."""
    matches = matcher(ask)
    end = time.monotonic() + float(ask.query.get("timeoutSeconds") or DEFAULT_WATCH_SECONDS)
    bookmarks = flag(ask.query, "allowWatchBookmarks")
    queue = storage.watch()
    try:
        first, begin = _beginning(storage, ask, matches)
        for event in first:
            yield event
        seen = begin
        while (left := end - time.monotonic()) > 0:
            try:
                change = await asyncio.wait_for(queue.get(), min(left, storage.bookmark_seconds))
            except asyncio.TimeoutError:
                if bookmarks:
                    yield _bookmark(ask.kind, max(seen, storage.revision if queue.empty() else seen))
                continue
            if change is None:
                return
            seen = change.revision
            if change.kind == ask.kind and (event := _event(change, matches)):
                yield event
    finally:
        storage.unwatch(queue)


def _beginning(storage: Storage, ask: Ask, matches: Test) -> tuple[list[Object], int]:
    text = ask.query.get("resourceVersion", "")
    if text in {"", "0"}:
        there = storage.all(ask.kind, ask.namespace or None)
        return [{"type": "ADDED", "object": obj} for obj in there if matches(obj)], storage.revision
    if not text.isdigit():
        raise bad_request(f'invalid resource version "{text}"')
    revision = int(text)
    if revision < storage.oldest:
        gone: ApiError = expired(f"too old resource version: {revision} ({storage.oldest})")
        raise gone
    missed = (_event(change, matches) for change in storage.since(revision) if change.kind == ask.kind)
    return [event for event in missed if event], storage.revision


def _event(change: Change, matches: Test) -> Object | None:
    """What a watch with this selector is told: an object that comes to match is new to it, one that ceases is gone."""
    before = change.old is not None and matches(change.old)
    after = not change.deleted and matches(change.new)
    if before and after:
        return {"type": "MODIFIED", "object": change.new}
    if after:
        return {"type": "ADDED", "object": change.new}
    if before:
        last = {**(change.old or {}), "metadata": {**(change.old or {})["metadata"]}}
        last["metadata"]["resourceVersion"] = str(change.revision)
        return {"type": "DELETED", "object": last}
    return None


def _bookmark(kind: Kind, revision: int) -> Object:
    metadata = {"resourceVersion": str(revision), "creationTimestamp": None}
    return {"type": "BOOKMARK", "object": {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}}
