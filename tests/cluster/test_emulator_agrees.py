"""What the other tests rely on, asked of whichever server there is: a real one fails where the emulator is wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.cluster.cluster import Cluster, eventually

from windlass.kube.client import APPLY_PATCH, JSON_PATCH, STRATEGIC_PATCH
from windlass.kube.errors import Conflict, Forbidden, Invalid, NotFound
from windlass.kube.resources import (
    CONFIG_MAPS,
    EVENTS,
    LIMIT_RANGES,
    NAMESPACES,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    RESOURCE_QUOTAS,
    SECRETS,
    SERVICES,
    Resource,
)

pytestmark = pytest.mark.cluster
Object = dict[str, Any]


def config_map(name: str, labels: dict[str, str] | None = None, **data: str) -> Object:
    return {"metadata": {"name": name, "labels": labels or {}}, "data": data}


def pod(name: str, resources: Object | None = None, **spec: Any) -> Object:
    container = {"name": "main", "image": "example.invalid/none:1", "resources": resources or {}}
    return {"metadata": {"name": name}, "spec": {"containers": [container], **spec}}


@pytest.fixture
async def namespace(cluster: Cluster) -> str:
    if cluster.kubelet is not None:
        cluster.kubelet.behave("pending")
    return await cluster.namespace()


async def test_what_is_made_says_who_where_and_when(cluster: Cluster, namespace: str) -> None:
    body = {"metadata": {"generateName": "some-"}, "data": {"a": "1"}}
    made = await cluster.admin.create(CONFIG_MAPS, body, namespace=namespace)
    metadata = made["metadata"]
    assert metadata["name"].startswith("some-")
    assert len(metadata["name"]) == len("some-") + 5
    assert metadata["namespace"] == namespace
    assert {"uid", "resourceVersion", "creationTimestamp", "managedFields"} <= set(metadata)
    entry = metadata["managedFields"][0]
    assert (entry["manager"], entry["operation"], entry["fieldsType"]) == ("windlass", "Update", "FieldsV1")


async def test_a_dry_run_leaves_nothing(cluster: Cluster, namespace: str) -> None:
    await cluster.admin.create(CONFIG_MAPS, config_map("dry"), namespace=namespace, dry_run=True)
    with pytest.raises(NotFound):
        await cluster.admin.get(CONFIG_MAPS, "dry", namespace=namespace)


async def test_nothing_is_made_twice_or_nowhere(cluster: Cluster, namespace: str) -> None:
    await cluster.admin.create(CONFIG_MAPS, config_map("one"), namespace=namespace)
    with pytest.raises(Conflict) as twice:
        await cluster.admin.create(CONFIG_MAPS, config_map("one"), namespace=namespace)
    assert twice.value.already_exists
    assert str(twice.value) == 'configmaps "one" already exists'
    with pytest.raises(NotFound, match='namespaces "nowhere-at-all" not found'):
        await cluster.admin.create(CONFIG_MAPS, config_map("one"), namespace="nowhere-at-all")
    with pytest.raises(NotFound, match="404 Not Found"):
        await cluster.admin.list(Resource("none.example.com", "v1", "nothings", "Nothing", namespaced=False))


async def test_a_write_over_a_change_is_refused(cluster: Cluster, namespace: str) -> None:
    first = await cluster.admin.create(CONFIG_MAPS, config_map("one", a="1"), namespace=namespace)
    second = await cluster.admin.replace(CONFIG_MAPS, {**first, "data": {"a": "2"}}, namespace=namespace)
    assert int(second["metadata"]["resourceVersion"]) > int(first["metadata"]["resourceVersion"])
    with pytest.raises(Conflict, match="the object has been modified"):
        await cluster.admin.replace(CONFIG_MAPS, {**first, "data": {"a": "3"}}, namespace=namespace)
    again = await cluster.admin.replace(CONFIG_MAPS, second, namespace=namespace)
    assert again["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]


@pytest.mark.parametrize(
    ("content_type", "patch", "wanted"),
    [
        ("application/merge-patch+json", {"data": {"a": None, "b": "2"}}, {"b": "2"}),
        (STRATEGIC_PATCH, {"data": {"b": "2"}}, {"a": "1", "b": "2"}),
        (JSON_PATCH, [{"op": "replace", "path": "/data/a", "value": "9"}], {"a": "9"}),
        (JSON_PATCH, [{"op": "add", "path": "/data/x~1y", "value": "9"}], None),
        (JSON_PATCH, [{"op": "test", "path": "/data/a", "value": "no"}], None),
        (JSON_PATCH, [{"op": "remove", "path": "/data/none"}], None),
    ],
)
async def test_patches(cluster: Cluster, namespace: str, content_type: str, patch: Any, wanted: Object | None) -> None:
    await cluster.admin.create(CONFIG_MAPS, config_map("one", a="1"), namespace=namespace)
    doing = cluster.admin.patch(CONFIG_MAPS, "one", patch, namespace=namespace, content_type=content_type)
    if wanted is None:
        with pytest.raises(Invalid):
            await doing
    else:
        assert (await doing)["data"] == wanted


async def test_a_strategic_patch_knows_containers_by_name(cluster: Cluster, namespace: str) -> None:
    await cluster.create(PODS, pod("one"), namespace=namespace)
    patch = {"spec": {"containers": [{"name": "main", "image": "example.invalid/other:2"}]}}
    done = await cluster.admin.patch(PODS, "one", patch, namespace=namespace, content_type=STRATEGIC_PATCH)
    assert [c["image"] for c in done["spec"]["containers"]] == ["example.invalid/other:2"]
    with pytest.raises(Invalid, match="pod updates may not change fields other than"):
        await cluster.admin.patch(PODS, "one", {"spec": {"nodeSelector": {"a": "b"}}}, namespace=namespace)


async def test_apply_owns_gives_up_and_contests_fields(cluster: Cluster, namespace: str) -> None:
    cluster.needs("ssa")

    def mine(**data: str) -> Object:
        return {"metadata": {"name": "one", "namespace": namespace}, "data": data}

    await cluster.admin.apply(CONFIG_MAPS, mine(a="1", b="2"))
    await cluster.admin.patch(CONFIG_MAPS, "one", {"data": {"c": "3"}}, namespace=namespace)
    after = await cluster.admin.apply(CONFIG_MAPS, mine(a="1"))
    assert after["data"] == {"a": "1", "c": "3"}
    same = await cluster.admin.apply(CONFIG_MAPS, mine(a="1"))
    assert same["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]
    path = CONFIG_MAPS.path(namespace=namespace, name="one")
    other = {"apiVersion": "v1", "kind": "ConfigMap", **mine(a="other")}
    query = {"fieldManager": "other"}
    with pytest.raises(Conflict, match=r'conflict with "windlass".*\.data\.a'):
        await cluster.admin.raw("PATCH", path, query=query, body=other, content_type=APPLY_PATCH)
    query["force"] = "true"
    taken = await cluster.admin.raw("PATCH", path, query=query, body=other, content_type=APPLY_PATCH)
    assert taken["data"]["a"] == "other"
    with pytest.raises(Conflict):
        await cluster.admin.apply(CONFIG_MAPS, mine(a="1"), force=False)


def tcp(name: str, port: int) -> Object:
    """With its protocol: before 1.22 an apply without one is an error of the server's."""
    return {"name": name, "port": port, "protocol": "TCP"}


