"""The stand-in operator: what the tests of the Kubernetes engine may count on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.crds import TRAINER, install
from tests.cluster.operator import Operator

from windlass.kube.resources import (
    CLUSTER_TRAINING_RUNTIMES,
    JOB_SETS,
    JOBS,
    PODS,
    PYTORCH_JOBS,
    SERVICES,
    TRAIN_JOBS,
)

pytestmark = pytest.mark.cluster

Object = dict[str, Any]
TEMPLATE: Object = {
    "metadata": {"labels": {"mine": "yes"}},
    "spec": {"containers": [{"name": "pytorch", "image": "example.invalid/torch:1", "command": ["true"]}]},
}


@pytest_asyncio.fixture
async def operator(cluster: Cluster) -> AsyncIterator[Operator]:
    cluster.needs_stand_ins()
    await install(cluster, PYTORCH_JOBS, *TRAINER)
    made = cluster.operator("PyTorchJob", "TrainJob", "JobSet").start()
    yield made
    made.stop()
    assert made.refused == []


def pytorch_job(
    name: str = "job", *, workers: int = 1, policy: Object | None = None, restarts: str = "Never"
) -> Object:
    def replica(count: int) -> Object:
        return {"replicas": count, "restartPolicy": restarts, "template": TEMPLATE}

    replicas = {"Master": replica(1)} | ({"Worker": replica(workers)} if workers else {})
    spec = {"nprocPerNode": "2", "runPolicy": policy or {}, "pytorchReplicaSpecs": replicas}
    return {"metadata": {"name": name}, "spec": spec}


def runtime(name: str, *, retries: int = 0) -> Object:
    pod = {"spec": {"restartPolicy": "Never", "containers": [{"name": "node", "image": "example.invalid/torch:1"}]}}
    job = {"name": "node", "template": {"spec": {"backoffLimit": 0, "template": pod}}}
    spec: Object = {"replicatedJobs": [job]}
    if retries:
        spec["failurePolicy"] = {"maxRestarts": retries}
    return {
        "metadata": {"name": name},
        "spec": {"mlPolicy": {"torch": {}}, "template": {"metadata": {"labels": {"of": "runtime"}}, "spec": spec}},
    }


def train_job(name: str, runtime_name: str, *, nodes: int = 2) -> Object:
    reference = {"name": runtime_name, "kind": "ClusterTrainingRuntime", "apiGroup": "trainer.kubeflow.org"}
    trainer = {"numNodes": nodes, "numProcPerNode": 2, "env": [{"name": "MINE", "value": "1"}]}
    return {"metadata": {"name": name}, "spec": {"runtimeRef": reference, "trainer": trainer}}


def holding(item: Object) -> set[str]:
    return {each["type"] for each in item.get("status", {}).get("conditions", []) if each["status"] == "True"}


def variables(pod: Object) -> dict[str, str]:
    return {each["name"]: each.get("value", "") for each in pod["spec"]["containers"][0]["env"]}


class Looking:
    """Waits for what the API shows."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    async def pods(self, count: int, *, which: Callable[[Object], bool] = lambda _: True) -> list[Object]:
        async def there() -> list[Object] | None:
            items, _ = await self._cluster.admin.list(PODS, namespace=self._namespace)
            found = [item for item in items if which(item) and not item["metadata"].get("deletionTimestamp")]
            return found if len(found) == count else None

        found = await eventually(there, what=f"{count} pods")
        return sorted(found, key=lambda pod: pod["metadata"]["name"])

    async def until(self, resource: Any, name: str, *conditions: str) -> Object:
        async def there() -> Object | None:
            item = await self._cluster.admin.get(resource, name, namespace=self._namespace)
            return item if set(conditions) <= holding(item) else None

        return await eventually(there, what=f"{name}: {conditions}")

    async def gone(self, resource: Any, name: str) -> None:
        async def away() -> bool:
            items, _ = await self._cluster.admin.list(resource, namespace=self._namespace)
            return name not in [item["metadata"]["name"] for item in items]

        await eventually(away, what=f"the end of {name}")


async def test_a_pytorchjob_becomes_a_master_and_workers_with_the_variables_of_torchrun(
    cluster: Cluster, operator: Operator
) -> None:
    namespace = await cluster.namespace()
    look = Looking(cluster, namespace)
    await cluster.create(PYTORCH_JOBS, pytorch_job(workers=2), namespace=namespace)
    master, first, second = await look.pods(3)
    assert [pod["metadata"]["name"] for pod in (master, first, second)] == [
        "job-master-0",
        "job-worker-0",
        "job-worker-1",
    ]
    assert second["metadata"]["labels"]["training.kubeflow.org/replica-index"] == "1"
    assert second["metadata"]["labels"]["mine"] == "yes"
    found = variables(second)
    assert (found["PET_NNODES"], found["PET_NODE_RANK"], found["PET_NPROC_PER_NODE"]) == ("3", "2", "2")
    assert (found["PET_MASTER_ADDR"], found["RANK"], found["WORLD_SIZE"]) == ("job-master-0", "2", "6")
    assert (await cluster.admin.get(SERVICES, "job-master-0", namespace=namespace))["spec"]["clusterIP"] == "None"
    await look.until(PYTORCH_JOBS, "job", "Created", "Running")


async def test_a_pytorchjob_succeeds_with_its_master_and_goes_when_its_time_is_over(
    cluster: Cluster, operator: Operator
) -> None:
    namespace = await cluster.namespace()
    look = Looking(cluster, namespace)
    policy = {"cleanPodPolicy": "Running", "ttlSecondsAfterFinished": 1}
    await cluster.create(PYTORCH_JOBS, pytorch_job(policy=policy), namespace=namespace)
    await look.until(PYTORCH_JOBS, "job", "Running")
    await cluster.kubelet.become(namespace, "job-master-0", "succeeded")
    await look.gone(PODS, "job-worker-0")
    await look.gone(PYTORCH_JOBS, "job")


