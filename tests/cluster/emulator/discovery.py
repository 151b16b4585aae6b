"""/version, /api and /apis: what the cluster says that it serves."""

from __future__ import annotations

from typing import Any

from tests.cluster.emulator.errors import not_served
from tests.cluster.emulator.kinds import Kind, Kinds

VERSION = {
    "major": "1",
    "minor": "31",
    "gitVersion": "v1.31.0-emulated",
    "gitCommit": "0",
    "gitTreeState": "clean",
    "buildDate": "2024-08-13T00:00:00Z",
    "goVersion": "none",
    "compiler": "none",
    "platform": "linux/amd64",
}
_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


def answer(path: str, kinds: Kinds) -> Any:
    """Raises a 404 for what is none of these."""
    pieces = path.strip("/").split("/")
    if pieces == ["version"]:
        return VERSION
    if pieces in (["healthz"], ["readyz"], ["livez"]):
        return "ok"
    if pieces == ["api"]:
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    if pieces == ["api", "v1"]:
        return _resources("", "v1", kinds)
    if pieces == ["apis"]:
        groups = sorted({kind.group for kind in kinds if kind.group})
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name, kinds) for name in groups]}
    if len(pieces) == 2 and pieces[0] == "apis" and any(kind.group == pieces[1] for kind in kinds):
        return {"kind": "APIGroup", "apiVersion": "v1", **_group(pieces[1], kinds)}
    if len(pieces) == 3 and pieces[0] == "apis":
        return _resources(pieces[1], pieces[2], kinds)
    raise not_served()


def _group(name: str, kinds: Kinds) -> dict[str, Any]:
    versions = sorted({kind.version for kind in kinds if kind.group == name}, reverse=True)
    shown = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": shown, "preferredVersion": shown[0]}


def _resources(group: str, version: str, kinds: Kinds) -> dict[str, Any]:
    served = [kind for kind in kinds if (kind.group, kind.version) == (group, version)]
    if not served:
        raise not_served()
    resources = [entry for kind in sorted(served, key=lambda kind: kind.plural) for entry in _entries(kind)]
    group_version = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}


def _entries(kind: Kind) -> list[dict[str, Any]]:
    entry = {
        "name": kind.plural,
        "singularName": kind.kind.lower(),
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": ["create"] if kind.group == "authorization.k8s.io" else _VERBS,
        "shortNames": list(kind.short_names),
    }
    subresources = [*kind.subresources, *(["status"] if kind.status else [])]
    return [
        entry,
        *(
            {**entry, "name": f"{kind.plural}/{name}", "verbs": ["get", "patch", "update", "create"], "shortNames": []}
            for name in subresources
        ),
    ]
