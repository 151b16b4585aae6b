"""What an account lacks is said before anything is half made, and asked for no more often than need be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.cluster.cluster import Cluster
from tests.engines.kubernetes.preflight.looking import by_rule, look, one

from windlass.contract.preview import Severity
from windlass.engines.kubernetes.model import ClusterFacts
from windlass.kube.client import KubeClient
from windlass.kube.resources import CONFIG_MAPS, ROLE_BINDINGS, ROLES

EVERYTHING = [
    {"apiGroups": ["batch"], "resources": ["jobs", "jobs/status"], "verbs": ["*"]},
    {
        "apiGroups": [""],
        "resources": ["configmaps", "pods", "pods/log", "events", "resourcequotas", "limitranges", "namespaces"],
        "verbs": ["*"],
    },
    {"apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": ["*"]},
]


async def account_with(cluster: Cluster, namespace: str, rules: list[dict[str, Any]]) -> KubeClient:
    client = await cluster.account(namespace, "ann")
    await cluster.create(ROLES, {"metadata": {"name": "user"}, "rules": rules}, namespace=namespace)
    binding = {
        "metadata": {"name": "user"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "user"},
        "subjects": [{"kind": "ServiceAccount", "name": "ann", "namespace": namespace}],
    }
    await cluster.create(ROLE_BINDINGS, binding, namespace=namespace)
    return client


@pytest.mark.emulator
async def test_an_account_without_the_right_to_make_jobs_is_told_and_the_dry_run_is_not_asked(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    rules = [{"apiGroups": [""], "resources": ["*"], "verbs": ["*"]}]
    client = await account_with(cluster, namespace, rules)
    assert cluster.emulator is not None
    found = by_rule(await look(client, namespace), "rights")
    assert found[0].severity is Severity.ERROR
    assert f"may not create jobs.batch in the namespace {namespace}" in found[0].message
    posted = [path for method, path, _ in cluster.emulator.requests if method == "POST" and "dryRun=All" in path]
    assert posted
    assert not [path for path in posted if "/jobs?" in path]


@pytest.mark.emulator
async def test_a_bundle_that_a_job_of_its_own_puts_onto_a_claim_needs_the_right_to_make_jobs(
    cluster: Cluster, tmp_path: Path
) -> None:
    namespace = await cluster.namespace()
    others = {"apiGroups": ["kubeflow.org"], "resources": ["pytorchjobs", "pytorchjobs/status"], "verbs": ["*"]}
    client = await account_with(cluster, namespace, [*EVERYTHING[1:], others])
    bundle = tmp_path / "bundle.tar.gz"
    with bundle.open("wb") as file:
        file.truncate(2_000_000)
    asked: dict[str, Any] = {"kind": "PyTorchJob", "facts": ClusterFacts(), "spec": {"bundle_path": bundle}}
    small = await look(client, namespace, **{**asked, "spec": None}, options={"bundle_claim": "scratch"})
    assert by_rule(small, "rights") == []
    large = await look(client, namespace, **asked, environment={}, options={"bundle_claim": "scratch"})
    first = by_rule(large, "rights")[0]
    assert first.severity is Severity.ERROR
    assert "create jobs.batch" in first.message


@pytest.mark.emulator
async def test_what_only_hinders_following_a_job_is_a_warning(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    rules = [{**rule, "resources": [each for each in rule["resources"] if each != "pods/log"]} for rule in EVERYTHING]
    client = await account_with(cluster, namespace, rules)
    found = one(await look(client, namespace), "rights")
    assert found.severity is Severity.WARNING
    assert "may not get pods/log" in found.message


@pytest.mark.emulator
async def test_a_whole_account_is_asked_about_once_and_a_lacking_one_again(cluster: Cluster) -> None:
    assert cluster.emulator is not None
    namespace = await cluster.namespace()
    client = await account_with(cluster, namespace, EVERYTHING[:1])
    assert by_rule(await look(client, namespace), "rights")
    await cluster.create(ROLES, {"metadata": {"name": "more"}, "rules": EVERYTHING}, namespace=namespace)
    binding = {
        "metadata": {"name": "more"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "more"},
        "subjects": [{"kind": "ServiceAccount", "name": "ann", "namespace": namespace}],
    }
    await cluster.create(ROLE_BINDINGS, binding, namespace=namespace)
    assert not by_rule(await look(client, namespace), "rights")
    before = sum("selfsubjectrulesreviews" in path for _, path, _ in cluster.emulator.requests)
    assert not by_rule(await look(client, namespace), "rights")
    assert sum("selfsubjectrulesreviews" in path for _, path, _ in cluster.emulator.requests) == before


@pytest.mark.emulator
async def test_nothing_is_left_in_the_cluster(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    before = {item["metadata"]["name"] for item in (await cluster.admin.list(CONFIG_MAPS, namespace=namespace))[0]}
    await look(cluster.admin, namespace)
    after = {item["metadata"]["name"] for item in (await cluster.admin.list(CONFIG_MAPS, namespace=namespace))[0]}
    assert after == before
