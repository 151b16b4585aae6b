"""What no object may be, whatever admission says: the server's 422 answers that our code could meet."""

from __future__ import annotations

import re
from typing import Any

from tests.cluster.emulator.errors import invalid
from tests.cluster.emulator.kinds import Kind
from tests.cluster.emulator.quantities import quantity

Causes = list[tuple[str, str]]

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"([a-zA-Z0-9]([-a-zA-Z0-9_.]*[a-zA-Z0-9])?)")
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_ENV = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_QUANTITY = re.compile(r"[+-]?([0-9]+|[0-9]+\.[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?")

_LOWER_CASE = "lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
_CONFIG_KEY = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
_VARIABLE = "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.'"

_SHORT = {"Namespace", "Service"}
_FREE = {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
NATIVE = {"cpu", "memory", "ephemeral-storage"}
_LARGEST_BYTES = {"ConfigMap": 1 << 20, "Secret": 1 << 20}


def validate(kind: Kind, obj: dict[str, Any]) -> None:
    """Raises a 422 with every cause."""
    metadata = obj.get("metadata", {})
    causes = _name(kind, metadata.get("name", "")) + _labels(metadata) + _annotations(metadata)
    if kind.kind in {"ConfigMap", "Secret"}:
        causes += _data(kind, obj)
    if kind.kind == "Pod":
        causes += _pod(obj.get("spec") or {})
    if kind.kind in {"RoleBinding", "ClusterRoleBinding"} and not obj.get("roleRef", {}).get("name"):
        causes.append(("roleRef.name", "Required value"))
    if kind.kind == "ResourceQuota":
        causes += _quantities("spec.hard", (obj.get("spec") or {}).get("hard") or {})
    if causes:
        raise invalid(kind, metadata.get("name", ""), causes)


def _name(kind: Kind, name: str) -> Causes:
    if not name:
        return [("metadata.name", "Required value: name or generateName is required")]
    if kind.kind in _FREE:
        bad = name in {".", ".."} or "/" in name or "%" in name
        return [("metadata.name", f'Invalid value: "{name}": may not contain "/" or "%"')] if bad else []
    short = kind.kind in _SHORT
    pattern, longest, what = (_LABEL, 63, "RFC 1123 label") if short else (_SUBDOMAIN, 253, "RFC 1123 subdomain")
    if len(name) > longest:
        return [("metadata.name", f'Invalid value: "{name}": must be no more than {longest} characters')]
    if not pattern.fullmatch(name):
        return [("metadata.name", f'Invalid value: "{name}": a lowercase {what} must consist of {_LOWER_CASE}')]
    return []


def _labels(metadata: dict[str, Any]) -> Causes:
    causes = []
    for key, value in (metadata.get("labels") or {}).items():
        if not _qualified(key):
            causes.append(
                ("metadata.labels", f'Invalid value: "{key}": name part must consist of alphanumeric characters')
            )
        if not isinstance(value, str) or len(value) > 63 or not _VALUE.fullmatch(value):
            why = (
                "must be no more than 63 characters"
                if len(str(value)) > 63
                else "a valid label must be an empty string"
            )
            causes.append(
                (
                    "metadata.labels",
                    f"Invalid value: \"{value}\": {why} or consist of alphanumeric characters, '-', '_' or '.'",
                )
            )
    return causes


def _qualified(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    if slash and (len(prefix) > 253 or not _SUBDOMAIN.fullmatch(prefix)):
        return False
    return len(name) <= 63 and bool(_QUALIFIED.fullmatch(name))


def _annotations(metadata: dict[str, Any]) -> Causes:
    annotations = metadata.get("annotations") or {}
    causes = [
        ("metadata.annotations", f'Invalid value: "{key}": name part must consist of alphanumeric characters')
        for key in annotations
        if not _qualified(key.lower())
    ]
    size = sum(len(key) + len(str(value).encode()) for key, value in annotations.items())
    if size > 256 * 1024:
        causes.append(("metadata.annotations", "Too long: must have at most 262144 bytes"))
    return causes


def _data(kind: Kind, obj: dict[str, Any]) -> Causes:
    causes = []
    size = 0
    for field in ("data", "binaryData"):
        for key, value in (obj.get(field) or {}).items():
            size += _length(str(value), encoded=field == "binaryData" or kind.kind == "Secret")
            if not _DATA_KEY.fullmatch(key) or len(key) > 253:
                causes.append((f"{field}[{key}]", f'Invalid value: "{key}": {_CONFIG_KEY}'))
    if size > _LARGEST_BYTES[kind.kind]:
        causes.append(("[]" if kind.kind == "ConfigMap" else "data", "Too long: must have at most 1048576 bytes"))
    return causes


def _length(text: str, *, encoded: bool) -> int:
    """Bytes of a value; what comes in base64 counts as what it means."""
    return len(text) * 3 // 4 - text[-2:].count("=") if encoded else len(text.encode())


def _pod(spec: dict[str, Any]) -> Causes:
    causes: Causes = []
    containers = spec.get("containers") or []
    if not containers:
        causes.append(("spec.containers", "Required value"))
    volumes = {volume.get("name") for volume in spec.get("volumes") or []}
    names: set[str] = set()
    for where in ("initContainers", "containers"):
        for i, container in enumerate(spec.get(where) or []):
            causes += _container(container, f"spec.{where}[{i}]", volumes)
            if container.get("name") in names:
                causes.append((f"spec.{where}[{i}].name", f'Duplicate value: "{container["name"]}"'))
            names.add(container.get("name", ""))
    return causes


def _container(container: dict[str, Any], at: str, volumes: set[Any]) -> Causes:
    causes: Causes = []
    name = container.get("name", "")
    if not _LABEL.fullmatch(name) or len(name) > 63:
        causes.append((f"{at}.name", f'Invalid value: "{name}": a lowercase RFC 1123 label is required'))
    if not container.get("image"):
        causes.append((f"{at}.image", "Required value"))
    for j, variable in enumerate(container.get("env") or []):
        if not _ENV.fullmatch(variable.get("name", "")):
            causes.append((f"{at}.env[{j}].name", f'Invalid value: "{variable.get("name", "")}": {_VARIABLE}'))
    for j, mount in enumerate(container.get("volumeMounts") or []):
        if mount.get("name") not in volumes:
            causes.append((f"{at}.volumeMounts[{j}].name", f'Not found: "{mount.get("name")}"'))
    return causes + _resources(container.get("resources") or {}, f"{at}.resources")


def _resources(resources: dict[str, Any], at: str) -> Causes:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    causes = _quantities(f"{at}.limits", limits) + _quantities(f"{at}.requests", requests)
    if causes:
        return causes
    for name in {**limits, **requests}:
        extended = name not in NATIVE and not name.startswith("hugepages-")
        if extended and "/" not in name:
            causes.append((f"{at}[{name}]", f'Invalid value: "{name}": must be a standard resource for containers'))
        if name in requests and name in limits and quantity(requests[name]) > quantity(limits[name]):
            why = f"must be less than or equal to {name} limit"
            causes.append((f"{at}.requests", f'Invalid value: "{requests[name]}": {why}'))
        if extended and name in requests and name not in limits:
            causes.append((f"{at}.limits", "Required value: Limit must be set for non overcommitable resources"))
        elif extended and name in requests and quantity(requests[name]) != quantity(limits[name]):
            causes.append(
                (
                    f"{at}.requests",
                    f'Invalid value: "{requests[name]}": must be equal to {name} limit of {limits[name]}',
                )
            )
        if extended and quantity({**requests, **limits}[name]) % 1:
            causes.append((f"{at}.limits[{name}]", "Invalid value: must be an integer"))
    return causes


def _quantities(at: str, amounts: dict[str, Any]) -> Causes:
    return [
        (f"{at}[{name}]", f'Invalid value: "{value}": quantities must match the regular expression')
        for name, value in amounts.items()
        if not _QUANTITY.fullmatch(str(value))
    ]
