"""Each kind of job is finished, with what its own operator makes of it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.crds import TRAINER, install
from tests.cluster.operator import Operator
from tests.hub.reconciler.conftest import LIMITS, OWNER, Desk

from windlass.kube.names import RECORD_ANNOTATION, object_name, pod_labels, spec_annotations
from windlass.kube.resources import JOBS, PODS, TRAIN_JOBS, TRAINING_RUNTIMES

pytestmark = [pytest.mark.cluster, pytest.mark.emulator]

Object = dict[str, Any]


@pytest_asyncio.fixture
async def operator(cluster: Cluster) -> AsyncIterator[Operator]:
    await install(cluster, *TRAINER)
    made = cluster.operator("TrainJob", "JobSet").start()
    yield made
    made.stop()
    assert made.refused == []


def metadata(job_id: str) -> Object:
    spec = {"id": job_id, "name": "train", "owner": OWNER, "notebook": "train.ipynb", "bundle_sha256": "0" * 64}
    labels = pod_labels(job_id=job_id, owner=OWNER)
    return {"name": object_name("train", job_id), "labels": labels, "annotations": spec_annotations(spec)}


def template(job_id: str, container: str, *, labelled: bool = True) -> Object:
    resources = {"limits": LIMITS, "requests": LIMITS}
    return {
        "metadata": {"labels": pod_labels(job_id=job_id, owner=OWNER) if labelled else {}},
        "spec": {
            "restartPolicy": "Never",
            "containers": [{"name": container, "image": "example.invalid/torch:1", "resources": resources}],
        },
    }


async def batch_job(desk: Desk, job_id: str) -> None:
    body = {"metadata": metadata(job_id), "spec": {"backoffLimit": 0, "template": template(job_id, "worker")}}
    await desk.cluster.create(JOBS, body, namespace=desk.namespace)


async def train_job(desk: Desk, job_id: str, *, labelled: bool = True) -> None:
    replicated = {
        "name": "node",
        "template": {"spec": {"backoffLimit": 0, "template": template(job_id, "node", labelled=labelled)}},
    }
    inner = {"mlPolicy": {"numNodes": 1, "torch": {}}, "template": {"spec": {"replicatedJobs": [replicated]}}}
    head = metadata(job_id)
    runtime = {"metadata": {"name": head["name"], "labels": head["labels"]}, "spec": inner}
    await desk.cluster.create(TRAINING_RUNTIMES, runtime, namespace=desk.namespace)
    reference = {"apiGroup": TRAINING_RUNTIMES.group, "kind": TRAINING_RUNTIMES.kind, "name": head["name"]}
    spec = {"runtimeRef": reference, "trainer": {"numNodes": 1}}
    await desk.cluster.create(TRAIN_JOBS, {"metadata": head, "spec": spec}, namespace=desk.namespace)


async def trainer_2_0(desk: Desk, job_id: str) -> None:
    """Its pods carry none of the job's labels."""
    await train_job(desk, job_id, labelled=False)


@pytest.mark.parametrize(("make", "kind"), [(batch_job, "Job"), (train_job, "TrainJob"), (trainer_2_0, "TrainJob")])
async def test_a_rank_0_killed_for_memory_is_told_of_each_kind(desk: Desk, make: Any, kind: str) -> None:
    job_id = f"j{uuid.uuid4().hex[:12]}"
    await make(desk, job_id)

    async def pod() -> str | None:
        pods, _ = await desk.cluster.admin.list(PODS, namespace=desk.namespace)
        running = [each["metadata"]["name"] for each in pods if each.get("status", {}).get("phase") == "Running"]
        return running[0] if running else None

    name = await eventually(pod, what="its pod runs")
    assert desk.cluster.kubelet is not None
    await desk.cluster.kubelet.become(desk.namespace, name, "oom-killed")
    parts = desk.parts()

    async def finished() -> bool:
        await desk.pass_(parts)
        return [row.is_finished for row in await desk.rows()] == [True]

    await eventually(finished, what="its record is finished")
    [row] = await desk.rows()
    assert (row.kind, row.owner, row.state, row.cause) == (kind, OWNER, "failed", "oom-killed")
    assert (row.gpu_hours is not None, row.usd is not None) == (True, True), row.cost_note
    resource = JOBS if kind == "Job" else TRAIN_JOBS
    found = await desk.cluster.admin.get(resource, row.name, namespace=desk.namespace)
    assert RECORD_ANNOTATION in found["metadata"]["annotations"]