async def test_apply_merges_ports_by_their_keys(cluster: Cluster, namespace: str) -> None:
    cluster.needs("ssa")
    service = {
        "metadata": {"name": "one", "namespace": namespace},
        "spec": {"selector": {"a": "b"}, "ports": [tcp("x", 80), tcp("y", 81)]},
    }
    await cluster.admin.apply(SERVICES, service)
    service["spec"] = {"selector": {"a": "b"}, "ports": [{**tcp("x", 80), "targetPort": 8080}]}
    done = await cluster.admin.apply(SERVICES, service)
    assert [(port["port"], port["targetPort"]) for port in done["spec"]["ports"]] == [(80, 8080)]


async def test_lists_are_paged_and_selected(cluster: Cluster, namespace: str) -> None:
    for number in range(5):
        labels = {"odd": str(number % 2), "n": str(number)} if number else {}
        await cluster.admin.create(CONFIG_MAPS, config_map(f"m{number}", labels), namespace=namespace)

    async def names(limit: int = 500, **selectors: str) -> list[str]:
        items, _ = await cluster.admin.list(CONFIG_MAPS, namespace=namespace, limit=limit, **selectors)
        return [item["metadata"]["name"] for item in items if item["metadata"]["name"].startswith("m")]

    assert await names(limit=2) == ["m0", "m1", "m2", "m3", "m4"]
    assert await names(label_selector="odd=1") == ["m1", "m3"]
    assert await names(label_selector="odd!=1") == ["m0", "m2", "m4"]
    assert await names(label_selector="n in (1, 2),odd=0") == ["m2"]
    assert await names(label_selector="n notin (1,2)") == ["m0", "m3", "m4"]
    assert await names(label_selector="odd") == ["m1", "m2", "m3", "m4"]
    assert await names(label_selector="!odd") == ["m0"]
    assert await names(field_selector="metadata.name=m3") == ["m3"]
    for bad in ({"label_selector": "a b"}, {"field_selector": "data.x=1"}):
        with pytest.raises(Invalid):
            await names(**bad)


