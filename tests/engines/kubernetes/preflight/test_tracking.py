"""MLflow's address as pods see it."""

from __future__ import annotations

import socket

import pytest
from tests.cluster.cluster import Cluster
from tests.engines.kubernetes.making import cluster_job
from tests.engines.kubernetes.preflight.looking import look, one

from windlass.contract.preview import Finding, Severity
from windlass.engines.kubernetes.manifests.job_environment import TRACKING_URI
from windlass.engines.kubernetes.model import FromArtifacts

pytestmark = pytest.mark.emulator


async def told(cluster: Cluster, uri: str | None, **own: str) -> list[Finding]:
    environment = {TRACKING_URI: uri} if uri else {}
    findings = await look(cluster.admin, "default", environment=environment, spec={"environment": own})
    return [finding for finding in findings if finding.rule.startswith("tracking")]


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:5000",
        "http://localhost:5000",
        "http://169.254.3.4:5000",
        "http://host.docker.internal:5000",
        f"http://{socket.gethostname()}:5000",
    ],
)
async def test_addresses_of_this_machine_alone(cluster: Cluster, uri: str) -> None:
    (found,) = await told(cluster, uri)
    assert (found.rule, found.severity) == ("tracking-unreachable", Severity.WARNING)
    assert found.fix is not None
    assert "MLFLOW_TRACKING_URI" in found.fix


async def test_an_address_that_did_not_even_go_into_the_manifest(cluster: Cluster) -> None:
    (found,) = await told(cluster, None, MLFLOW_TRACKING_URI="http://me:secret@127.0.0.1:5000")
    assert "http://127.0.0.1:5000" in found.message
    assert "secret" not in found.message


async def test_without_tracking_there_is_nothing_to_say(cluster: Cluster) -> None:
    assert await told(cluster, None) == []


@pytest.mark.parametrize(
    "uri", ["http://mlflow.mlflow.svc:5000", "https://mlflow.example.com", "http://mlflow.mlflow.svc.cluster.local"]
)
async def test_addresses_that_pods_reach(cluster: Cluster, uri: str) -> None:
    assert await told(cluster, uri) == []


async def test_a_name_without_a_domain_is_looked_for_in_the_job_s_namespace(cluster: Cluster) -> None:
    (found,) = await told(cluster, "http://mlflow:5000")
    assert found.rule == "tracking-short-name"
    assert found.fix is not None
    assert "mlflow.<its namespace>.svc" in found.fix


async def test_a_certificate_of_this_machine_is_not_in_the_image(cluster: Cluster) -> None:
    (found,) = await told(cluster, "https://mlflow.example", MLFLOW_TRACKING_SERVER_CERT_PATH="/home/ann/ca.pem")
    assert (found.rule, found.severity) == ("tracking-certificate", Severity.WARNING)
    assert "/home/ann/ca.pem" in found.message


async def test_passwords_that_go_over_the_open_net(cluster: Cluster) -> None:
    (found,) = await told(cluster, "http://mlflow.example.com")
    assert (found.rule, found.severity) == ("tracking-plain-text", Severity.INFO)


async def test_a_bundle_that_is_to_come_from_an_address_that_pods_do_not_reach(cluster: Cluster) -> None:
    uri = "http://127.0.0.1:5000"
    delivery = FromArtifacts(tracking_uri=uri, run_id="r", path="p")
    assert cluster_job(delivery=delivery).delivery == delivery
    found = one(
        await look(cluster.admin, "default", environment={TRACKING_URI: uri}, delivery=delivery), "tracking-unreachable"
    )
    assert found.severity is Severity.ERROR
