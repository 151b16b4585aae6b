"""`managedFields`, and server-side apply on top of it."""

from __future__ import annotations

import copy
import time
from typing import Any

from tests.cluster.emulator import fields
from tests.cluster.emulator.errors import ApiError
from tests.cluster.emulator.fields import Paths
from tests.cluster.emulator.patches import strategic
from tests.cluster.emulator.times import rfc3339

Object = dict[str, Any]
Owner = tuple[str, str, str]
"""Manager, operation (Apply or Update), subresource."""


def owners(obj: Object) -> dict[Owner, Paths]:
    found = {}
    for entry in obj.get("metadata", {}).get("managedFields") or []:
        owner = entry["manager"], entry["operation"], entry.get("subresource", "")
        found[owner] = fields.decode(entry.get("fieldsV1", {}))
    return found


def _written(obj: Object, owned: dict[Owner, Paths], before: Object) -> None:
    """Put the owners into `obj`; entries that did not change keep their time."""
    known = {
        (entry["manager"], entry["operation"], entry.get("subresource", "")): entry
        for entry in before.get("metadata", {}).get("managedFields") or []
    }
    entries = []
    for owner, paths in owned.items():
        if not paths:
            continue
        encoded = fields.encode(paths)
        entry = known.get(owner)
        if entry is None or entry.get("fieldsV1") != encoded:
            now = rfc3339(time.time())
            entry = {"manager": owner[0], "operation": owner[1], "apiVersion": obj["apiVersion"], "time": now}
            entry |= {"fieldsType": "FieldsV1", "fieldsV1": encoded}
            if owner[2]:
                entry["subresource"] = owner[2]
        entries.append(entry)
    obj["metadata"]["managedFields"] = entries


def record_update(before: Object | None, after: Object, *, manager: str, subresource: str = "") -> None:
    """Say in `after` that `manager` wrote what is different now."""
    kind = after.get("kind", "")
    old = before or {"metadata": {}}
    now_there = fields.paths_of(after)
    changed = {
        path
        for path in now_there
        if path[0] != "f:status" or subresource == "status"
        if fields.read(old, path, kind=kind) != fields.read(after, path, kind=kind)
    }
    owned = {owner: (paths & now_there) - changed for owner, paths in owners(old).items()}
    owner = (manager, "Update", subresource)
    owned[owner] = owned.get(owner, set()) | changed
    _written(after, owned, old)


def apply(live: Object | None, config: Object, *, manager: str, force: bool) -> Object:
    """The object after an apply. Raises a 409 that names the fields which others manage."""
    kind = config.get("kind", "")
    config = copy.deepcopy(config)
    before = live or {"apiVersion": config["apiVersion"], "kind": kind, "metadata": {}}
    wanted = fields.paths_of(config)
    owned = owners(before)
    mine = (manager, "Apply", "")
    contested = {
        owner: {path for path in paths & wanted if path[-1] != "." and _differs(before, config, path)}
        for owner, paths in owned.items()
        if owner != mine
    }
    if any(contested.values()) and not force:
        raise _conflict(contested)
    owned = {owner: paths - contested.get(owner, set()) for owner, paths in owned.items()}
    merged = copy.deepcopy(strategic(before, config, kind=kind))
    others = set().union(*(paths for owner, paths in owned.items() if owner != mine))
    # An item of a list goes as a whole, before its fields: they are what names it.
    for path in sorted(owned.get(mine, set()) - wanted - others, key=lambda path: (path[-1] != ".", len(path), path)):
        if fields.read(merged, path, kind=kind) is not None:
            fields.remove(merged, path, kind=kind)
    owned[mine] = wanted
    _written(merged, owned, before)
    return merged


def _differs(before: Object, config: Object, path: fields.Path) -> bool:
    kind = config.get("kind", "")
    return bool(fields.read(before, path, kind=kind) != fields.read(config, path, kind=kind))


def _conflict(contested: dict[Owner, Paths]) -> ApiError:
    causes, lines = [], []
    for (manager, _operation, _subresource), paths in contested.items():
        for path in sorted(paths):
            shown = "".join(f".{piece[2:]}" if piece.startswith("f:") else f"[{piece[2:]}]" for piece in path)
            lines.append(f'conflict with "{manager}": {shown}')
            causes.append({"reason": "FieldManagerConflict", "message": f'conflict with "{manager}"', "field": shown})
    count = len(lines)
    message = f"Apply failed with {count} conflict{'s' if count > 1 else ''}: {'; '.join(lines)}"
    return ApiError(409, "Conflict", message, details={"causes": causes})
