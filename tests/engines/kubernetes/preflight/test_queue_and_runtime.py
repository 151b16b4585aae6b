"""Queues of Kueue, training runtimes, and what retries can do."""

from __future__ import annotations

import copy

import pytest
from tests.cluster.cluster import Cluster
from tests.cluster.crds import KUEUE, TRAINER, install
from tests.engines.kubernetes.making import TORCH_RUNTIME
from tests.engines.kubernetes.making import cluster as serving
from tests.engines.kubernetes.preflight.looking import by_rule, look, one

from windlass.contract.preview import Severity
from windlass.engines.kubernetes.model import ClusterFacts, Object
from windlass.kube.resources import JOBS, LOCAL_QUEUES, PYTORCH_JOBS, TRAIN_JOBS, TRAINING_RUNTIMES, WORKLOADS

pytestmark = pytest.mark.emulator

QUEUES = LOCAL_QUEUES["v1beta2"]


async def a_queue(cluster: Cluster, namespace: str, name: str) -> None:
    body = {"metadata": {"name": name}, "spec": {"clusterQueue": "main"}}
    await cluster.create(QUEUES, body, namespace=namespace)


async def test_a_queue_where_there_is_no_kueue(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    found = one(await look(cluster.admin, namespace, options={"queue": "team-a"}), "queue-missing")
    assert found.apply == {"cluster": {"queue": None}}


async def test_a_queue_that_is_not_there(cluster: Cluster) -> None:
    await install(cluster, *KUEUE)
    namespace = await cluster.namespace()
    await a_queue(cluster, namespace, "team-b")
    found = one(await look(cluster.admin, namespace, options={"queue": "team-a"}), "queue-missing")
    assert found.severity is Severity.ERROR
    assert found.fix == "Choose team-b, or leave it out."


async def test_a_queue_that_is_stopped(cluster: Cluster) -> None:
    await install(cluster, *KUEUE)
    namespace = await cluster.namespace()
    await a_queue(cluster, namespace, "team-a")
    told = {"reason": "ClusterQueueIsInactive", "message": "ClusterQueue is stopped"}
    since = {"lastTransitionTime": "2026-01-01T00:00:00Z"}
    status = {"status": {"conditions": [{"type": "Active", "status": "False", **told, **since}]}}
    await cluster.admin.patch(QUEUES, "team-a", status, namespace=namespace, subresource="status")
    found = one(await look(cluster.admin, namespace, options={"queue": "team-a"}), "queue-stopped")
    assert "ClusterQueue is stopped" in found.message


async def test_kueue_may_pass_over_pytorchjobs_until_a_workload_shows_that_it_does_not(cluster: Cluster) -> None:
    await install(cluster, *KUEUE, PYTORCH_JOBS, *TRAINER)
    namespace = await cluster.namespace()
    await a_queue(cluster, namespace, "team-a")
    options = {"queue": "team-a"}
    found = one(await look(cluster.admin, namespace, kind="PyTorchJob", options=options), "queue-not-in-force")
    assert (found.severity, found.apply) == (Severity.WARNING, {"kind": "TrainJob"})
    owner = {"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob", "name": "other", "uid": "1-2-3"}
    workload = {"metadata": {"name": "pytorchjob-other", "ownerReferences": [owner]}, "spec": {"queueName": "team-a"}}
    assert cluster.emulator is not None
    cluster.emulator.api.controllers.garbage_collector = False
    try:
        await cluster.create(WORKLOADS["v1beta2"], workload, namespace=namespace)
        shown = await look(cluster.admin, namespace, kind="PyTorchJob", options=options)
    finally:
        cluster.emulator.api.controllers.garbage_collector = True
    assert not by_rule(shown, "queue-not-in-force")
    assert not by_rule(await look(cluster.admin, namespace, kind="TrainJob", options=options), "queue-not-in-force")


async def test_a_runtime_that_is_no_longer_kept_up(cluster: Cluster) -> None:
    old = copy.deepcopy(TORCH_RUNTIME)
    old["metadata"]["name"] = "torch-old"
    old["metadata"]["labels"]["trainer.kubeflow.org/support"] = "deprecated"
    facts = cluster_facts(TORCH_RUNTIME, old)
    namespace = await cluster.namespace()
    options = {"runtime": "torch-old"}
    found = one(
        await look(cluster.admin, namespace, kind="TrainJob", facts=facts, options=options), "runtime-deprecated"
    )
    assert found.apply == {"cluster": {"runtime": "torch-distributed"}}


@pytest.mark.parametrize("place", ["the JobSet", "its Jobs"])
async def test_a_runtime_whose_jobs_are_removed_in_time_would_run_failed_jobs_again(
    cluster: Cluster, place: str
) -> None:
    passing = copy.deepcopy(TORCH_RUNTIME)
    passing["metadata"]["name"] = "torch-passing"
    jobset = passing["spec"]["template"]["spec"]
    where = jobset if place == "the JobSet" else jobset["replicatedJobs"][0]["template"]["spec"]
    where["ttlSecondsAfterFinished"] = 600
    namespace, options = await cluster.namespace(), {"runtime": "torch-passing"}
    bare = serving(JOBS, TRAIN_JOBS, runtimes=(TORCH_RUNTIME, passing))
    shown = await look(cluster.admin, namespace, kind="TrainJob", facts=bare, options=options)
    found = one(shown, "runtime-runs-again")
    assert found.apply == {"cluster": {"runtime": "torch-distributed"}}
    # A job that brings a runtime of its own has none of this.
    own = await look(
        cluster.admin, namespace, kind="TrainJob", facts=cluster_facts(TORCH_RUNTIME, passing), options=options
    )
    assert not by_rule(own, "runtime-runs-again")


async def test_code_of_another_framework_is_told_what_its_processes_lack(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    spec = {"workers": 2, "imports": ("jax==0.8.0", "numpy")}
    found = one(
        await look(cluster.admin, namespace, kind="TrainJob", facts=cluster_facts(TORCH_RUNTIME), spec=spec),
        "runtime-framework",
    )
    assert "imports jax and no torch" in found.message


async def test_retries_of_single_workers_can_be_had_together_as_a_trainjob(cluster: Cluster) -> None:
    namespace = await cluster.namespace()
    facts = cluster_facts(TORCH_RUNTIME)
    spec = {"workers": 2, "retries": 3}
    found = one(
        await look(cluster.admin, namespace, kind="PyTorchJob", facts=facts, spec=spec), "retries-of-single-workers"
    )
    assert found.apply == {"kind": "TrainJob"}


def cluster_facts(*runtimes: Object) -> ClusterFacts:
    return serving(JOBS, PYTORCH_JOBS, TRAIN_JOBS, TRAINING_RUNTIMES, runtimes=runtimes)