async def test_a_page_that_never_was_is_refused(cluster: Cluster, namespace: str) -> None:
    query = {"limit": "1", "continue": "nonsense"}
    with pytest.raises(Invalid):
        await cluster.admin.raw("GET", CONFIG_MAPS.path(namespace=namespace), query=query)


async def events_after(cluster: Cluster, namespace: str, version: str, **more: Any) -> list[tuple[str, str]]:
    seen = []
    watch = cluster.admin.watch(CONFIG_MAPS, namespace=namespace, resource_version=version, timeout_seconds=1, **more)
    async for kind, changed in watch:
        if kind != "BOOKMARK":
            seen.append((kind, changed["metadata"]["name"]))
    return seen


async def test_a_watch_tells_what_happened_since(cluster: Cluster, namespace: str) -> None:
    _, version = await cluster.admin.list(CONFIG_MAPS, namespace=namespace)
    await cluster.admin.create(CONFIG_MAPS, config_map("one", {"a": "1"}), namespace=namespace)
    await cluster.admin.patch(CONFIG_MAPS, "one", {"metadata": {"labels": {"a": "2"}}}, namespace=namespace)
    await cluster.admin.delete(CONFIG_MAPS, "one", namespace=namespace)
    all_of_it = [("ADDED", "one"), ("MODIFIED", "one"), ("DELETED", "one")]
    labelled = events_after(cluster, namespace, version, label_selector="a=1")
    found, selected = await asyncio.gather(events_after(cluster, namespace, version), labelled)
    assert [event for event in found if event[1] == "one"] == all_of_it
    assert selected == [("ADDED", "one"), ("DELETED", "one")]


@pytest.mark.parametrize(
    ("resource", "body", "says"),
    [
        (CONFIG_MAPS, config_map("Not_A_Name"), "must consist of lower case alphanumeric characters"),
        (CONFIG_MAPS, config_map("a", {"x": "y" * 64}), "must be no more than 63 characters"),
        (CONFIG_MAPS, config_map("a", {"x": "no spaces"}), "a valid label"),
        (CONFIG_MAPS, config_map("a", **{"no/slash": "x"}), "a valid config key must consist of"),
        (CONFIG_MAPS, {"metadata": {}}, "name or generateName is required"),
        (NAMESPACES, {"metadata": {"name": "dotted.name"}}, "RFC 1123 label|DNS-1123 label"),
        (PODS, {"metadata": {"name": "a"}, "spec": {"containers": []}}, "spec.containers: Required value"),
        (PODS, pod("a", {"requests": {"nvidia.com/gpu": "1"}}), "Limit must be set for non overcommitable resources"),
        (PODS, pod("a", {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}), "must be less than or equal to cpu limit"),
    ],
)
async def test_what_cannot_be_is_refused(
    cluster: Cluster, namespace: str, resource: Resource, body: Object, says: str
) -> None:
    with pytest.raises(Invalid, match=says) as refusal:
        await cluster.admin.create(resource, body, namespace=namespace if resource.namespaced else None)
    assert refusal.value.status == 422
    assert refusal.value.details["causes"]


