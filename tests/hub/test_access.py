"""The access table, asked of a real authorizer: what it names is granted, what it forbids is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from tests.cluster.cluster import Cluster
from tests.hub.isolation.hub_side import HubSide, hub_side, may

from windlass.kube.client import KubeClient
from windlass.kube.errors import Forbidden, KubeError
from windlass.kube.resources import (
    CLUSTER_ROLES,
    EVENTS,
    NAMESPACES,
    NETWORK_POLICIES,
    PODS,
    RESOURCE_QUOTAS,
    ROLE_BINDINGS,
    SECRETS,
    SERVICE_ACCOUNTS,
)
from windlass.kube.rights import examine
from windlass.kube.user_secret import VARIABLES
from windlass_hub.access import NEVER, RIGHTS, TABLE, WAYS, rights_of
from windlass_hub.access import SECRETS as SECRET_USES
from windlass_hub.isolation.ensuring import UserNamespace
from windlass_hub.profiles.access import Person
from windlass_hub.rights.model import Never, Peer, Pods, Right, Role, SecretUse, Way

Asked = tuple[str, str, str, str]


def test_every_row_says_why() -> None:
    for row in (*TABLE, *NEVER):
        assert row.why[0].isupper(), row
        assert row.why.endswith("."), row


def test_no_right_is_given_twice() -> None:
    seen = [(r.role, r.group, resource, verb, r.names) for r in RIGHTS for resource in r.resources for verb in r.verbs]
    assert len(seen) == len(set(seen))


def test_nothing_is_given_by_wildcard() -> None:
    assert not [r for r in RIGHTS if "*" in (r.group, *r.resources, *r.verbs)]


def test_no_row_of_the_user_is_among_those_that_must_never_be() -> None:
    never = set(_each(NEVER))
    assert not never & set(_each([*rights_of(Role.USER), *rights_of(Role.USER_CLUSTER_READ)]))


# What jobs, GPU metrics and serving are known to ask for, whatever else the table comes to hold.
KEEP = {"create", "delete", "get", "list", "patch", "watch"}
LOOK = {"get", "list", "watch"}
USER_NEEDS: dict[tuple[str, str], set[str]] = {
    ("", "configmaps"): {*KEEP, "update"},
    ("", "persistentvolumeclaims"): KEEP,
    ("", "limitranges"): LOOK,
    ("", "resourcequotas"): LOOK,
    ("", "pods"): LOOK,
    ("", "pods/log"): {"get"},
    ("", "events"): LOOK,
    ("events.k8s.io", "events"): LOOK,
    ("batch", "jobs"): KEEP,
    ("trainer.kubeflow.org", "trainjobs"): KEEP,
    ("trainer.kubeflow.org", "trainingruntimes"): KEEP,
    ("trainer.kubeflow.org", "clustertrainingruntimes"): LOOK,
    ("kubeflow.org", "pytorchjobs"): KEEP,
    ("kubeflow.org", "tfjobs"): KEEP,
    ("kubeflow.org", "mpijobs"): KEEP,
    ("ray.io", "rayjobs"): KEEP,
    ("kueue.x-k8s.io", "localqueues"): LOOK,
    ("kueue.x-k8s.io", "workloads"): LOOK,
    ("aquasecurity.github.io", "vulnerabilityreports"): LOOK,
    ("serving.kserve.io", "inferenceservices"): KEEP,
    ("serving.kserve.io", "servingruntimes"): LOOK,
    ("serving.kserve.io", "clusterservingruntimes"): LOOK,
    ("gateway.networking.k8s.io", "httproutes"): KEEP,
    ("coordination.k8s.io", "leases"): KEEP,
    ("metrics.k8s.io", "pods"): {"get", "list"},
}
SERVICE_NEEDS: dict[tuple[str, str], set[str]] = {
    ("", "nodes"): LOOK,
    ("", "pods"): {"list", "watch"},
    ("karpenter.sh", "nodeclaims"): LOOK,
    ("karpenter.sh", "nodepools"): LOOK,
    ("", "serviceaccounts/token"): {"create"},
}
WAYS_OUT = {
    Pods.ALL: {Peer.OWN_PODS, Peer.DNS},
    Pods.TRAINING: {Peer.MLFLOW, Peer.ARTIFACT_STORE, Peer.PACKAGE_INDEX, Peer.DATA_REMOTE},
    Pods.NOTEBOOKS: {Peer.API_SERVER, Peer.HUB, Peer.MLFLOW, Peer.ARTIFACT_STORE, Peer.DATA_REMOTE},
    Pods.SERVING: {Peer.MLFLOW, Peer.ARTIFACT_STORE},
    Pods.LAUNCHERS: {Peer.API_SERVER},
}


@pytest.mark.parametrize(("who", "needs"), [("user", USER_NEEDS), ("service", SERVICE_NEEDS)])
def test_the_table_has_what_each_feature_needs(who: str, needs: dict[tuple[str, str], set[str]]) -> None:
    given: dict[tuple[str, str], set[str]] = {}
    for right in RIGHTS:
        for resource in right.resources:
            if right.role.who == who:
                given.setdefault((right.group, resource), set()).update(right.verbs)
    missing = {what: verbs - given.get(what, set()) for what, verbs in needs.items()}
    assert not any(missing.values()), missing


def test_the_ways_out_are_there_for_who_needs_them() -> None:
    out: dict[Pods, set[Peer]] = {}
    for way in WAYS:
        if way.direction == "to":
            out.setdefault(way.pods, set()).add(way.peer)
    missing = {pods: peers - out.get(pods, set()) for pods, peers in WAYS_OUT.items()}
    assert not any(missing.values()), missing


def test_each_variable_of_the_secret_is_in_the_table() -> None:
    assert {key for use in SECRET_USES for key in use.keys} == set(VARIABLES)
    assert {type(row) for row in TABLE} == {Right, Way, SecretUse}


def _each(rows: Iterable[Right | Never]) -> list[tuple[str, str, str]]:
    return [(row.group, resource, verb) for row in rows for resource in row.resources for verb in row.verbs]


def _asked(role: Role, namespace: str) -> list[tuple[Asked, str]]:
    return [
        ((verb, right.group, resource, name), namespace)
        for right in rights_of(role)
        for resource in right.resources
        for verb in right.verbs
        for name in right.names or ("",)
    ]


async def _refused(client: KubeClient, asked: list[tuple[Asked, str]]) -> list[tuple[Asked, str]]:
    """Those that the authorizer does not grant; a few at a time, as an API server limits a single client."""
    gate = asyncio.Semaphore(16)

    async def granted(one: tuple[Asked, str]) -> bool:
        (verb, group, resource, name), namespace = one
        async with gate:
            return await may(client, verb, resource, group=group, namespace=namespace, name=name)

    answers = await asyncio.gather(*(granted(one) for one in asked))
    return [one for one, answer in zip(asked, answers, strict=True) if not answer]


async def _made(cluster: Cluster) -> tuple[HubSide, UserNamespace, KubeClient]:
    hub = await hub_side(cluster, isolation="own")
    made = await hub.ensure()
    return hub, made, await hub.user(made)


@pytest.mark.cluster
async def test_the_users_account_has_every_right_of_the_table(cluster: Cluster) -> None:
    _, made, user = await _made(cluster)
    asked = [*_asked(Role.USER, made.name), *_asked(Role.USER_CLUSTER_READ, "")]
    assert await _refused(user, asked) == []


@pytest.mark.cluster
async def test_the_users_account_is_refused_everything_it_must_never_have(cluster: Cluster) -> None:
    hub, made, user = await _made(cluster)
    other = await hub.ensure(Person(name="bob"))
    asked: list[tuple[Asked, str]] = []
    for group, resource, verb in _each(NEVER):
        asked += [((verb, group, resource, ""), where) for where in (made.name, other.name, "kube-system", "")]
    assert await _refused(user, asked) == asked


@pytest.mark.cluster
async def test_the_users_account_reaches_no_other_namespace(cluster: Cluster) -> None:
    hub, _, user = await _made(cluster)
    other = await hub.ensure(Person(name="bob"))
    asked = _asked(Role.USER, other.name)
    assert await _refused(user, asked) == asked


@pytest.mark.cluster
async def test_hub_and_service_have_the_tables_rights_in_users_namespaces_only(cluster: Cluster) -> None:
    hub, made, _ = await _made(cluster)
    own = hub.settings.hub_namespace
    there = (Role.HUB_NAMESPACE, Role.HUB_NOTEBOOKS, Role.SERVICE_NAMESPACE)
    asked = [one for role in there for one in _asked(role, made.name)]
    asked += [one for role in (Role.HUB, Role.SERVICE) for one in _asked(role, "")]
    asked += [
        one for role in (Role.HUB_CATALOGUE, Role.SERVICE_CATALOGUE, Role.HUB_NOTEBOOKS) for one in _asked(role, own)
    ]
    asked += _asked(Role.HUB_API_ADDRESS, "default")
    assert await _refused(hub.client, asked) == []
    foreign = [((verb, "", resource, ""), "kube-system") for verb, resource in _HARM]
    assert await _refused(hub.client, foreign) == foreign


_HARM = (
    ("get", "secrets"),
    ("list", "secrets"),
    ("create", "secrets"),
    ("create", "pods"),
    ("create", "pods/exec"),
    ("delete", "pods"),
    ("create", "serviceaccounts/token"),
    ("patch", "configmaps"),
    ("create", "persistentvolumeclaims"),
)


@pytest.mark.cluster
async def test_tokens_can_be_asked_for_the_users_account_alone(cluster: Cluster) -> None:
    hub, made, _ = await _made(cluster)
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}

    async def token(account: str, namespace: str) -> str:
        answer = await hub.client.subresource(SERVICE_ACCOUNTS, account, "token", namespace=namespace, body=body)
        return str(answer["status"]["token"])

    user = cluster.client_for(await token("windlass-user", made.name))
    assert await user.list(PODS, namespace=made.name)
    for account, namespace in (("default", made.name), ("hub", hub.settings.hub_namespace)):
        with pytest.raises(Forbidden):
            await token(account, namespace)


@pytest.mark.cluster
async def test_the_users_account_cannot_do_harm_by_trying(cluster: Cluster) -> None:
    hub, made, user = await _made(cluster)
    pod = {"metadata": {"name": "own"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    event = {"metadata": {"name": "e"}, "involvedObject": {"kind": "Pod", "name": "x", "namespace": made.name}}
    binding = {
        "metadata": {"name": "mine"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "windlass-user", "namespace": made.name}],
    }
    privileged = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}
    where = {"namespace": made.name}
    tries = (
        user.get(SECRETS, made.secret_name, **where),
        user.list(SECRETS, **where),
        user.create(PODS, pod, **where),
        user.create(EVENTS, event, **where),
        user.create(ROLE_BINDINGS, binding, **where),
        user.delete(NETWORK_POLICIES, "windlass-default", **where),
        user.patch(RESOURCE_QUOTAS, "windlass", {"spec": {"hard": {"pods": "1000"}}}, **where),
        user.patch(NAMESPACES, made.name, privileged),
        user.patch(SERVICE_ACCOUNTS, "default", {"automountServiceAccountToken": True}, **where),
        user.subresource(SERVICE_ACCOUNTS, "windlass-user", "token", body={}, **where),
        user.list(PODS, namespace=hub.settings.hub_namespace),
    )
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Forbidden] * len(tries)


@pytest.mark.cluster
async def test_the_hub_cannot_bind_a_role_beyond_its_list(cluster: Cluster) -> None:
    hub, made, _ = await _made(cluster)
    reader = cluster.unique("wl-reader")
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}]
    await cluster.create(CLUSTER_ROLES, {"metadata": {"name": reader}, "rules": rules})
    for role in ("cluster-admin", reader):
        binding = {
            "metadata": {"name": "more"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": "hub", "namespace": hub.settings.hub_namespace}],
        }
        with pytest.raises(KubeError) as refusal:
            await hub.client.create(ROLE_BINDINGS, binding, namespace=made.name)
        assert refusal.value.status == 403


@pytest.mark.cluster
async def test_the_doctor_finds_nothing_missing_and_nothing_too_many(cluster: Cluster) -> None:
    _, made, user = await _made(cluster)
    report = await examine(user, made.name)
    assert report.missing == ()
    assert report.excess == ()
