"""The catalogue in a ConfigMap, against an API server over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.cluster.cluster import Cluster

from windlass.kube.resources import CONFIG_MAPS, ROLE_BINDINGS, ROLES
from windlass_hub.profiles.configmap_store import DOCUMENT, HISTORY, LARGEST_BYTES, ConfigMapStore
from windlass_hub.profiles.factory import open_store
from windlass_hub.profiles.history import BY_HAND, FOUND
from windlass_hub.profiles.model import Catalogue, load_catalogue
from windlass_hub.profiles.store import NOTHING, Missing, ReadOnly, SaveConflict, Shelf, StoreError, Unreadable

pytestmark = pytest.mark.cluster

NAME = "windlass-profiles"
ONE = "# ours\nversion: 1\nprofiles:\n- {slug: cpu, display_name: CPU, cpu: '2', memory: 4G}\n"


def catalogue(**changes: Any) -> Catalogue:
    return load_catalogue(
        {"profiles": [{"slug": "cpu", "display_name": "CPU only", "cpu": "2", "memory": "4G", **changes}]}
    )


async def given(cluster: Cluster, *, text: str = ONE, **metadata: Any) -> ConfigMapStore:
    namespace = await cluster.namespace()
    body = {"metadata": {"name": NAME, **metadata}, "data": {DOCUMENT: text, "other": "stays"}}
    await cluster.admin.create(CONFIG_MAPS, body, namespace=namespace)
    return store_in(cluster, namespace)


def store_in(cluster: Cluster, namespace: str, *, keep_versions: int = 5) -> ConfigMapStore:
    store = open_store(f"configmap:{namespace}/{NAME}", keep_versions=keep_versions, client=cluster.admin)
    assert isinstance(store, ConfigMapStore)
    return store


async def by_hand(cluster: Cluster, store: ConfigMapStore, patch: dict[str, Any]) -> None:
    await cluster.admin.patch(CONFIG_MAPS, NAME, patch, namespace=store.namespace)


async def test_what_was_saved_is_read_back_with_who_and_note_and_the_rest_stays(cluster: Cluster) -> None:
    store = await given(cluster)
    before = await store.load()
    saved = await store.save(catalogue(cpu="4"), revision=before.revision, by="ada", note="more cores")
    assert (saved.catalogue, saved.owner) == (catalogue(cpu="4"), None)
    kept = await cluster.admin.get(CONFIG_MAPS, NAME, namespace=store.namespace)
    assert set(kept["data"]) == {DOCUMENT, HISTORY, "other"}
    assert load_catalogue(kept["data"][DOCUMENT]) == catalogue(cpu="4")
    versions = await store_in(cluster, store.namespace).history()
    assert [(v.number, v.saved_by, v.note) for v in versions] == [(2, "ada", "more cores"), (1, "", FOUND)]
    assert versions[1].text == ONE


async def test_an_edit_with_kubectl_holds_and_is_a_version_of_its_own(cluster: Cluster) -> None:
    store = await given(cluster)
    saved = await store.save(catalogue(), revision=(await store.load()).revision, by="ada")
    edited = saved.text.replace("CPU only", "By hand")
    await by_hand(cluster, store, {"data": {DOCUMENT: edited}})
    now = await store.load()
    assert now.catalogue.profiles[0].display_name == "By hand"
    with pytest.raises(SaveConflict) as caught:
        await store.save(catalogue(cpu="8"), revision=saved.revision, by="bob")
    assert caught.value.current == now
    await store.save(catalogue(cpu="8"), revision=now.revision, by="bob")
    assert [v.note for v in await store.history()] == ["", BY_HAND, "", FOUND]


async def test_of_many_savers_at_once_exactly_one_wins(cluster: Cluster) -> None:
    store = await given(cluster)
    revision = (await store.load()).revision
    stores = [store_in(cluster, store.namespace) for _ in range(6)]
    saves = [each.save(catalogue(cpu=str(i + 10)), revision=revision, by=f"s{i}") for i, each in enumerate(stores)]
    found = await asyncio.gather(*saves, return_exceptions=True)
    assert sum(isinstance(each, SaveConflict) for each in found) == 5
    (winner,) = (each for each in found if not isinstance(each, BaseException))
    assert await store.load() == winner


async def test_a_label_that_changes_in_between_is_no_conflict(cluster: Cluster) -> None:
    store = await given(cluster)
    before = await store.load()
    await by_hand(cluster, store, {"metadata": {"labels": {"team": "platform"}}})
    await store.save(catalogue(), revision=before.revision, by="ada")
    kept = await cluster.admin.get(CONFIG_MAPS, NAME, namespace=store.namespace)
    assert kept["metadata"]["labels"] == {"team": "platform"}


@pytest.mark.emulator
async def test_a_write_that_comes_in_between_read_and_write_is_seen(cluster: Cluster) -> None:
    store = await given(cluster)
    before = await store.load()
    cluster.faults.fail("PUT", "configmaps", 409, "the object has been modified", times=1)
    saved = await store.save(catalogue(cpu="4"), revision=before.revision, by="ada")
    assert saved.catalogue.profiles[0].cpu == "4"
    cluster.faults.fail("PUT", "configmaps", 409, "the object has been modified", times=99)
    with pytest.raises(StoreError, match="changes faster than it can be saved"):
        await store.save(catalogue(cpu="8"), revision=saved.revision, by="ada")


@pytest.mark.parametrize(
    ("metadata", "owner"),
    [
        ({"labels": {"app.kubernetes.io/managed-by": "Helm"}}, "Helm"),
        ({"annotations": {"meta.helm.sh/release-name": "hub"}}, "Helm (hub)"),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "hub:/ConfigMap:x/y"}}, "Argo CD (hub)"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}, "Flux (apps)"),
        ({"labels": {"helm.toolkit.fluxcd.io/name": "hub"}}, "Flux (Helm) (hub)"),
        ({"annotations": {"windlass.io/read-only": "true"}}, "an administrator (annotation windlass.io/read-only)"),
    ],
)
async def test_what_another_tool_owns_is_read_and_never_written(
    cluster: Cluster, metadata: dict[str, Any], owner: str
) -> None:
    store = await given(cluster, **metadata)
    before = await store.load()
    assert before.owner == owner
    with pytest.raises(ReadOnly, match=r"is kept by .*: change the profiles there"):
        await store.save(catalogue(), revision=before.revision, by="ada")
    assert await store.load() == before
    assert [v.note for v in await store.history()] == [FOUND]


async def test_an_admin_opens_what_a_tool_made_once(cluster: Cluster) -> None:
    annotations = {"meta.helm.sh/release-name": "hub", "windlass.io/read-only": "false"}
    store = await given(cluster, labels={"app.kubernetes.io/managed-by": "Helm"}, annotations=annotations)
    assert (await store.load()).owner is None


async def test_a_missing_configmap_says_how_to_make_one_and_a_save_makes_it(cluster: Cluster) -> None:
    store = store_in(cluster, await cluster.namespace())
    for ask in (store.load, store.history):
        with pytest.raises(Missing, match=r"apply one with the key profiles\.yaml"):
            await ask()
    made = await store.save(catalogue(), revision=NOTHING, by="ada")
    assert (await store.load()) == made
    assert made.owner is None, "what we made is ours to write again"
    with pytest.raises(SaveConflict):
        await store.save(catalogue(cpu="8"), revision=NOTHING, by="bob")


async def test_what_does_not_read_is_told_and_can_be_mended(cluster: Cluster) -> None:
    store = await given(cluster, text="profiles: [")
    with pytest.raises(Unreadable) as caught:
        await store.load()
    await store.save(catalogue(), revision=caught.value.revision, by="ada")
    assert (await store.load()).catalogue == catalogue()


async def test_the_oldest_versions_go_until_all_fits_and_what_cannot_fit_is_refused(cluster: Cluster) -> None:
    store = store_in(cluster, (await given(cluster)).namespace, keep_versions=50)
    for turn in range(8):
        many = [
            {"slug": f"p{i}", "display_name": f"{turn}", "cpu": "1", "memory": "1G", "description": "x" * 1900}
            for i in range(100)
        ]
        revision = (await store.load()).revision
        await store.save(load_catalogue({"profiles": many}), revision=revision, by="ada", note=str(turn))
    kept = await cluster.admin.get(CONFIG_MAPS, NAME, namespace=store.namespace)
    assert sum(len(value.encode()) for value in kept["data"].values()) <= LARGEST_BYTES
    notes = [version.note for version in await store.history()]
    assert notes == [str(turn) for turn in range(7, 7 - len(notes), -1)]
    assert 2 <= len(notes) < 8
    huge = [{**many[0], "slug": f"p{i}"} for i in range(300)]
    with pytest.raises(StoreError, match="too large for a ConfigMap"):
        await store.save(load_catalogue({"profiles": huge}), revision=(await store.load()).revision, by="ada")
    assert len((await store.load()).catalogue.profiles) == 100


async def test_an_account_without_rights_is_told_which_to_grant(cluster: Cluster) -> None:
    mine = await given(cluster)
    client = await cluster.account(mine.namespace, "reader")
    store = ConfigMapStore(client, namespace=mine.namespace, name=NAME, keep_versions=5)
    with pytest.raises(StoreError, match="may not be read: grant get on it to the account that asked"):
        await store.load()
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [NAME], "verbs": ["get"]}]
    await cluster.create(ROLES, {"metadata": {"name": "r"}, "rules": rules}, namespace=mine.namespace)
    binding = {
        "metadata": {"name": "r"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
        "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": mine.namespace}],
    }
    await cluster.create(ROLE_BINDINGS, binding, namespace=mine.namespace)
    before = await store.load()
    with pytest.raises(StoreError, match="may not be saved: grant update on it"):
        await store.save(catalogue(), revision=before.revision, by="ada")


@pytest.mark.emulator
async def test_while_the_api_is_away_the_last_good_copy_holds(cluster: Cluster) -> None:
    shelf = Shelf(await given(cluster))
    good = await shelf.read()
    with cluster.faults.outage():
        assert await shelf.read() is good
        assert "could not be read" in (shelf.problem or "")
        with pytest.raises(StoreError, match=r"ConfigMap .* could not be read"):
            await Shelf(shelf.store).read()
    assert await shelf.read() == good
    assert shelf.problem is None
