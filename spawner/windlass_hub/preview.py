"""The pod that a profile would give, for the admin who edits it.

It is made by the spawner itself, so that what is shown is what will be started; but in the service's process, without a
cluster and without the hub's own KubeSpawner settings: those (cmd, home volume, hooks) are not in it. Nothing in it is
secret: what a start puts into the environment for the server alone is named and masked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import kubespawner.spawner as stock
from jupyterhub.objects import Hub
from kubernetes_asyncio.client import ApiClient

from .profiles.model import Catalogue
from .profiles.options import Choice
from .spawner import WindlassSpawner

MASK = "set at the start"
_ONLY_AT_START = ("JUPYTERHUB_", "JPY_", "WINDLASS_")


async def preview_pod(
    choice: Choice, catalogue: Catalogue, *, username: str = "example", namespace: str = "example"
) -> dict[str, Any]:
    """The pod as it would be sent to Kubernetes.

    Args:
        choice: of an existing profile, or of one that is being edited.
        catalogue: it belongs to.
        username: whose server it is to be.
        namespace: it is to run in.
    """
    with without_cluster():
        spawner = WindlassSpawner(user=_user(username), hub=Hub(), namespace=namespace, _mock=True)
    spawner.apply_choice(choice, catalogue)
    pod = await spawner.get_pod_manifest()
    pod.metadata.namespace = namespace
    plain: dict[str, Any] = _plain(pod)
    for container in plain["spec"]["containers"]:
        for variable in container.get("env") or []:
            if str(variable["name"]).startswith(_ONLY_AT_START) and "value" in variable:
                variable["value"] = MASK
    return {"apiVersion": "v1", "kind": "Pod", **plain}


def _user(name: str) -> Any:
    return SimpleNamespace(name=name, url=f"/user/{name}/", id=0, groups=[], admin=False, orm_spawners={})


@contextmanager
def without_cluster() -> Iterator[None]:
    """KubeSpawner loads a cluster's configuration when it is made, and fails without one.

    Only for the moment of making one: no `await` lies within, so no other spawner of this loop can meet it.
    """
    load, client = stock.load_config, stock.shared_client
    stock.load_config = stock.shared_client = lambda *_, **__: None
    try:
        yield
    finally:
        stock.load_config, stock.shared_client = load, client


def _plain(pod: Any) -> Any:
    # As the client sends it, without making one: that takes a connection pool and a TLS context.
    return ApiClient.sanitize_for_serialization(ApiClient.__new__(ApiClient), pod)
