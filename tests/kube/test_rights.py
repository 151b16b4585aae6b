"""Which rights an account lacks and which it has too many, as a real authorizer lists them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cluster.cluster import Cluster

from windlass.kube.client import KubeClient
from windlass.kube.resources import CLUSTER_ROLES, ROLE_BINDINGS, ROLES, Resource
from windlass.kube.rights import Right, allowed, examine, missing, needed, unwanted


async def granted(cluster: Cluster, *rules: dict[str, Any]) -> tuple[KubeClient, str]:
    """An account with these rights in a namespace of its own."""
    namespace = await cluster.namespace()
    client = await cluster.account(namespace, "someone")
    await cluster.create(ROLES, {"metadata": {"name": "some"}, "rules": list(rules)}, namespace=namespace)
    binding = {
        "metadata": {"name": "some"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "some"},
        "subjects": [{"kind": "ServiceAccount", "name": "someone", "namespace": namespace}],
    }
    await cluster.create(ROLE_BINDINGS, binding, namespace=namespace)
    return client, namespace


@pytest.mark.cluster
async def test_an_account_without_rights_lacks_them_all(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    client = await cluster.account(namespace, "nobody")
    lacking = await missing(client, namespace)
    assert {right for right in lacking if right.namespaced} == {right for right in needed() if right.namespaced}


@pytest.mark.cluster
async def test_what_is_lacking_says_the_feature_and_why(cluster: Cluster, eventually: Any) -> None:
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}
    client, namespace = await granted(cluster, rule)

    async def seen() -> bool:
        return "get pods" not in {str(right) for right in await missing(client, namespace)}

    await eventually(seen, what="the new right")
    (log,) = [right for right in await missing(client, namespace) if str(right) == "get pods/log"]
    assert log.feature == "jobs"
    assert log.why == "The log of a job while it runs."


@pytest.mark.cluster
async def test_rights_too_many_are_named(cluster: Cluster, eventually: Any) -> None:
    rule = {"apiGroups": [""], "resources": ["secrets", "pods/exec"], "verbs": ["get", "create"]}
    client, namespace = await granted(cluster, rule)

    async def seen() -> bool:
        excess = {str(right) for right in (await examine(client, namespace)).excess}
        return excess == {"get secrets", "create secrets", "get pods/exec", "create pods/exec"}

    await eventually(seen, what="the rights too many")


@pytest.mark.cluster
async def test_an_administrator_lacks_nothing_and_has_everything(cluster: Cluster) -> None:
    report = await examine(cluster.admin, "default")
    assert report.missing == ()
    assert report.excess == unwanted()
    assert await cluster.admin.list(CLUSTER_ROLES)


class Doubtful:
    """A cluster that says its list of rules is not whole, in front of a real one."""

    def __init__(self, client: KubeClient, *, told: dict[str, Any]) -> None:
        self._client = client
        self._told = told

    async def create(self, resource: Resource, body: dict[str, Any]) -> dict[str, Any]:
        if resource.plural == "selfsubjectrulesreviews":
            return {"status": self._told}
        return await self._client.create(resource, body)


@pytest.mark.cluster
@pytest.mark.parametrize("told", [{"incomplete": True, "resourceRules": []}, {"evaluationError": "webhook"}])
async def test_a_list_that_is_not_whole_is_checked_right_by_right(
    cluster: Cluster, eventually: Any, told: dict[str, Any]
) -> None:
    rule = {"apiGroups": [""], "resources": ["pods", "secrets"], "verbs": ["get"]}
    client, namespace = await granted(cluster, rule)

    async def seen() -> bool:
        return "get pods" not in {str(right) for right in await missing(client, namespace)}

    await eventually(seen, what="the new right")
    report = await examine(Doubtful(client, told=told), namespace)
    lacking = {str(right) for right in report.missing if right.namespaced}
    assert "get pods" not in lacking
    assert "list pods" in lacking
    assert {str(right) for right in report.excess} == {"get secrets"}


@pytest.mark.parametrize(
    ("rule", "grants"),
    [
        ({"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}, True),
        ({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}, True),
        ({"apiGroups": [""], "resources": ["*/log"], "verbs": ["get"]}, True),
        ({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}, False),
        ({"apiGroups": ["apps"], "resources": ["pods/log"], "verbs": ["get"]}, False),
        ({"apiGroups": [""], "resources": ["pods/log"], "verbs": ["list"]}, False),
        ({"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"], "resourceNames": ["one"]}, False),
        ({"verbs": ["get"]}, False),
    ],
)
def test_rules_as_rbac_reads_them(rule: dict[str, Any], grants: bool) -> None:
    right = Right(group="", resource="pods/log", verb="get", namespaced=True, feature="jobs", why="")
    assert allowed([rule], right) is grants
