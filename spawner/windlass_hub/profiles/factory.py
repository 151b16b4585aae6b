"""From the address in the settings to the store it names."""

from __future__ import annotations

import re

from windlass.kube.client import KubeClient

from .configmap_store import ConfigMapStore
from .file_store import FileStore
from .store import Store, StoreError

_NAMESPACE = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_CONFIG_MAP = re.compile(rf"(?P<namespace>{_NAMESPACE})/(?P<name>{_NAMESPACE}(\.{_NAMESPACE})*)")


def open_store(address: str, *, keep_versions: int, client: KubeClient | None = None) -> Store:
    """The store at `file:PATH` or `configmap:NAMESPACE/NAME`; nothing is read yet.

    Args:
        address: as in `Settings.profiles`.
        keep_versions: how many states the history keeps.
        client: for a ConfigMap; the caller closes it after the store.

    Raises:
        StoreError: the address names no store, or the client it needs is missing.
    """
    kind, _, rest = address.partition(":")
    if kind == "file" and rest:
        return FileStore(rest, keep_versions=keep_versions)
    match = _CONFIG_MAP.fullmatch(rest) if kind == "configmap" else None
    if match is None:
        raise StoreError(f"{address!r} is no place for profiles: write file:PATH or configmap:NAMESPACE/NAME.")
    if client is None:
        raise StoreError(f"{address} needs a cluster: there is no Kubernetes configuration here.")
    return ConfigMapStore(client, namespace=match["namespace"], name=match["name"], keep_versions=keep_versions)
