"""The three patch formats of the API besides server-side apply."""

from __future__ import annotations

import copy
from typing import Any

from tests.cluster.emulator.errors import ApiError, bad_request
from tests.cluster.emulator.lists import is_set, key_of, merge_keys


def merge(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def strategic(target: Any, patch: Any, *, kind: str, path: tuple[str, ...] = ()) -> Any:
    """A strategic merge for the lists that `lists` knows."""
    if isinstance(patch, dict):
        if patch.get("$patch") == "replace":
            return {name: copy.deepcopy(value) for name, value in patch.items() if name != "$patch"}
        merged = dict(target) if isinstance(target, dict) else {}
        for name, value in patch.items():
            if value is None or (isinstance(value, dict) and value.get("$patch") == "delete"):
                merged.pop(name, None)
            elif not name.startswith("$"):
                merged[name] = strategic(merged.get(name), value, kind=kind, path=(*path, name))
        return merged
    if isinstance(patch, list) and (keys := merge_keys(kind, path)):
        return _merged_items(target or [], patch, keys, kind, path)
    if isinstance(patch, list) and is_set(path):
        return [*(target or []), *(value for value in patch if value not in (target or []))]
    return copy.deepcopy(patch)


def _merged_items(target: list[Any], patch: list[Any], keys: tuple[str, ...], kind: str, path: tuple[str, ...]) -> Any:
    if {"$patch": "replace"} in patch:
        return [item for item in patch if item != {"$patch": "replace"}]
    merged = list(target)
    for item in patch:
        named = key_of(item, keys)
        place = next((i for i, known in enumerate(merged) if key_of(known, keys) == named), None)
        if item.get("$patch") == "delete":
            merged = merged if place is None else merged[:place] + merged[place + 1 :]
        elif place is None:
            merged.append(copy.deepcopy(item))
        else:
            merged[place] = strategic(merged[place], item, kind=kind, path=path)
    return merged


def json_patch(target: Any, operations: Any) -> Any:
    """RFC 6902."""
    if not isinstance(operations, list):
        raise bad_request("a JSON patch is a list of operations")
    document = copy.deepcopy(target)
    for operation in operations:
        document = _operated(document, operation)
    return document


def _operated(document: Any, operation: dict[str, Any]) -> Any:
    what, path = operation.get("op"), _pointer(operation.get("path", ""))
    if what in {"copy", "move"}:
        value = copy.deepcopy(_read(document, _pointer(operation["from"])))
        if what == "move":
            document = _removed(document, _pointer(operation["from"]))
        return _added(document, path, value)
    if what == "test":
        if _read(document, path) != operation.get("value"):
            raise _failed(f"testing path {operation['path']} value failed")
        return document
    if what == "remove":
        return _removed(document, path)
    if what == "replace":
        _read(document, path)
        return _added(_removed(document, path) if path else document, path, operation.get("value"))
    if what == "add":
        return _added(document, path, operation.get("value"))
    raise bad_request(f"unexpected JSON patch operation {what!r}")


def _failed(why: str) -> ApiError:
    return ApiError(422, "Invalid", f"the server rejected our request due to an error in our request: {why}")


def _pointer(text: str) -> list[str]:
    return [piece.replace("~1", "/").replace("~0", "~") for piece in text.split("/")[1:]]


def _read(document: Any, path: list[str]) -> Any:
    for piece in path:
        try:
            document = document[int(piece)] if isinstance(document, list) else document[piece]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise _failed(f"unable to find /{'/'.join(path)}") from error
    return document


def _added(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent, last = _read(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else int(last), value)
    elif isinstance(parent, dict):
        parent[last] = value
    else:
        raise _failed(f"unable to add at /{'/'.join(path)}")
    return document


def _removed(document: Any, path: list[str]) -> Any:
    _read(document, path)
    parent, last = _read(document, path[:-1]), path[-1]
    del parent[int(last) if isinstance(parent, list) else last]
    return document