async def test_a_pod_needs_its_account(cluster: Cluster, namespace: str) -> None:
    if cluster.emulator is None and "pod-security" not in cluster.features:
        pytest.skip("A control plane of the tests before 1.24 runs without the ServiceAccount plugin.")
    with pytest.raises(Forbidden, match="error looking up service account"):
        await cluster.admin.create(PODS, pod("one", serviceAccountName="nobody"), namespace=namespace)


async def test_a_quota_is_kept(cluster: Cluster, namespace: str) -> None:
    cluster.needs("resource-quota")
    hard = {"requests.nvidia.com/gpu": "1", "requests.cpu": "1", "count/configmaps": "50"}
    quota = {"metadata": {"name": "q"}, "spec": {"hard": hard}}
    await cluster.admin.create(RESOURCE_QUOTAS, quota, namespace=namespace)

    async def counted() -> bool:
        found = await cluster.admin.get(RESOURCE_QUOTAS, "q", namespace=namespace)
        return "requests.cpu" in (found.get("status", {}).get("used") or {})

    await eventually(counted)
    gpu = {"limits": {"nvidia.com/gpu": "1", "cpu": "500m"}}
    await cluster.create(PODS, pod("one", gpu), namespace=namespace)
    over = (
        "exceeded quota: q, requested: requests.nvidia.com/gpu=1, used: requests.nvidia.com/gpu=1, "
        "limited: requests.nvidia.com/gpu=1"
    )
    with pytest.raises(Forbidden) as refusal:
        await cluster.admin.create(PODS, pod("two", gpu), namespace=namespace)
    assert str(refusal.value) == f'pods "two" is forbidden: {over}'
    with pytest.raises(Forbidden, match=r"failed quota: q: must specify requests\.cpu"):
        await cluster.admin.create(PODS, pod("three"), namespace=namespace)


async def test_a_limit_range_fills_in(cluster: Cluster, namespace: str) -> None:
    limits = [
        {
            "type": "Container",
            "default": {"cpu": "500m"},
            "defaultRequest": {"cpu": "250m", "memory": "64Mi"},
            "max": {"cpu": "1"},
        }
    ]
    limit_range = {"metadata": {"name": "l"}, "spec": {"limits": limits}}
    await cluster.admin.create(LIMIT_RANGES, limit_range, namespace=namespace)

    async def filled() -> bool:
        # The real server reads limits from a cache of its own.
        made = await cluster.admin.create(PODS, pod("one"), namespace=namespace, dry_run=True)
        wanted = {"limits": {"cpu": "500m"}, "requests": {"cpu": "250m", "memory": "64Mi"}}
        return made["spec"]["containers"][0]["resources"] == wanted

    await eventually(filled)
    with pytest.raises(Forbidden, match="maximum cpu usage per Container is 1, but limit is 2"):
        await cluster.admin.create(PODS, pod("two", {"limits": {"cpu": "2"}}), namespace=namespace)


async def test_an_object_waits_for_its_finalizers(cluster: Cluster, namespace: str) -> None:
    body = config_map("one")
    body["metadata"]["finalizers"] = ["example.com/wait"]
    await cluster.admin.create(CONFIG_MAPS, body, namespace=namespace)
    marked = await cluster.admin.delete(CONFIG_MAPS, "one", namespace=namespace)
    assert marked["metadata"]["deletionTimestamp"]
    await cluster.admin.patch(CONFIG_MAPS, "one", {"metadata": {"finalizers": None}}, namespace=namespace)
    with pytest.raises(NotFound):
        await cluster.admin.get(CONFIG_MAPS, "one", namespace=namespace)


