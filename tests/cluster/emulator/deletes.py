"""delete and deletecollection: grace periods, finalizers, and what a controller still has to do."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from tests.cluster.emulator.errors import ApiError, conflict, not_found
from tests.cluster.emulator.kinds import CRDS, NAMESPACES, PODS, Kinds
from tests.cluster.emulator.reads import matcher
from tests.cluster.emulator.requests import Ask
from tests.cluster.emulator.storage import Object, Storage
from tests.cluster.emulator.times import rfc3339


class Deletes:
    """Everything that ends an object; `clock` gives POSIX seconds."""

    def __init__(self, *, storage: Storage, kinds: Kinds, clock: Callable[[], float]) -> None:
        self._storage = storage
        self._kinds = kinds
        self._clock = clock

    def delete(self, ask: Ask) -> Object:
        """The object as it is now; a Status where it is gone."""
        live = self._storage.get(ask.kind, ask.namespace, ask.name)
        if live is None:
            raise not_found(ask.kind, ask.name)
        options = ask.body if isinstance(ask.body, dict) else {}
        _preconditions(ask, live, options.get("preconditions") or {})
        if ask.dry_run:
            return live
        grace = options.get("gracePeriodSeconds")
        if grace is None and "gracePeriodSeconds" in ask.query:
            grace = int(ask.query["gracePeriodSeconds"])
        policy = options.get("propagationPolicy") or ask.query.get("propagationPolicy")
        return self._ended(ask, live, grace, policy)

    def delete_collection(self, ask: Ask) -> Object:
        matches = matcher(ask)
        found = [obj for obj in self._storage.all(ask.kind, ask.namespace or None) if matches(obj)]
        for obj in found:
            self._ended(ask, obj, None, None)
        return {"kind": f"{ask.kind.kind}List", "apiVersion": ask.kind.api_version, "metadata": {}, "items": found}

    def _ended(self, ask: Ask, live: Object, grace: int | None, policy: str | None) -> Object:
        new = copy.deepcopy(live)
        metadata = new["metadata"]
        seconds = _grace(ask, live, grace)
        finalizers = list(metadata.get("finalizers") or [])
        if policy == "Foreground" and "foregroundDeletion" not in finalizers:
            finalizers.append("foregroundDeletion")
        if policy == "Orphan" and "orphan" not in finalizers:
            finalizers.append("orphan")
        if finalizers:
            metadata["finalizers"] = finalizers
        content = ask.kind == NAMESPACES and bool(new.get("spec", {}).get("finalizers"))
        if not (finalizers or content or seconds):
            gone = self._storage.remove(ask.kind, live)
            if ask.kind == CRDS:
                self._forget(gone)
            return _gone(ask, gone)
        if content:
            new["status"] = {**new.get("status", {}), "phase": "Terminating"}
        metadata.setdefault("deletionTimestamp", rfc3339(self._clock() + seconds))
        metadata["deletionGracePeriodSeconds"] = seconds
        return live if new == live else self._storage.put(ask.kind, new)

    def _forget(self, definition: Object) -> None:
        spec = definition["spec"]
        for version in spec["versions"]:
            kind = self._kinds.find(spec["group"], version["name"], spec["names"]["plural"])
            for obj in self._storage.all(kind) if kind else ():
                self._storage.remove(kind, obj)  # type: ignore[arg-type]
        self._kinds.forget(definition)


def _grace(ask: Ask, live: Object, asked: int | None) -> int:
    """Only a pod that a node has, and that has not finished, is given time."""
    if ask.kind != PODS or not live["spec"].get("nodeName"):
        return 0
    if live.get("status", {}).get("phase") in {"Succeeded", "Failed"}:
        return 0
    seconds = live["spec"].get("terminationGracePeriodSeconds", 30) if asked is None else asked
    before = live["metadata"].get("deletionGracePeriodSeconds")
    return int(seconds if before is None else min(seconds, before))


def _preconditions(ask: Ask, live: Object, wanted: dict[str, Any]) -> None:
    for field, label in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        actual = live["metadata"][field]
        if wanted.get(field) and wanted[field] != actual:
            why = f"Precondition failed: {label} in precondition: {wanted[field]}, {label} in object meta: {actual}"
            raise conflict(ask.kind, ask.name, why)
    phase = live.get("status", {}).get("phase")
    if ask.kind == NAMESPACES and phase == "Terminating" and wanted.get("resourceVersion"):
        raise ApiError(409, "Conflict", "The system is ensuring all content is removed from this namespace.")


def _gone(ask: Ask, last: Object) -> Object:
    if ask.kind == PODS:
        return last
    details = {"name": ask.name, "group": ask.kind.group, "kind": ask.kind.plural, "uid": last["metadata"]["uid"]}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
