"""All questions together: the cluster's own word, bundles too large, deadlines, and clusters that do not answer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.cluster import Cluster
from tests.cluster.crds import TRAINER, install
from tests.engines.kubernetes.preflight.looking import by_rule, look, one

from windlass.contract.preview import Severity
from windlass.engines.kubernetes.cluster.discovery import discover
from windlass.engines.kubernetes.model import ClusterFacts, InConfigMap
from windlass.kube.resources import PYTORCH_JOBS

pytestmark = pytest.mark.emulator


async def test_a_sound_job_has_no_errors_and_asks_little(cluster: Cluster) -> None:
    assert cluster.emulator is not None
    await install(cluster, PYTORCH_JOBS)
    namespace = await cluster.namespace()
    facts = await discover(cluster.admin, namespace=namespace)
    cluster.emulator.requests.clear()
    found = await look(
        cluster.admin, namespace, kind="PyTorchJob", facts=facts, spec={"workers": 64}, options={"cpu": 1}
    )
    assert not [finding for finding in found if finding.severity is Severity.ERROR]
    assert not by_rule(found, "not-checked")
    # Whatever the number of workers; what is offered is among it.
    assert len(cluster.emulator.requests) <= 20


async def test_what_the_cluster_refuses_is_said_with_its_field(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    cluster.faults.fail("POST", "/jobs\\?", 422, 'Job.batch "x" is invalid: spec.template: nodeSelector is wrong')
    found = one(await look(cluster.admin, namespace), "cluster-refuses")
    assert found.severity is Severity.ERROR
    assert "nodeSelector is wrong" in found.message
    assert found.fix == "Change cluster.node_selector."


async def test_a_policy_s_refusal_is_the_policy_s_sentence(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    cluster.faults.fail("POST", "/jobs\\?", 403, 'admission webhook "p.example" denied the request: no jobs on Monday')
    found = one(await look(cluster.admin, namespace), "cluster-refuses")
    assert "no jobs on Monday" in found.message


async def test_trainer_s_webhook_may_miss_the_runtime_that_comes_with_the_job(cluster: Cluster) -> None:
    await install(cluster, *TRAINER)
    namespace = await cluster.namespace()
    await look(cluster.admin, namespace, kind="TrainJob")
    assert cluster.emulator is not None
    name = "train-resnet-j1tq2x7m8k3f0z"
    missing = f'spec.runtimeRef: trainingruntimes.trainer.kubeflow.org "{name}" not found'
    cluster.faults.fail("POST", "/trainjobs\\?", 403, missing)
    assert not by_rule(await look(cluster.admin, namespace, kind="TrainJob"), "cluster-refuses")


async def test_webhooks_that_take_no_dry_run_leave_the_question_open(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    cluster.faults.fail("POST", "/jobs\\?", 400, "admission webhook does not support dry run")
    found = await look(cluster.admin, namespace)
    assert not by_rule(found, "cluster-refuses")
    assert "does not support dry run" in one(found, "not-checked").message


async def test_a_cluster_that_does_not_answer_stands_in_nobody_s_way(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    facts = await discover(cluster.admin, namespace=namespace)
    with cluster.faults.outage():
        found = await look(cluster.admin, namespace, facts=facts, options={"cpu": 1})
    assert {finding.severity for finding in found} == {Severity.INFO}
    assert len(by_rule(found, "not-checked")) >= 5


async def test_an_answer_that_comes_late_is_not_waited_for(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    facts = await discover(cluster.admin, namespace=namespace)
    cluster.faults.delay("GET", "resourcequotas", 30.0, 1)
    found = await look(cluster.admin, namespace, facts=facts, more={"deadline_seconds": 1.5})
    late = one(found, "not-checked")
    assert late.message == "This could not be checked: the quota (the cluster did not answer in time)."
    names = {task.get_name() for task in asyncio.all_tasks()}
    assert not [name for name in names if name.startswith("windlass-preflight")]


async def test_errors_come_first_and_each_once(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    found = await look(
        cluster.admin,
        namespace,
        image="python:3.8",
        options={"priority_class": "no-such", "queue": "none"},
        environment={"MLFLOW_TRACKING_URI": "http://mlflow.example.com"},
    )
    severities = [finding.severity for finding in found]
    order = [Severity.ERROR, Severity.WARNING, Severity.INFO]
    assert severities == sorted(severities, key=order.index)
    assert len({(finding.rule, finding.message) for finding in found}) == len(found)


@pytest.mark.parametrize(("files_bytes", "rules"), [(500_000, []), (2_000_000, ["bundle-too-large"]), (None, [])])
async def test_a_preview_knows_no_more_than_the_size_of_the_files(
    cluster: Cluster, files_bytes: int | None, rules: list[str]
) -> None:
    more = {"delivery": InConfigMap(name="x", size_bytes=0), "environment": {}}
    findings = await look(cluster.admin, "default", facts=ClusterFacts(), spec={"files_bytes": files_bytes}, **more)
    found = [finding for finding in findings if finding.rule.startswith("bundle")]
    assert [finding.rule for finding in found] == rules
    # Whether it is too large shows when it is packed.
    assert all(finding.severity is Severity.WARNING for finding in found)


def sized(tmp_path: Path, size: int) -> dict[str, Any]:
    path = tmp_path / "bundle.tar.gz"
    with path.open("wb") as file:
        file.truncate(size)
    return {"bundle_path": path}


@pytest.mark.parametrize(
    ("size", "environment", "options", "severity", "told"),
    [
        (500_000, {}, {}, None, ""),
        (2_000_000, {"MLFLOW_TRACKING_URI": "http://mlflow.ml.svc"}, {}, Severity.INFO, "put into MLflow"),
        (2_000_000, {}, {"bundle_claim": "scratch"}, Severity.INFO, "onto the volume claim scratch"),
        (2_000_000, {}, {}, Severity.ERROR, "no MLflow that pods reach can carry it"),
        (90_000_000, {}, {"bundle_claim": "scratch"}, Severity.ERROR, "is the most that can be put onto"),
    ],
)
async def test_how_a_bundle_travels(  # noqa: PLR0917 - a table
    cluster: Cluster,
    tmp_path: Path,
    size: int,
    environment: dict[str, str],
    options: dict[str, str],
    severity: Severity | None,
    told: str,
) -> None:
    findings = await look(
        cluster.admin,
        "default",
        facts=ClusterFacts(),
        spec=sized(tmp_path, size),
        environment=environment,
        options=options,
    )
    found = [finding for finding in findings if finding.rule.startswith("bundle")]
    assert [finding.severity for finding in found] == ([severity] if severity else [])
    assert all(told in finding.message for finding in found)