async def test_a_deletion_may_have_conditions(cluster: Cluster, namespace: str) -> None:
    made = await cluster.admin.create(CONFIG_MAPS, config_map("one"), namespace=namespace)
    with pytest.raises(Conflict, match=r"(?i)the UID in the precondition|Precondition failed"):
        await cluster.admin.delete(CONFIG_MAPS, "one", namespace=namespace, preconditions={"uid": "another"})
    uid = made["metadata"]["uid"]
    await cluster.admin.delete(CONFIG_MAPS, "one", namespace=namespace, preconditions={"uid": uid})


async def test_what_an_owner_leaves_behind_goes(cluster: Cluster, namespace: str) -> None:
    cluster.needs("gc")
    owner = await cluster.admin.create(CONFIG_MAPS, config_map("owner"), namespace=namespace)
    body = config_map("owned")
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    body["metadata"]["ownerReferences"] = [reference]
    await cluster.admin.create(CONFIG_MAPS, body, namespace=namespace)
    await cluster.admin.delete(CONFIG_MAPS, "owner", namespace=namespace, propagation="Background")

    async def gone() -> bool:
        items, _ = await cluster.admin.list(CONFIG_MAPS, namespace=namespace, field_selector="metadata.name=owned")
        return not items

    await eventually(gone, seconds=60)


async def test_a_namespace_goes_with_what_is_in_it(cluster: Cluster) -> None:
    cluster.needs("namespace-controller")
    name = await cluster.namespace()
    body = config_map("held")
    body["metadata"]["finalizers"] = ["example.com/wait"]
    await cluster.admin.create(CONFIG_MAPS, body, namespace=name)
    await cluster.admin.delete(NAMESPACES, name)
    assert (await cluster.admin.get(NAMESPACES, name))["status"]["phase"] == "Terminating"
    with pytest.raises(Forbidden, match="because it is being terminated"):
        await cluster.admin.create(CONFIG_MAPS, config_map("late"), namespace=name)
    await cluster.admin.patch(CONFIG_MAPS, "held", {"metadata": {"finalizers": None}}, namespace=name)

    async def gone() -> bool:
        try:
            await cluster.admin.get(NAMESPACES, name)
        except NotFound:
            return True
        return False

    await eventually(gone, seconds=60)


async def test_events_may_lack_their_times(cluster: Cluster, namespace: str) -> None:
    """Which crashes who sorts by them."""
    reference = {"kind": "Pod", "name": "one", "namespace": namespace}
    body = {"metadata": {"name": "e"}, "involvedObject": reference, "reason": "R", "type": "Warning", "message": "m"}
    await cluster.admin.create(EVENTS, body, namespace=namespace)
    selector = "involvedObject.kind=Pod,involvedObject.name=one,type=Warning"
    items, _ = await cluster.admin.list(EVENTS, namespace=namespace, field_selector=selector)
    assert [item.get("lastTimestamp") for item in items] == [None]


async def test_secrets_are_written_plain_and_read_coded(cluster: Cluster, namespace: str) -> None:
    body = {"metadata": {"name": "s"}, "stringData": {"key": "value"}}
    made = await cluster.admin.create(SECRETS, body, namespace=namespace)
    assert (made["type"], made["data"]) == ("Opaque", {"key": "dmFsdWU="})
    assert "stringData" not in made


async def test_a_claim_is_kept_while_a_pod_uses_it(cluster: Cluster, namespace: str) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"metadata": {"name": "c"}, "spec": spec}
    made = await cluster.create(PERSISTENT_VOLUME_CLAIMS, claim, namespace=namespace)
    assert "kubernetes.io/pvc-protection" in made["metadata"]["finalizers"]


async def test_the_status_is_written_by_itself(cluster: Cluster, namespace: str) -> None:
    await cluster.create(PODS, pod("one"), namespace=namespace)
    await cluster.admin.patch(PODS, "one", {"status": {"message": "no"}}, namespace=namespace)
    assert "message" not in (await cluster.admin.get(PODS, "one", namespace=namespace))["status"]
    patch = {"status": {"message": "yes"}, "metadata": {"labels": {"a": "b"}}}
    await cluster.admin.patch(PODS, "one", patch, namespace=namespace, subresource="status")
    assert (await cluster.admin.get(PODS, "one", namespace=namespace))["status"]["message"] == "yes"
