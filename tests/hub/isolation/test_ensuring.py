"""A user's namespace, made and kept by a hub that has the generated rights and no others."""

from __future__ import annotations

import asyncio
import logging
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.cluster import Cluster, eventually
from tests.hub.isolation.hub_side import ADA, CATALOGUE, HubSide, found, hub_side, may

from windlass.kube.errors import Forbidden, NotFound
from windlass.kube.resources import (
    CONFIG_MAPS,
    LIMIT_RANGES,
    NAMESPACES,
    NETWORK_POLICIES,
    PODS,
    RESOURCE_QUOTAS,
    ROLE_BINDINGS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    Resource,
)
from windlass_hub.access import HUB_LABEL, USERNAME_ANNOTATION
from windlass_hub.isolation.ensuring import Isolation, IsolationError
from windlass_hub.profiles.access import Person
from windlass_hub.profiles.model import load_catalogue

pytestmark = pytest.mark.cluster


def pod(name: str, **resources: dict[str, str]) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "main", "image": "example/image:1"}
    if resources:
        container["resources"] = resources
    return {"metadata": {"name": name}, "spec": {"containers": [container]}}


async def test_first_start_makes_everything_a_user_needs_and_closes_the_rest(cluster: Cluster) -> None:
    hub = await hub_side(cluster, isolation="own")
    made = await hub.ensure()
    admin = cluster.admin
    namespace = await admin.get(NAMESPACES, made.name)
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "baseline"
    assert namespace["metadata"]["annotations"][USERNAME_ANNOTATION] == "ada"
    for account in ("default", "windlass-user"):
        there = await admin.get(SERVICE_ACCOUNTS, account, namespace=made.name)
        assert there["automountServiceAccountToken"] is False
    closed = (await admin.get(NETWORK_POLICIES, "windlass-default", namespace=made.name))["spec"]
    assert closed["podSelector"] == {}
    assert set(closed["policyTypes"]) == {"Ingress", "Egress"}
    quota = (await admin.get(RESOURCE_QUOTAS, "windlass", namespace=made.name))["spec"]["hard"]
    assert quota["requests.nvidia.com/gpu"] == "1"
    assert (await admin.get(SECRETS, made.secret_name, namespace=made.name)).get("data", {}) == {}
    bindings, _ = await admin.list(ROLE_BINDINGS, namespace=made.name)
    roles = {"windlass-user", "windlass-hub-namespace", "windlass-hub-notebooks", "windlass-service-namespace"}
    assert {item["roleRef"]["name"] for item in bindings} == roles


async def test_jobs_beside_give_the_hub_no_notebook_rights_there(cluster: Cluster) -> None:
    hub = await hub_side(cluster, isolation="beside")
    made = await hub.ensure()
    assert await found(cluster.admin, ROLE_BINDINGS, "windlass-hub-notebooks", made.name) is None
    assert await found(cluster.admin, NETWORK_POLICIES, "windlass-notebooks", made.name) is None
    assert not await may(hub.client, "create", "pods", namespace=made.name)


