"""Which lists of which fields are merged by key, as the real server's schemas say; all others are replaced whole."""

from __future__ import annotations

from typing import Any

_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "imagePullSecrets": ("name",),
    "hostAliases": ("ip",),
    "ownerReferences": ("uid",),
    "conditions": ("type",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
_PORTS = {"Service": ("port", "protocol"), "": ("containerPort", "protocol")}
_SETS = {"finalizers"}
_DEFAULTS = {"protocol": "TCP"}


def merge_keys(kind: str, path: tuple[str, ...]) -> tuple[str, ...]:
    """The fields that name an item of the list at `path` (of field names), or none where it is no such list."""
    name = path[-1] if path else ""
    if kind == "ServiceAccount" and path == ("secrets",):
        return ("name",)
    if kind in {"NetworkPolicy", "ValidatingAdmissionPolicy"}:
        return ()
    if name == "ports":
        return _PORTS["Service" if kind == "Service" else ""]
    return _KEYS.get(name, ())


def is_set(path: tuple[str, ...]) -> bool:
    """Whether the list's values themselves are its keys."""
    return bool(path) and path[-1] in _SETS


def key_of(item: Any, keys: tuple[str, ...]) -> tuple[tuple[str, Any], ...]:
    """What names an item, with the defaults that the server fills in."""
    return tuple((key, item.get(key, _DEFAULTS.get(key))) for key in keys)
