"""create, update, patch, apply: one pipeline from what was sent to what is stored."""

from __future__ import annotations

import copy
import json
import secrets
import uuid
from collections.abc import Callable
from typing import Any

from tests.cluster.emulator import defaults, managers, patches
from tests.cluster.emulator.admission import Admission
from tests.cluster.emulator.errors import ApiError, already_exists, bad_request, conflict, invalid, not_found
from tests.cluster.emulator.kinds import CRDS, Kinds
from tests.cluster.emulator.requests import Ask, flag
from tests.cluster.emulator.storage import Object, Storage
from tests.cluster.emulator.structural import shape
from tests.cluster.emulator.times import rfc3339
from tests.cluster.emulator.validation import validate

_SERVER_OWNED = ("uid", "creationTimestamp", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds")
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


class Writes:
    """Everything that makes or changes an object; `clock` gives POSIX seconds."""

    def __init__(self, *, storage: Storage, kinds: Kinds, admission: Admission, clock: Callable[[], float]) -> None:
        self._storage = storage
        self._kinds = kinds
        self._admission = admission
        self._clock = clock

    def create(self, ask: Ask) -> Object:
        body = _checked(ask)
        metadata = body["metadata"]
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + "".join(secrets.choice(_LETTERS) for _ in range(5))
        if metadata.get("resourceVersion"):
            raise bad_request("resourceVersion should not be set on objects to be created")
        return self._made(ask, body, lambda obj: managers.record_update(None, obj, manager=ask.manager))

    def update(self, ask: Ask) -> Object:
        """Put the body in the object's place; an object that is not there is not made."""
        body = _checked(ask)
        live = self._live(ask)
        if body["metadata"].get("name", ask.name) != ask.name:
            shown = body["metadata"].get("name")
            raise bad_request(f"the name of the object ({shown}) does not match the name on the URL ({ask.name})")
        return self._changed(
            ask,
            live,
            body,
            lambda new: managers.record_update(live, new, manager=ask.manager, subresource=ask.subresource),
        )

    def patch(self, ask: Ask) -> Object:
        if ask.content_type.startswith("application/apply-patch"):
            return self._apply(ask)
        live = self._live(ask)
        new = _patched(live, ask)
        return self._changed(
            ask,
            live,
            new,
            lambda obj: managers.record_update(live, obj, manager=ask.manager, subresource=ask.subresource),
        )

    def store(self, ask: Ask, obj: Object) -> Object:
        """Write what is admitted, unless it is a dry run or nothing changed."""
        live = self._storage.get(ask.kind, ask.namespace, obj["metadata"]["name"])
        if live == obj:
            return live
        if ask.dry_run:
            return obj
        metadata = obj["metadata"]
        if live is not None and metadata.get("deletionTimestamp") and not _held(obj):
            return self._storage.remove(ask.kind, obj)
        stored = self._storage.put(ask.kind, obj)
        if ask.kind == CRDS:
            self._kinds.learn(stored)
        return stored

    def _apply(self, ask: Ask) -> Object:
        config = _checked(ask)
        if not ask.query.get("fieldManager"):
            raise bad_request(
                'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
            )
        if config["metadata"].get("managedFields"):
            raise bad_request("metadata.managedFields must be nil")
        if config["metadata"].get("name", ask.name) != ask.name:
            raise bad_request("the name of the object does not match the name on the URL")
        config["metadata"]["name"] = ask.name
        live = self._storage.get(ask.kind, ask.namespace, ask.name)
        wanted = config["metadata"].pop("resourceVersion", None)
        if wanted and (live is None or live["metadata"]["resourceVersion"] != wanted):
            raise conflict(ask.kind, ask.name)
        force = flag(ask.query, "force")
        merged = managers.apply(live, config, manager=ask.manager, force=force)
        if live is None:
            return self._made(ask, merged, _unrecorded)
        return self._changed(ask, live, merged, _unrecorded)

    def _made(self, ask: Ask, body: Object, record: Callable[[Object], None]) -> Object:
        metadata = body["metadata"]
        for name in _SERVER_OWNED:
            metadata.pop(name, None)
        if ask.kind.namespaced:
            metadata["namespace"] = ask.namespace
        if ask.kind.status:
            body.pop("status", None)
        metadata["uid"] = str(uuid.uuid4())
        metadata["creationTimestamp"] = rfc3339(self._clock())
        if "spec" in body:
            metadata["generation"] = 1
        defaults.fill(ask.kind, body)
        shape(ask.kind, body, strict=_strict(ask))
        self._admission.mutate(ask, body)
        self._admission.check_place(ask)
        validate(ask.kind, body)
        self._admission.check(ask, None, body)
        if self._storage.get(ask.kind, ask.namespace, metadata["name"]) is not None:
            raise already_exists(ask.kind, metadata["name"])
        record(body)
        return self.store(ask, body)

    def _changed(self, ask: Ask, live: Object, body: Object, record: Callable[[Object], None]) -> Object:
        """`body` is a whole object, or for a subresource one of which only the status counts."""
        old, sent = live["metadata"], body["metadata"]
        expected = sent.get("resourceVersion")
        if expected and expected != old["resourceVersion"]:
            raise conflict(ask.kind, ask.name)
        if sent.get("uid") and sent["uid"] != old["uid"]:
            why = f"Precondition failed: UID in precondition: {sent['uid']}, UID in object meta: {old['uid']}"
            raise conflict(ask.kind, ask.name, why)
        new = copy.deepcopy(body)
        if ask.subresource == "status":
            new = {**copy.deepcopy(live), "status": new.get("status", {})}
        elif ask.kind.status:
            new.pop("status", None)
            new |= {"status": copy.deepcopy(live["status"])} if "status" in live else {}
        _kept(new, live)
        defaults.fill(ask.kind, new) if ask.kind.kind != "Namespace" else new.setdefault("spec", live.get("spec", {}))
        shape(ask.kind, new, strict=_strict(ask))
        if new.get("spec") != live.get("spec") and "generation" in old:
            new["metadata"]["generation"] = old["generation"] + 1
        _immutable(ask, live, new)
        validate(ask.kind, new)
        self._admission.check(ask, live, new)
        record(new)
        return self.store(ask, new)

    def _live(self, ask: Ask) -> Object:
        live = self._storage.get(ask.kind, ask.namespace, ask.name)
        if live is None:
            raise not_found(ask.kind, ask.name)
        return live


def _strict(ask: Ask) -> bool:
    return ask.query.get("fieldValidation") == "Strict"


def _unrecorded(_obj: Object) -> None:
    """An apply has said already who manages what."""


def _held(obj: Object) -> bool:
    metadata = obj["metadata"]
    waits = bool(metadata.get("deletionGracePeriodSeconds")) and obj["kind"] == "Pod"
    content = obj["kind"] == "Namespace" and obj.get("spec", {}).get("finalizers")
    return bool(metadata.get("finalizers")) or waits or bool(content)


def _checked(ask: Ask) -> Object:
    """A copy of the body with its kind and metadata. Raises a 400 for what is none of that kind's objects."""
    if not isinstance(ask.body, dict):
        raise bad_request("the body of the request was in an unknown format")
    body: Object = copy.deepcopy(ask.body)
    if ask.kind.custom and not body.get("kind"):
        named = f'{ask.kind.kind} in version "{ask.kind.version}" cannot be handled as a {ask.kind.kind}'
        raise bad_request(f"{named}: unmarshalerDecoder: Object 'Kind' is missing in '{json.dumps(body)[:200]}'")
    for field, wanted in (("apiVersion", ask.kind.api_version), ("kind", ask.kind.kind)):
        if body.setdefault(field, wanted) != wanted:
            raise bad_request(f"the {field} in the data ({body[field]}) does not match the expected one ({wanted})")
    if not isinstance(body.setdefault("metadata", {}), dict):
        raise bad_request("metadata is no object")
    namespace = body["metadata"].get("namespace")
    if namespace and namespace != ask.namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    return body


def _patched(live: Object, ask: Ask) -> Object:
    base = {name: value for name, value in live.items() if name != "managedFields"}
    if ask.content_type.startswith("application/json-patch"):
        new = patches.json_patch(base, ask.body)
    elif not isinstance(ask.body, dict):
        raise bad_request("the patch is no object")
    elif ask.content_type.startswith("application/merge-patch"):
        new = patches.merge(base, ask.body)
    elif ask.content_type.startswith("application/strategic-merge-patch") and not ask.kind.custom:
        new = patches.strategic(base, ask.body, kind=ask.kind.kind)
    else:
        raise ApiError(
            415, "UnsupportedMediaType", f"the body of the request was in an unknown format: {ask.content_type}"
        )
    return copy.deepcopy(new)  # type: ignore[no-any-return]


def _kept(new: Object, live: Object) -> None:
    """What nobody but the server changes stays as it is."""
    metadata: dict[str, Any] = new["metadata"]
    for name in (*_SERVER_OWNED, "generation", "name", "namespace", "resourceVersion", "generateName"):
        metadata.pop(name, None)
        if name in live["metadata"]:
            metadata[name] = live["metadata"][name]
    if "managedFields" not in metadata and "managedFields" in live["metadata"]:
        metadata["managedFields"] = live["metadata"]["managedFields"]
    if live["metadata"].get("deletionTimestamp") and metadata.get("finalizers"):
        known = live["metadata"].get("finalizers") or []
        metadata["finalizers"] = [name for name in metadata["finalizers"] if name in known]


def _immutable(ask: Ask, live: Object, new: Object) -> None:
    kind, name = ask.kind, ask.name
    if kind.kind in {"RoleBinding", "ClusterRoleBinding"} and new.get("roleRef") != live.get("roleRef"):
        raise invalid(kind, name, [("roleRef", f"Invalid value: {new.get('roleRef')}: cannot change roleRef")])
    if live.get("immutable") and any(
        new.get(field) != live.get(field) for field in ("data", "binaryData", "immutable")
    ):
        raise invalid(kind, name, [("data", "Forbidden: field is immutable when `immutable` is set")])
    if kind.kind == "Pod" and not ask.subresource and _fixed(new) != _fixed(live):
        why = "Forbidden: pod updates may not change fields other than `spec.containers[*].image`"
        raise invalid(kind, name, [("spec", why)])


def _fixed(pod: Object) -> Object:
    """The part of a pod's spec that stays; tolerations may grow, images may change."""
    spec = {key: value for key, value in pod["spec"].items() if key not in {"tolerations", "activeDeadlineSeconds"}}
    for where in ("containers", "initContainers"):
        spec[where] = [{**container, "image": ""} for container in spec.get(where) or []]
    return spec
