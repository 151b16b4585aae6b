"""Spawners whose cluster is the one of the test, in the event loop of the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import kubespawner.spawner
import pytest
import pytest_asyncio
from jupyterhub.objects import Hub
from kubernetes_asyncio.client import Configuration
from kubernetes_asyncio.config import load_kube_config
from kubespawner import KubeSpawner
from tests.cluster.cluster import Cluster
from traitlets.config import Config

from windlass_hub import hub_kube
from windlass_hub.spawner import WindlassSpawner


class Hubs:
    """Makes spawners as a hub does; `namespace` is where they start their pods."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def spawner(
        self,
        user: str = "ann",
        *,
        kind: type[KubeSpawner] = WindlassSpawner,
        groups: tuple[str, ...] = (),
        state: dict[str, Any] | None = None,
        options: Any = None,
        **traits: Any,
    ) -> Any:
        """A spawner of `user`'s default server, as after a start of the hub with `state` in its database."""
        config = Config()
        given = {"namespace": self.namespace, "cmd": ["jupyterhub-singleuser"], "start_timeout": 20, **traits}
        config[kind.__name__] = Config(given)
        made = kind(
            config=config, user=user_named(user, groups), hub=Hub(), api_token="secret-token", oauth_client_id="unused"
        )
        made.user_options = options or {}
        if state is not None:
            made.load_state(state)
        return made


def user_named(name: str, groups: tuple[str, ...] = ()) -> Any:
    """What a spawner asks of a user."""
    return SimpleNamespace(
        name=name,
        escaped_name=name,
        url=f"/user/{name}/",
        id=1,
        admin=False,
        groups=[SimpleNamespace(name=group) for group in groups],
        orm_spawners={},
    )


@pytest_asyncio.fixture
async def hubs(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hubs]:
    """Spawners on the test's cluster. What they leave running is ended as JupyterHub ends it: by cancelling tasks."""
    before = asyncio.all_tasks()
    await load_kube_config(config_file=str(cluster.kubeconfig(tmp_path / "kubeconfig")))
    # Read once per process in a hub; here each test has a cluster of its own.
    monkeypatch.setattr(kubespawner.spawner, "load_config", lambda **_: None)
    monkeypatch.setattr(hub_kube, "load_config", lambda **_: None)
    yield Hubs(cluster, await cluster.namespace())
    for kind in (WindlassSpawner, KubeSpawner):
        await kind._stop_all_reflectors()
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    Configuration.set_default(None)
