"""Policies that certainly keep the job's pods from MLflow are named; what may let them through is let be."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cluster.cluster import Cluster
from tests.engines.kubernetes.making import EVERYTHING, cluster_job
from tests.engines.kubernetes.preflight.looking import by_rule, look, one
from tests.engines.kubernetes.preflight.test_rights import EVERYTHING as ALL_RIGHTS
from tests.engines.kubernetes.preflight.test_rights import account_with
from tests.engines.kubernetes.schemas import pod_templates

from windlass.contract.preview import Finding, Severity
from windlass.engines.kubernetes.kinds.choosing import KINDS
from windlass.engines.kubernetes.manifests.job_environment import TRACKING_URI
from windlass.engines.kubernetes.model import FromArtifacts
from windlass.engines.kubernetes.preflight.network import goal_of, holds, may_let_through
from windlass.kube.resources import NETWORK_POLICIES
from windlass_hub.isolation.network import Network
from windlass_hub.isolation.network_policies import policies

MLFLOW = "http://mlflow.mlflow.svc:5000"
NOBODY: dict[str, Any] = {"podSelector": {}, "policyTypes": ["Egress"]}


def of_hub() -> dict[str, dict[str, Any]]:
    return policies(network=Network(), hub_namespace="jupyterhub", hub_id="hub", notebooks=True)


async def told(cluster: Cluster, specs: dict[str, dict[str, Any]], uri: str, **changes: Any) -> list[Finding]:
    namespace = await cluster.namespace()
    for name, spec in specs.items():
        await cluster.create(NETWORK_POLICIES, {"metadata": {"name": name}, "spec": spec}, namespace=namespace)
    return by_rule(await look(cluster.admin, namespace, environment={TRACKING_URI: uri}, **changes), "tracking-blocked")


@pytest.mark.emulator
async def test_a_namespace_closed_to_mlflow_is_told_of_with_the_policys_name(cluster: Cluster) -> None:
    (found,) = await told(cluster, {"deny-all": NOBODY}, MLFLOW)
    assert found.severity is Severity.WARNING
    assert "(deny-all) let nothing through to MLflow at mlflow.mlflow.svc" in found.message
    delivery = FromArtifacts(tracking_uri=MLFLOW, run_id="r", path="p")
    (found,) = await told(cluster, {"deny-all": NOBODY}, MLFLOW, delivery=delivery)
    assert "the bundle could not be fetched" in found.message


@pytest.mark.emulator
async def test_the_hubs_own_policies_let_pods_through_to_the_mlflow_they_are_made_for(cluster: Cluster) -> None:
    assert await told(cluster, of_hub(), MLFLOW) == []
    (found,) = await told(cluster, of_hub(), "http://mlflow.elsewhere.svc.cluster.local:5000")
    assert "training-isolation" in found.message


@pytest.mark.emulator
async def test_who_may_not_read_policies_hears_nothing_of_them(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    await cluster.create(NETWORK_POLICIES, {"metadata": {"name": "no"}, "spec": NOBODY}, namespace=namespace)
    client = await account_with(cluster, namespace, ALL_RIGHTS)
    findings = await look(client, namespace, environment={TRACKING_URI: MLFLOW})
    assert not by_rule(findings, "tracking-blocked")
    assert not [finding for finding in findings if "network policies" in finding.message]
    assert one(await look(cluster.admin, namespace, environment={TRACKING_URI: MLFLOW}), "tracking-blocked")


@pytest.mark.parametrize("kind", KINDS)
def test_pods_of_every_kind_fall_under_training_isolation_and_under_no_policy_of_others(kind: str) -> None:
    templates = [each for item in KINDS[kind].render(cluster_job(), EVERYTHING) for each in pod_templates(item)]
    assert templates
    for template in templates:
        held = {name for name, spec in of_hub().items() if holds({"spec": spec}, template["metadata"]["labels"])}
        assert held == {"windlass-default", "training-isolation"}


def rule(*to: dict[str, Any], ports: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"to": list(to), **({"ports": ports} if ports else {})}


def namespaces(**selector: Any) -> dict[str, Any]:
    return {"namespaceSelector": selector}


NAMED = "kubernetes.io/metadata.name"
INTERNET = {
    "ipBlock": {
        "cidr": "0.0.0.0/0",
        "except": ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"],
    }
}


@pytest.mark.parametrize(
    ("egress", "uri", "passes"),
    [
        ({}, MLFLOW, True),
        (rule(namespaces()), MLFLOW, True),
        (rule(namespaces(matchLabels={NAMED: "mlflow"})), MLFLOW, True),
        (rule(namespaces(matchLabels={NAMED: "other"})), MLFLOW, False),
        (rule(namespaces(matchLabels={"team": "ml"})), MLFLOW, True),
        (rule(namespaces(matchExpressions=[{"key": NAMED, "operator": "NotIn", "values": ["mlflow"]}])), MLFLOW, False),
        (rule(namespaces(matchExpressions=[{"key": NAMED, "operator": "Exists"}])), MLFLOW, True),
        (rule({"podSelector": {}}), MLFLOW, False),
        (rule({"podSelector": {}}), "http://mlflow:5000", True),
        (rule({"ipBlock": {"cidr": "10.0.0.0/8"}}), MLFLOW, True),
        (rule({"ipBlock": {"cidr": "10.96.0.0/16"}}), MLFLOW, True),
        (rule(INTERNET), MLFLOW, False),
        (rule({"ipBlock": {"cidr": "not one"}}), MLFLOW, True),
        (rule(namespaces(), ports=[{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]), MLFLOW, False),
        # A Service's port is not its pods'.
        (rule(namespaces(), ports=[{"port": 8080}]), MLFLOW, True),
        (rule(namespaces(), ports=[{"port": 8080}]), "http://10.1.2.3:5000", True),
        (rule(ports=[{"port": 53}, {"protocol": "UDP", "port": 53}]), MLFLOW, False),
        (rule(INTERNET, ports=[{"port": 443}]), "https://mlflow.example.com", True),
        (rule(INTERNET, ports=[{"port": 443}]), "http://mlflow.example.com:5000", False),
        (rule(INTERNET, ports=[{"port": 4000, "endPort": 6000}]), "http://mlflow.example.com:5000", True),
        (rule(INTERNET, ports=[{"port": "http"}]), "http://mlflow.example.com:5000", True),
        (rule(INTERNET), "http://10.1.2.3:5000", False),
        (rule({"ipBlock": {"cidr": "10.1.0.0/16"}}), "http://10.1.2.3:5000", True),
        (rule({"ipBlock": {"cidr": "10.1.0.0/16", "except": ["10.1.2.0/24"]}}), "http://10.1.2.3:5000", False),
        (rule({"ipBlock": {"cidr": "fd00::/8"}}), "http://[fd00::7]:5000", True),
    ],
)
def test_what_a_rule_may_let_through(egress: dict[str, Any], uri: str, passes: bool) -> None:
    goal = goal_of(uri, namespace="wl-ada")
    assert goal is not None
    policy = {"spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [egress]}}
    assert may_let_through(policy, goal, own="wl-ada") is passes


@pytest.mark.parametrize(
    ("spec", "held"),
    [
        ({"podSelector": {}, "policyTypes": ["Ingress"]}, False),
        ({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}, True),
        ({"podSelector": {}, "egress": []}, True),
        ({"podSelector": {}}, False),
        ({"podSelector": {"matchLabels": {"job-type": "serving"}}, "policyTypes": ["Egress"]}, False),
        ({"podSelector": {"matchLabels": {"app": "x"}}, "policyTypes": ["Egress"]}, False),
        (
            {
                "podSelector": {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]},
                "policyTypes": ["Egress"],
            },
            True,
        ),
    ],
)
def test_which_policies_hold_the_pods(spec: dict[str, Any], held: bool) -> None:
    assert holds({"spec": spec}, {"job-type": "training"}) is held


@pytest.mark.parametrize("uri", ["http://mlflow.mlflow:5000", "http://mlflow.example.com:99999"])
def test_an_address_that_may_mean_several_things_is_not_judged(uri: str) -> None:
    assert goal_of(uri, namespace="wl-ada") is None
