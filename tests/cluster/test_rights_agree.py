"""Accounts and rights, asked of whichever server there is: proofs of what an account may not do rest on these."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cluster.cluster import Cluster, eventually

from windlass.kube.client import KubeClient
from windlass.kube.errors import Forbidden, Invalid, NotFound, Unauthorized
from windlass.kube.resources import (
    CLUSTER_ROLES,
    CONFIG_MAPS,
    NAMESPACES,
    ROLE_BINDINGS,
    ROLES,
    SECRETS,
    SELF_SUBJECT_ACCESS_REVIEWS,
    SELF_SUBJECT_RULES_REVIEWS,
    SERVICE_ACCOUNTS,
)

pytestmark = pytest.mark.cluster
Object = dict[str, Any]


@pytest.fixture
async def namespace(cluster: Cluster) -> str:
    cluster.needs("token-request")
    return await cluster.namespace()


def rule(resources: str, verbs: str, group: str = "", *names: str) -> Object:
    made: Object = {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split()}
    return made | ({"resourceNames": list(names)} if names else {})


async def give(cluster: Cluster, namespace: str, *rules: Object, account: str = "tester") -> None:
    """A role and its binding; done when the server has noticed."""
    name = cluster.unique("role")
    await cluster.admin.create(ROLES, {"metadata": {"name": name}, "rules": list(rules)}, namespace=namespace)
    await cluster.admin.create(ROLE_BINDINGS, binding(name, name, namespace, account), namespace=namespace)


def binding(name: str, role: str, namespace: str, account: str = "tester", kind: str = "Role") -> Object:
    return {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }


async def may(client: KubeClient, namespace: str, verb: str, resource: str, **more: str) -> bool:
    attributes = {"namespace": namespace, "verb": verb, "resource": resource, **more}
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    review = await client.create(SELF_SUBJECT_ACCESS_REVIEWS, {**body, "spec": {"resourceAttributes": attributes}})
    return bool(review["status"]["allowed"])


async def test_an_account_may_only_what_its_roles_say(cluster: Cluster, namespace: str) -> None:
    client = await cluster.account(namespace)
    with pytest.raises(Forbidden) as refusal:
        await client.list(CONFIG_MAPS, namespace=namespace)
    who = f"system:serviceaccount:{namespace}:tester"
    assert f'User "{who}" cannot list resource "configmaps" in API group "" in the namespace "{namespace}"' in str(
        refusal.value
    )
    await give(cluster, namespace, rule("configmaps", "get list"), rule("secrets", "get", "", "mine"))
    await eventually(lambda: may(client, namespace, "list", "configmaps"))
    await client.list(CONFIG_MAPS, namespace=namespace)
    with pytest.raises(NotFound):
        await client.get(SECRETS, "mine", namespace=namespace)
    for forbidden in (
        client.get(SECRETS, "other", namespace=namespace),
        client.list(SECRETS, namespace=namespace),
        client.list(CONFIG_MAPS),
        client.list(CONFIG_MAPS, namespace="kube-system"),
        client.create(CONFIG_MAPS, {"metadata": {"name": "x"}}, namespace=namespace),
        client.list(NAMESPACES),
    ):
        with pytest.raises(Forbidden):
            await forbidden


async def test_reviews_tell_what_an_account_may(cluster: Cluster, namespace: str) -> None:
    client = await cluster.account(namespace)
    await give(cluster, namespace, rule("pods pods/log", "get"), rule("pytorchjobs", "create", "kubeflow.org"))
    await eventually(lambda: may(client, namespace, "get", "pods"))
    assert await may(client, namespace, "get", "pods", subresource="log")
    assert await may(client, namespace, "create", "pytorchjobs", group="kubeflow.org")
    assert not await may(client, namespace, "create", "pytorchjobs")
    assert not await may(client, namespace, "create", "pods", subresource="exec")
    assert not await may(client, "default", "get", "pods")
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace}}
    review = await client.create(SELF_SUBJECT_RULES_REVIEWS, body)
    granted = {
        (resource, verb)
        for r in review["status"]["resourceRules"]
        for resource in r["resources"]
        for verb in r["verbs"]
    }
    assert {("pods", "get"), ("pods/log", "get"), ("pytorchjobs", "create")} <= granted


async def test_nobody_hands_on_what_they_do_not_have(cluster: Cluster, namespace: str) -> None:
    client = await cluster.account(namespace)
    rights = rule("roles rolebindings", "create get update patch", "rbac.authorization.k8s.io")
    await give(cluster, namespace, rights, rule("configmaps", "get"))
    await eventually(lambda: may(client, namespace, "create", "roles", group="rbac.authorization.k8s.io"))
    fine = {"metadata": {"name": "fine"}, "rules": [rule("configmaps", "get")]}
    await client.create(ROLES, fine, namespace=namespace)
    grab = {"metadata": {"name": "grab"}, "rules": [rule("secrets", "get")]}
    with pytest.raises(Forbidden, match="is attempting to grant RBAC permissions not currently held"):
        await client.create(ROLES, grab, namespace=namespace)
    await client.create(ROLE_BINDINGS, binding("fine", "fine", namespace), namespace=namespace)
    with pytest.raises(Forbidden, match="attempting to grant RBAC permissions not currently held"):
        await client.create(
            ROLE_BINDINGS, binding("all", "cluster-admin", namespace, kind="ClusterRole"), namespace=namespace
        )


async def test_bind_lets_one_role_be_handed_on(cluster: Cluster, namespace: str) -> None:
    name = cluster.unique("bindable")
    await cluster.create(CLUSTER_ROLES, {"metadata": {"name": name}, "rules": [rule("secrets", "get")]})
    client = await cluster.account(namespace)
    group = "rbac.authorization.k8s.io"
    await give(cluster, namespace, rule("rolebindings", "create", group), rule("clusterroles", "bind", group, name))
    await eventually(lambda: may(client, namespace, "create", "rolebindings", group=group))
    await client.create(ROLE_BINDINGS, binding("mine", name, namespace, kind="ClusterRole"), namespace=namespace)
    with pytest.raises(Forbidden):
        await client.create(
            ROLE_BINDINGS, binding("all", "cluster-admin", namespace, kind="ClusterRole"), namespace=namespace
        )


async def test_what_a_binding_refers_to_stays(cluster: Cluster, namespace: str) -> None:
    await cluster.admin.create(ROLE_BINDINGS, binding("b", "one", namespace), namespace=namespace)
    with pytest.raises(Invalid, match="cannot change roleRef"):
        await cluster.admin.replace(ROLE_BINDINGS, binding("b", "two", namespace), namespace=namespace)


async def test_a_token_is_good_while_its_account_is_there(cluster: Cluster, namespace: str) -> None:
    client = await cluster.account(namespace)
    assert not await may(client, namespace, "list", "secrets")
    await cluster.admin.delete(SERVICE_ACCOUNTS, "tester", namespace=namespace)
    await cluster.admin.create(SERVICE_ACCOUNTS, {"metadata": {"name": "tester"}}, namespace=namespace)

    async def refused() -> bool:
        try:
            await may(client, namespace, "list", "secrets")
        except Unauthorized:
            return True
        return False

    # The real server remembers for some seconds that a token was good.
    await eventually(refused, seconds=60)


async def test_a_token_lives_ten_minutes_at_least(cluster: Cluster, namespace: str) -> None:
    await cluster.admin.create(SERVICE_ACCOUNTS, {"metadata": {"name": "tester"}}, namespace=namespace)
    with pytest.raises(Invalid, match="may not specify a duration less than 10 minutes"):
        await cluster.account_token(namespace, "tester", seconds=60)


async def test_nonsense_is_nobody(cluster: Cluster) -> None:
    for token in ("nonsense", "a.b.c", "e30.e30.e30"):
        with pytest.raises(Unauthorized):
            await cluster.client_for(token).list(NAMESPACES)


@pytest.mark.emulator
async def test_a_token_expires(cluster: Cluster, namespace: str) -> None:
    client = await cluster.account(namespace)
    assert not await may(client, namespace, "list", "secrets")
    cluster.faults.advance_clock(3601)
    with pytest.raises(Unauthorized):
        await may(client, namespace, "list", "secrets")
