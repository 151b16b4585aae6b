"""Who manages which field: sets of paths in an object, and their `fieldsV1` form.

A path is a tuple of pieces as fieldsV1 writes them: `f:name` a field, `k:{…}` an item by its keys, `v:…` a value of a
set, `.` the item itself.
"""

from __future__ import annotations

import json
from typing import Any

from tests.cluster.emulator.lists import is_set, key_of, merge_keys

Path = tuple[str, ...]
Paths = set[Path]

UNMANAGED = {
    "name",
    "namespace",
    "generateName",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
}


def paths_of(obj: dict[str, Any]) -> Paths:
    """Every leaf of an object that somebody can manage."""
    found: Paths = set()
    for name, value in obj.items():
        if name == "metadata":
            shown = {key: inner for key, inner in value.items() if key not in UNMANAGED}
            _collect(shown, ("f:metadata",), found, kind=obj.get("kind", ""), leaf=False)
        elif name not in {"apiVersion", "kind"}:
            _collect(value, (f"f:{name}",), found, kind=obj.get("kind", ""))
    return found


def names(path: Path) -> tuple[str, ...]:
    """The field names of a path alone."""
    return tuple(piece[2:] for piece in path if piece.startswith("f:"))


def _collect(value: Any, path: Path, found: Paths, *, kind: str, leaf: bool = True) -> None:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            _collect(inner, (*path, f"f:{name}"), found, kind=kind)
    elif isinstance(value, list) and is_set(names(path)):
        found.update((*path, f"v:{json.dumps(item)}") for item in value)
    elif isinstance(value, list) and (keys := merge_keys(kind, names(path))):
        for item in value:
            place = (*path, item_piece(item, keys))
            found.add((*place, "."))
            _collect(item, place, found, kind=kind)
    elif leaf:
        found.add(path)


def item_piece(item: dict[str, Any], keys: tuple[str, ...]) -> str:
    return "k:" + json.dumps(dict(key_of(item, keys)), sort_keys=True)


def read(obj: Any, path: Path, *, kind: str) -> Any:
    """What stands at a path, None where nothing does."""
    for i, piece in enumerate(path):
        if piece == "." or obj is None:
            return obj
        obj = _step(obj, path[: i + 1], kind)
    return obj


def _step(obj: Any, path: Path, kind: str) -> Any:
    piece = path[-1]
    if piece.startswith("f:"):
        return obj.get(piece[2:]) if isinstance(obj, dict) else None
    if not isinstance(obj, list):
        return None
    if piece.startswith("v:"):
        return next((item for item in obj if item == json.loads(piece[2:])), None)
    keys = merge_keys(kind, names(path))
    return next((item for item in obj if item_piece(item, keys) == piece), None)


def remove(obj: Any, path: Path, *, kind: str) -> None:
    """Take away what stands at a path, and the maps and lists that are empty then. `obj` is changed."""
    trail = [obj]
    real = path[:-1] if path[-1] == "." else path
    for i in range(len(real) - 1):
        trail.append(_step(trail[-1], real[: i + 1], kind) if trail[-1] is not None else None)
    for i in range(len(real) - 1, -1, -1):
        holder = trail[i]
        if holder is None:
            continue
        value = _step(holder, real[: i + 1], kind)
        if i == len(real) - 1 or value in ({}, []):
            _drop(holder, real[i], value)


def _drop(holder: Any, piece: str, value: Any) -> None:
    if isinstance(holder, dict):
        holder.pop(piece[2:], None)
    elif value in holder:
        holder.remove(value)


def encode(paths: Paths) -> dict[str, Any]:
    """As `fieldsV1` shows it."""
    tree: dict[str, Any] = {}
    for path in sorted(paths):
        place = tree
        for piece in path:
            place = place.setdefault(piece, {})
    return tree


def decode(tree: dict[str, Any], before: Path = ()) -> Paths:
    found: Paths = set()
    for piece, inner in tree.items():
        found |= decode(inner, (*before, piece)) if inner else {(*before, piece)}
    return found
