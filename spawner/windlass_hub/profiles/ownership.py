"""Who owns a Kubernetes object that we could write: a deployment tool that would write it over, or an admin's word.

Pure. A save into an object that Argo CD, Flux or Helm keeps would hold until their next round and then be gone, so
the admin page must be read-only there, and say where the change belongs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

READ_ONLY = "windlass.io/read-only"
OURS = "windlass"
_MANAGED_BY = "app.kubernetes.io/managed-by"
_TOOLS = (
    ("argocd.argoproj.io/", "Argo CD"),
    ("kustomize.toolkit.fluxcd.io/", "Flux"),
    ("helm.toolkit.fluxcd.io/", "Flux (Helm)"),
    ("meta.helm.sh/", "Helm"),
)


def owner_of(obj: Mapping[str, Any]) -> str | None:
    """Who keeps this object, in one short name; None when it is ours to write.

    The annotation `windlass.io/read-only` decides alone where it is there: `false` opens an object that a tool made
    once and then leaves alone, `true` closes any.
    """
    if obj.get("immutable"):
        return "an immutable ConfigMap"
    metadata = obj.get("metadata") or {}
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    said = str(annotations.get(READ_ONLY, "")).strip().lower()
    if said:
        return None if said in {"false", "no", "0"} else f"an administrator (annotation {READ_ONLY})"
    for prefix, tool in _TOOLS:
        if any(key.startswith(prefix) for key in (*labels, *annotations)):
            return _named(tool, labels, annotations)
    manager = str(labels.get(_MANAGED_BY, "")).strip()
    return manager if manager and manager.lower() != OURS else None


def _named(tool: str, labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    """The tool with the application or release it names, as far as it does."""
    name = {
        "Argo CD": annotations.get("argocd.argoproj.io/tracking-id", "").partition(":")[0]
        or labels.get("argocd.argoproj.io/instance", ""),
        "Flux": labels.get("kustomize.toolkit.fluxcd.io/name", ""),
        "Flux (Helm)": labels.get("helm.toolkit.fluxcd.io/name", ""),
        "Helm": annotations.get("meta.helm.sh/release-name", ""),
    }[tool]
    return f"{tool} ({name})" if name else tool