async def test_a_failed_pod_is_the_end_without_retries_and_made_again_with_them(
    cluster: Cluster, operator: Operator
) -> None:
    namespace = await cluster.namespace()
    look = Looking(cluster, namespace)
    await cluster.create(PYTORCH_JOBS, pytorch_job("once"), namespace=namespace)
    await look.until(PYTORCH_JOBS, "once", "Running")
    await cluster.kubelet.become(namespace, "once-worker-0", "failed")
    ended = await look.until(PYTORCH_JOBS, "once", "Failed")
    assert "Running" not in holding(ended)
    await cluster.create(PYTORCH_JOBS, pytorch_job("again", restarts="OnFailure"), namespace=namespace)
    await look.until(PYTORCH_JOBS, "again", "Running")
    before = await cluster.admin.get(PODS, "again-worker-0", namespace=namespace)
    await cluster.kubelet.become(namespace, "again-worker-0", "evicted")

    async def another() -> bool:
        pods, _ = await cluster.admin.list(PODS, namespace=namespace)
        uids = [pod["metadata"]["uid"] for pod in pods if pod["metadata"]["name"] == "again-worker-0"]
        return bool(uids) and uids != [before["metadata"]["uid"]]

    await eventually(another, what="the worker made again")
    await look.until(PYTORCH_JOBS, "again", "Running")


async def test_a_suspended_pytorchjob_has_no_pods(cluster: Cluster, operator: Operator) -> None:
    namespace = await cluster.namespace()
    look = Looking(cluster, namespace)
    await cluster.create(PYTORCH_JOBS, pytorch_job(policy={"suspend": True}), namespace=namespace)
    await look.until(PYTORCH_JOBS, "job", "Suspended")
    await look.gone(PODS, "job-master-0")
    go_on = {"spec": {"runPolicy": {"suspend": False}}}
    await cluster.admin.patch(PYTORCH_JOBS, "job", go_on, namespace=namespace)
    await look.until(PYTORCH_JOBS, "job", "Running")


async def test_a_trainjob_becomes_a_jobset_a_job_and_pods_with_ranks(cluster: Cluster, operator: Operator) -> None:
    cluster.needs("indexed-jobs")
    namespace, name = await cluster.namespace(), cluster.unique("torch")
    look = Looking(cluster, namespace)
    await cluster.create(CLUSTER_TRAINING_RUNTIMES, runtime(name))
    await cluster.create(TRAIN_JOBS, train_job("job", name), namespace=namespace)
    first, second = await look.pods(2)
    labels = second["metadata"]["labels"]
    assert labels["jobset.sigs.k8s.io/jobset-name"] == "job"
    assert labels["batch.kubernetes.io/job-completion-index"] == "1"
    assert second["metadata"]["name"].startswith("job-node-0-1-")
    found = variables(first)
    assert (found["PET_NNODES"], found["PET_NPROC_PER_NODE"], found["MINE"]) == ("2", "2", "1")
    assert found["PET_MASTER_ADDR"] == "job-node-0-0.job"
    jobset = await cluster.admin.get(JOB_SETS, "job", namespace=namespace)
    assert jobset["metadata"]["labels"] == {"of": "runtime"}

    async def ready() -> bool:
        job = await cluster.admin.get(TRAIN_JOBS, "job", namespace=namespace)
        return [each["ready"] for each in job.get("status", {}).get("jobsStatus", [])] == [1]

    await eventually(ready, what="a ready Job")
    for pod in (first, second):
        await cluster.kubelet.become(namespace, pod["metadata"]["name"], "succeeded")
    await look.until(TRAIN_JOBS, "job", "Complete")


async def test_all_ranks_of_a_trainjob_start_again_together(cluster: Cluster, operator: Operator) -> None:
    cluster.needs("indexed-jobs")
    namespace, name = await cluster.namespace(), cluster.unique("torch")
    look = Looking(cluster, namespace)
    await cluster.create(CLUSTER_TRAINING_RUNTIMES, runtime(name, retries=1))
    await cluster.create(TRAIN_JOBS, train_job("job", name), namespace=namespace)

    async def attempt(number: int) -> list[Object]:
        label = "jobset.sigs.k8s.io/restart-attempt"
        return await look.pods(2, which=lambda pod: pod["metadata"]["labels"][label] == str(number))

    pods = await attempt(0)
    await cluster.kubelet.become(namespace, pods[0]["metadata"]["name"], "failed")
    pods = await attempt(1)
    assert (await cluster.admin.get(JOB_SETS, "job", namespace=namespace))["status"]["restarts"] == 1
    await cluster.kubelet.become(namespace, pods[1]["metadata"]["name"], "failed")
    await look.until(TRAIN_JOBS, "job", "Failed")


async def test_a_job_starts_again_as_often_as_it_may(cluster: Cluster, operator: Operator) -> None:
    cluster.needs("indexed-jobs")
    namespace = await cluster.namespace()
    look = Looking(cluster, namespace)
    pod = {"spec": {"restartPolicy": "Never", "containers": [{"name": "worker", "image": "example.invalid/x:1"}]}}
    spec = {"backoffLimit": 1, "template": pod, "ttlSecondsAfterFinished": 1}
    await cluster.create(JOBS, {"metadata": {"name": "job"}, "spec": spec}, namespace=namespace)
    for _ in range(2):
        (now,) = await look.pods(1, which=lambda pod: pod.get("status", {}).get("phase") == "Running")
        await cluster.kubelet.become(namespace, now["metadata"]["name"], "failed")
    await look.gone(JOBS, "job")