async def test_what_is_no_longer_wanted_of_ours_goes_and_what_others_put_there_stays(cluster: Cluster) -> None:
    hub = await hub_side(cluster, isolation="own")
    made = await hub.ensure()
    others = {"metadata": {"name": "by-the-admin"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}
    await cluster.admin.create(NETWORK_POLICIES, others, namespace=made.name)
    await hub.ensure(isolation="beside")
    left, _ = await cluster.admin.list(NETWORK_POLICIES, namespace=made.name)
    names = {item["metadata"]["name"] for item in left}
    assert "by-the-admin" in names
    assert "windlass-notebooks" not in names


@pytest.mark.emulator
async def test_nothing_changed_costs_seven_requests_and_no_write(cluster: Cluster) -> None:
    hub = await hub_side(cluster)
    isolation = hub.isolation()
    await isolation.ensure(ADA, catalogue=CATALOGUE)
    assert cluster.emulator is not None
    before = len(cluster.emulator.requests)
    await isolation.ensure(ADA, catalogue=CATALOGUE)
    asked = [request[0] for request in cluster.emulator.requests[before:] if "hub" in request[2]]
    assert asked == ["GET"] * 7


async def test_nothing_changed_writes_nothing(cluster: Cluster) -> None:
    hub = await hub_side(cluster)
    made = await hub.ensure()
    versions = await _versions(cluster, made.name)
    await hub.ensure()
    assert await _versions(cluster, made.name) == versions


async def _versions(cluster: Cluster, namespace: str) -> dict[str, str]:
    kinds = (SERVICE_ACCOUNTS, ROLE_BINDINGS, NETWORK_POLICIES, LIMIT_RANGES, SECRETS)
    items = [item for kind in kinds for item in (await cluster.admin.list(kind, namespace=namespace))[0]]
    # The token controller of old clusters writes into accounts and adds Secrets by itself.
    ours = [
        i for i in items if i["kind"] != "ServiceAccount" and i.get("type") != "kubernetes.io/service-account-token"
    ]
    return {f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["resourceVersion"] for item in ours}


DRIFT: dict[str, tuple[Resource, str, dict[str, Any] | None]] = {
    "binding deleted": (ROLE_BINDINGS, "windlass-user", None),
    "the hub's own binding deleted": (ROLE_BINDINGS, "windlass-hub-namespace", None),
    "account deleted": (SERVICE_ACCOUNTS, "windlass-user", None),
    "policy deleted": (NETWORK_POLICIES, "windlass-default", None),
    "quota deleted": (RESOURCE_QUOTAS, "windlass", None),
    "limits deleted": (LIMIT_RANGES, "windlass", None),
    "secret deleted": (SECRETS, "windlass-credentials", None),
    "binding widened": (
        ROLE_BINDINGS,
        "windlass-user",
        {"subjects": [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:authenticated"}]},
    ),
    "binding without labels": (ROLE_BINDINGS, "windlass-user", {"metadata": {"labels": None}}),
    "token mounted": (SERVICE_ACCOUNTS, "windlass-user", {"automountServiceAccountToken": True}),
    "default account's token mounted": (SERVICE_ACCOUNTS, "default", {"automountServiceAccountToken": None}),
    "policy opened": (NETWORK_POLICIES, "windlass-default", {"spec": {"egress": [{}]}}),
    "policy pointed away": (
        NETWORK_POLICIES,
        "windlass-default",
        {"spec": {"podSelector": {"matchLabels": {"no": "pod"}}}},
    ),
    "quota raised": (RESOURCE_QUOTAS, "windlass", {"spec": {"hard": {"requests.nvidia.com/gpu": "64"}}}),
    "quota with a key more": (RESOURCE_QUOTAS, "windlass", {"spec": {"hard": {"secrets": "0"}}}),
    "limits changed": (LIMIT_RANGES, "windlass", {"spec": {"limits": []}}),
    "secret with a key more": (SECRETS, "windlass-credentials", {"data": {"PLANTED": "eA=="}}),
}


@pytest.mark.parametrize("what", DRIFT)
async def test_what_was_changed_is_repaired_at_the_next_start(cluster: Cluster, what: str) -> None:
    hub = await hub_side(cluster)
    made = await hub.ensure()
    resource, name, change = DRIFT[what]
    before = await cluster.admin.get(resource, name, namespace=made.name)
    if change is None:
        await cluster.admin.delete(resource, name, namespace=made.name)
    else:
        await cluster.admin.patch(resource, name, change, namespace=made.name)
    await hub.ensure()
    after = await cluster.admin.get(resource, name, namespace=made.name)
    for part in ("spec", "data", "subjects", "roleRef", "automountServiceAccountToken"):
        assert after.get(part) == before.get(part), part
    assert after["metadata"]["labels"] == before["metadata"]["labels"]


async def test_a_binding_that_points_to_another_role_is_made_anew(cluster: Cluster) -> None:
    hub = await hub_side(cluster)
    made = await hub.ensure()
    admin = cluster.admin
    binding = await admin.get(ROLE_BINDINGS, "windlass-user", namespace=made.name)
    await admin.delete(ROLE_BINDINGS, "windlass-user", namespace=made.name)
    widened = {
        "metadata": {"name": "windlass-user", "labels": binding["metadata"]["labels"]},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": binding["subjects"],
    }
    await admin.create(ROLE_BINDINGS, widened, namespace=made.name)
    await hub.ensure()
    repaired = await admin.get(ROLE_BINDINGS, "windlass-user", namespace=made.name)
    assert repaired["roleRef"]["name"] == "windlass-user"


async def test_lowered_labels_and_raised_allowances_are_put_back(cluster: Cluster) -> None:
    hub = await hub_side(cluster)
    made = await hub.ensure()
    lowered = {
        "labels": {"pod-security.kubernetes.io/enforce": "privileged", "team": "vision"},
        "annotations": {"windlass.io/allowed-tolerations": "*"},
    }
    await cluster.admin.patch(NAMESPACES, made.name, {"metadata": lowered})
    await hub.ensure()
    metadata = (await cluster.admin.get(NAMESPACES, made.name))["metadata"]
    assert metadata["labels"]["pod-security.kubernetes.io/enforce"] == "baseline"
    assert metadata["labels"]["team"] == "vision"
    assert "*" not in metadata["annotations"]["windlass.io/allowed-tolerations"]


@pytest.mark.parametrize(
    ("labels", "annotations", "why"),
    [
        ({}, {}, "not made by Windlass"),
        (
            {"app.kubernetes.io/managed-by": "windlass", HUB_LABEL: "elsewhere"},
            {USERNAME_ANNOTATION: "ada"},
            "elsewhere",
        ),
        ({"app.kubernetes.io/managed-by": "windlass", HUB_LABEL: None}, {USERNAME_ANNOTATION: "a.d.a"}, "another user"),
    ],
)
async def test_a_namespace_that_is_not_ours_is_refused_and_left_alone(
    cluster: Cluster, labels: dict[str, str | None], annotations: dict[str, str], why: str
) -> None:
    hub = await hub_side(cluster)
    theirs = {key: value or hub.settings.hub_id for key, value in labels.items()}
    body = {"metadata": {"name": hub.name_of("ada"), "labels": theirs, "annotations": annotations}}
    before = await cluster.create(NAMESPACES, body)
    with pytest.raises(IsolationError, match=why) as refusal:
        await hub.isolation().ensure(ADA, catalogue=CATALOGUE)
    assert refusal.value.reason == "namespace-foreign"
    assert await hub.isolation().remove("ada") == []
    after = await cluster.admin.get(NAMESPACES, hub.name_of("ada"))
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["metadata"].get("labels", {}) == before["metadata"].get("labels", {})
    assert await found(cluster.admin, RESOURCE_QUOTAS, "windlass", hub.name_of("ada")) is None


async def test_starts_at_once_do_not_disturb_each_other(cluster: Cluster) -> None:
    hub = await hub_side(cluster)
    first, second = hub.isolation(), hub.isolation()
    made = await asyncio.gather(*(one.ensure(ADA, catalogue=CATALOGUE) for one in (first, first, second, second)))
    assert len({one.name for one in made}) == 1
    cluster.remove_later(NAMESPACES, made[0].name)
    bindings, _ = await cluster.admin.list(ROLE_BINDINGS, namespace=made[0].name)
    assert len(bindings) == 3


async def test_removal_takes_the_users_namespace_and_no_other(cluster: Cluster) -> None:
    cluster.needs("namespace-controller")
    hub = await hub_side(cluster)
    mine, other = await hub.ensure(), await hub.ensure(Person(name="bob"))
    assert await hub.isolation().remove("ada") == [mine.name]

    async def gone() -> bool:
        return await found(cluster.admin, NAMESPACES, mine.name) is None

    await eventually(gone, seconds=40, what=f"the end of {mine.name}")
    assert (await cluster.admin.get(NAMESPACES, other.name))["status"]["phase"] == "Active"
    assert await hub.isolation().remove("ada") == []
    again = await hub.ensure()
    assert again == mine


async def test_a_start_waits_for_a_namespace_that_is_being_deleted(cluster: Cluster) -> None:
    cluster.needs("namespace-controller")
    hub = await hub_side(cluster)
    made = await hub.ensure()
    kept = {"metadata": {"name": "kept", "finalizers": ["windlass.io/test"]}}
    await cluster.admin.create(CONFIG_MAPS, kept, namespace=made.name)
    uid = (await cluster.admin.get(NAMESPACES, made.name))["metadata"]["uid"]
    await hub.isolation().remove("ada")
    with pytest.raises(IsolationError, match="still being deleted") as refusal:
        await hub.isolation(patience_seconds=0.3).ensure(ADA, catalogue=CATALOGUE)
    assert refusal.value.reason == "namespace-terminating"
    waiting = asyncio.create_task(hub.isolation(patience_seconds=60).ensure(ADA, catalogue=CATALOGUE))
    await cluster.admin.patch(CONFIG_MAPS, "kept", {"metadata": {"finalizers": None}}, namespace=made.name)
    assert (await waiting).name == made.name
    assert (await cluster.admin.get(NAMESPACES, made.name))["metadata"]["uid"] != uid


async def test_quota_holds_for_what_operators_make_and_lets_pods_without_requests_in(cluster: Cluster) -> None:
    hub = await hub_side(cluster)
    made = await hub.ensure()
    admin = cluster.admin

    async def counted() -> bool:
        quota = await admin.get(RESOURCE_QUOTAS, "windlass", namespace=made.name)
        return "requests.nvidia.com/gpu" in quota.get("status", {}).get("hard", {})

    if "resource-quota" in cluster.features:
        await eventually(counted, what="the quota's status")
    plain = await admin.create(PODS, pod("plain"), namespace=made.name)
    assert plain["spec"]["containers"][0]["resources"]["limits"]["memory"] == "2Gi"
    await admin.create(PODS, pod("one", limits={"nvidia.com/gpu": "1"}), namespace=made.name)
    with pytest.raises(Forbidden, match=r"exceeded quota: windlass.*nvidia\.com/gpu"):
        await admin.create(PODS, pod("two", limits={"nvidia.com/gpu": "1"}), namespace=made.name)
    balancer = {"metadata": {"name": "open"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}
    if cluster.emulator is None:
        with pytest.raises(Forbidden, match="exceeded quota"):
            await admin.create(SERVICES, balancer, namespace=made.name)


async def test_groups_change_the_quota_at_the_next_start(cluster: Cluster) -> None:
    hub = await hub_side(cluster)
    made = await hub.ensure()
    await hub.ensure(Person(name="ada", groups=frozenset({"big"})))
    quota = await cluster.admin.get(RESOURCE_QUOTAS, "windlass", namespace=made.name)
    assert quota["spec"]["hard"]["requests.nvidia.com/gpu"] == "8"
    await hub.ensure(ADA, load_catalogue({"quotas": {}}))
    quota = await cluster.admin.get(RESOURCE_QUOTAS, "windlass", namespace=made.name)
    assert "requests.nvidia.com/gpu" not in quota["spec"]["hard"]


class TestCredentials:
    """The admin's files become the one Secret, and nothing else."""

    async def _data(self, hub: HubSide, namespace: str) -> dict[str, str]:
        secret = await hub.cluster.admin.get(SECRETS, "windlass-credentials", namespace=namespace)
        return {key: b64decode(value).decode() for key, value in (secret.get("data") or {}).items()}

    async def test_rotation_is_in_force_at_the_next_start_and_nothing_is_logged(
        self, cluster: Cluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        (tmp_path / "everyone.yaml").write_text("HF_TOKEN: first-value\nPIP_INDEX_URL: https://u:hidden@index\n")
        hub = await hub_side(cluster, credentials_dir=str(tmp_path))
        made = await hub.ensure()
        assert await self._data(hub, made.name) == {
            "HF_TOKEN": "first-value",
            "PIP_INDEX_URL": "https://u:hidden@index",
        }
        (tmp_path / "everyone.yaml").write_text("HF_TOKEN: second-value\n")
        await hub.ensure()
        assert await self._data(hub, made.name) == {"HF_TOKEN": "second-value"}
        for value in ("first-value", "second-value", "hidden"):
            assert value not in caplog.text

    async def test_an_unreadable_file_keeps_what_was_there_and_refuses_a_first_start(
        self, cluster: Cluster, tmp_path: Path
    ) -> None:
        (tmp_path / "user.ada.yaml").write_text("HF_TOKEN: good\n")
        (tmp_path / "user.bob.yaml").write_text("HF_TOKEN: [bad]\n")
        hub = await hub_side(cluster, credentials_dir=str(tmp_path))
        made = await hub.ensure()
        (tmp_path / "user.ada.yaml").write_text("HF_TOKEN: {broken\n")
        await hub.ensure()
        assert await self._data(hub, made.name) == {"HF_TOKEN": "good"}
        with pytest.raises(IsolationError, match=r"HF_TOKEN in user\.bob\.yaml"):
            await hub.ensure(Person(name="bob"))


@pytest.mark.emulator
async def test_rights_the_authorizer_has_not_seen_yet_are_waited_for(cluster: Cluster) -> None:
    hub = await hub_side(cluster)
    cannot = 'serviceaccounts is forbidden: User "hub" cannot list resource "serviceaccounts"'
    cluster.faults.fail("GET", "/serviceaccounts", 403, cannot, times=3)
    cannot = 'networkpolicies is forbidden: User "hub" cannot patch resource "networkpolicies"'
    cluster.faults.fail("PATCH", "/networkpolicies", 403, cannot, times=3)
    made = await hub.ensure()
    assert await found(cluster.admin, NETWORK_POLICIES, "windlass-default", made.name)


@pytest.mark.emulator
async def test_a_cluster_that_is_away_is_said_in_a_sentence(cluster: Cluster) -> None:
    hub = await hub_side(cluster)
    await hub.ensure()
    with cluster.faults.outage(), pytest.raises(IsolationError, match="did not answer") as refusal:
        await hub.isolation().ensure(ADA, catalogue=CATALOGUE)
    assert refusal.value.reason == "cluster-unavailable"


async def test_a_hub_without_its_roles_says_what_to_apply(cluster: Cluster) -> None:
    hub = await hub_side(cluster, rbac=False)
    with pytest.raises(IsolationError, match="hub-config/rbac") as refusal:
        await hub.isolation(patience_seconds=0.2).ensure(ADA, catalogue=CATALOGUE)
    assert refusal.value.reason == "hub-forbidden"
    with pytest.raises(NotFound):
        await cluster.admin.get(NAMESPACES, hub.name_of("ada"))


async def test_isolation_none_has_no_namespaces(cluster: Cluster) -> None:
    hub = await hub_side(cluster, rbac=False)
    with pytest.raises(ValueError, match="none"):
        Isolation(hub.client, settings=hub.settings.model_copy(update={"isolation": "none"}))
