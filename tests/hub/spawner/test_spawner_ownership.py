"""Whose namespace, whose home and whose pod: also after users and servers were renamed, and after hubs were changed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub import orm
from jupyterhub.spawner import SpawnException
from tests.cluster.cluster import eventually
from tests.hub.spawner.conftest import Hubs

from windlass.kube.errors import NotFound
from windlass.kube.resources import NAMESPACES, PERSISTENT_VOLUME_CLAIMS, PODS
from windlass_hub.spawner import WindlassSpawner

pytestmark = pytest.mark.cluster

HUB = {"hub_namespace": "default"}
STORAGE = {"storage_pvc_ensure": True, "storage_capacity": "1M"}


def named_server(
    hubs: Hubs, name: str, servers: dict[str, Any], state: dict[str, Any] | None = None, **traits: Any
) -> Any:
    """A named server of ann's, whose other servers the hub keeps as `servers`."""
    spawner = hubs.spawner("ann", **traits)
    entry = SimpleNamespace(name=name, server=None, state=state)
    made = WindlassSpawner(
        config=spawner.config, user=spawner.user, hub=spawner.hub, orm_spawner=entry, oauth_client_id="unused"
    )
    made.user_options = {}
    made.user.orm_spawners = servers
    if state:
        made.load_state(state)
    return made


async def refused(spawner: Any) -> SpawnException:
    with pytest.raises(SpawnException) as caught:
        await spawner.start()
    return caught.value


async def test_a_users_other_server_of_the_same_pod_name_is_not_touched(hubs: Hubs) -> None:
    first = hubs.spawner("ann", pod_name_template="jupyter-{username}")
    await first.start()
    second = named_server(hubs, "two", {}, pod_name_template="jupyter-{username}")
    error = await refused(second)
    assert error.reason == "name_taken"
    assert "taken by your default server: stop that first" in error.message
    assert await first.poll() is None
    await first.stop()
    await second.start()
    assert "taken by your server two" in (await refused(first)).message
    await second.stop()


async def test_a_users_old_name_does_not_open_their_home_to_who_gets_it(hubs: Hubs) -> None:
    session = orm.new_session_factory("sqlite:///:memory:")()
    users = {name: orm.User(name=name) for name in ("renamed", "old")}
    session.add_all(users.values())

    def server_of(name: str, state: dict[str, Any] | None = None) -> Any:
        made = hubs.spawner(name, state=state, **STORAGE)
        entry = orm.Spawner(name="", user=users[name], state=state)
        session.add(entry)
        session.commit()
        made.set_trait("orm_spawner", entry)
        return made

    before = hubs.spawner("old", **STORAGE)  # whom the hub's administrators call "renamed" today
    await before.start()
    await before.stop()
    renamed = server_of("renamed", before.get_state())
    renamed.clear_state()  # as JupyterHub does before each start
    await renamed.start()
    assert renamed.pvc_name == before.pvc_name

    newcomer = server_of("old")
    await newcomer.start()
    assert newcomer.pvc_name not in {renamed.pvc_name, ""}
    for spawner in (newcomer, renamed):
        await spawner.stop()
    await newcomer.delete_forever()
    await hubs.cluster.admin.get(PERSISTENT_VOLUME_CLAIMS, renamed.pvc_name, namespace=hubs.namespace)
    session.close()


async def test_a_hub_that_gets_namespaces_of_users_starts_the_servers_it_had_before(
    hubs: Hubs, caplog: pytest.LogCaptureFixture
) -> None:
    hubs.cluster.needs("ssa")
    before = hubs.spawner(**STORAGE)
    await before.start()
    await before.stop()
    own = {"isolation": "own", "hub_id": hubs.cluster.unique("hub"), "windlass_settings": HUB}
    after = hubs.spawner(state=before.get_state(), **own, **STORAGE)
    after.clear_state()
    await after.start()
    hubs.cluster.remove_later(NAMESPACES, after.namespace)
    assert after.namespace != before.namespace
    await hubs.cluster.admin.get(PERSISTENT_VOLUME_CLAIMS, after.pvc_name, namespace=after.namespace)
    await hubs.cluster.admin.get(PERSISTENT_VOLUME_CLAIMS, before.pvc_name, namespace=before.namespace)
    assert "has to be copied by hand" in caplog.text
    await after.stop()


async def test_a_server_of_ones_own_namespace_comes_with_account_and_without_token(hubs: Hubs) -> None:
    hubs.cluster.needs("ssa")
    hub_id = hubs.cluster.unique("hub")
    spawner = hubs.spawner("ann", isolation="own", hub_id=hub_id, windlass_settings=HUB)
    hubs.cluster.remove_later(NAMESPACES, spawner.namespace)
    await spawner.start()
    pod = await hubs.cluster.admin.get(PODS, spawner.pod_name, namespace=spawner.namespace)
    assert pod["spec"]["serviceAccountName"] == "windlass-user"
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert hub_id in pod["metadata"]["labels"]["component"]
    env = {each["name"]: each.get("value") for each in pod["spec"]["containers"][0]["env"]}
    assert env["WINDLASS_JOBS_NAMESPACE"] == spawner.namespace
    state = spawner.get_state()

    after_restart = hubs.spawner("ann", isolation="own", hub_id=hub_id, windlass_settings=HUB, state=state)
    assert await after_restart.poll() is None
    assert after_restart.jobs_namespace == spawner.namespace
    await after_restart.stop()
    await after_restart.delete_forever()

    async def going() -> bool:
        try:
            found = await hubs.cluster.admin.get(NAMESPACES, spawner.namespace)
        except NotFound:
            return True
        return bool(found["metadata"].get("deletionTimestamp"))

    await eventually(going, what="the namespace's end")


async def test_beside_keeps_the_server_where_it_was_and_makes_a_namespace_for_jobs(hubs: Hubs) -> None:
    hubs.cluster.needs("ssa")
    spawner = hubs.spawner("ann", isolation="beside", hub_id=hubs.cluster.unique("hub"), windlass_settings=HUB)
    await spawner.start()
    hubs.cluster.remove_later(NAMESPACES, spawner.jobs_namespace)
    assert spawner.jobs_namespace != spawner.namespace == hubs.namespace
    assert spawner.service_account is None
    await hubs.cluster.admin.get(NAMESPACES, spawner.jobs_namespace)
    await spawner.stop()


async def test_a_named_servers_volume_survives_a_new_server_of_its_old_name(hubs: Hubs) -> None:
    first = named_server(hubs, "a", {}, **STORAGE)
    await first.start()
    await first.stop()
    first.clear_state()
    kept = {"a": SimpleNamespace(state=first.get_state())}
    await first.rename("a", "b")
    servers = {"b": kept.pop("a")}

    renamed = named_server(hubs, "b", servers, servers["b"].state, **STORAGE)
    assert renamed.pvc_name == first.pvc_name
    newcomer = named_server(hubs, "a", servers, **STORAGE)
    await newcomer.start()
    assert newcomer.pvc_name != first.pvc_name
    with pytest.raises(Exception, match="still runs"):
        await newcomer.rename("a", "c")
    await newcomer.stop()
    await newcomer.delete_forever()
    await hubs.cluster.admin.get(PERSISTENT_VOLUME_CLAIMS, first.pvc_name, namespace=hubs.namespace)
