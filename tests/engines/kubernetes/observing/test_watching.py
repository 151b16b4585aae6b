"""The watch of all jobs: what it puts together, from whatever order, and for how many requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.crds import KUEUE, TRAINER, install
from tests.engines.kubernetes import making

from windlass.engines.base import State
from windlass.engines.kubernetes.kinds.choosing import KINDS
from windlass.engines.kubernetes.model import ClusterFacts, Observed
from windlass.engines.kubernetes.observing import phases
from windlass.engines.kubernetes.observing.watching import JobWatch
from windlass.kube.client import KubeClient
from windlass.kube.names import job_labels, object_name, spec_annotations
from windlass.kube.resources import (
    JOB_SETS,
    JOBS,
    PODS,
    PYTORCH_JOBS,
    ROLE_BINDINGS,
    ROLES,
    TRAIN_JOBS,
    TRAINING_RUNTIMES,
    WORKLOADS,
)

pytestmark = pytest.mark.cluster

WORKLOAD = WORKLOADS["v1beta2"]
FACTS = making.cluster(JOBS, PYTORCH_JOBS, TRAIN_JOBS, TRAINING_RUNTIMES, JOB_SETS, WORKLOAD)


@asynccontextmanager
async def watching(client: KubeClient, namespace: str, facts: ClusterFacts = FACTS) -> AsyncIterator[JobWatch]:
    watch = JobWatch(client, namespace=namespace, facts=facts)
    watch.start()
    try:
        yield watch
    finally:
        await watch.stop()


@asynccontextmanager
async def operating(cluster: Cluster) -> AsyncIterator[None]:
    cluster.needs_stand_ins()
    await install(cluster, PYTORCH_JOBS, *TRAINER, *KUEUE)
    operator = cluster.operator("PyTorchJob", "TrainJob", "JobSet").start()
    try:
        yield
    finally:
        operator.stop()


async def send(cluster: Cluster, namespace: str, kind: str, *, options: Any = None, **spec: Any) -> str:
    """Make a job as the engine does, and answer its id."""
    job_id = f"j{cluster.unique('x')[2:]}"
    name = object_name("train", job_id)
    job = making.cluster_job(
        spec={"id": job_id, "name": "train", **spec},
        options=options,
        namespace=namespace,
        name=name,
        labels=job_labels(job_id=job_id, owner="ada"),
        annotations=spec_annotations(
            {"id": job_id, "name": "train", "owner": "ada", "notebook": "train.ipynb", "bundle_sha256": making.SHA}
        ),
    )
    for body in KINDS[kind].render(job, FACTS):
        resource = {"TrainingRuntime": TRAINING_RUNTIMES, "TrainJob": TRAIN_JOBS, "PyTorchJob": PYTORCH_JOBS}
        await cluster.create(resource.get(body["kind"], JOBS), body, namespace=namespace)
    return job_id


async def in_state(watch: JobWatch, job_id: str, *states: State) -> Observed:
    def there() -> Observed | None:
        seen = watch.seen(job_id)
        return seen if seen is not None and phases.phase(seen).state in states else None

    return await eventually(there, what=f"{job_id} in {states}")


@pytest.mark.parametrize("kind", ["PyTorchJob", "TrainJob", "Job"])
async def test_a_job_of_every_kind_is_followed_from_its_making_to_its_end(cluster: Cluster, kind: str) -> None:
    cluster.needs(*("indexed-jobs",) * (kind == "TrainJob"))
    async with operating(cluster):
        namespace = await cluster.namespace()
        async with watching(cluster.admin, namespace) as watch:
            await watch.ready(20)
            assert watch.job_ids() == []
            job_id = await send(cluster, namespace, kind, workers=1 if kind == "Job" else 2)
            seen = await in_state(watch, job_id, State.RUNNING)
            assert watch.job_ids() == [job_id]
            assert len(seen.pods) == (1 if kind == "Job" else 2)
            phase = phases.phase(seen)
            assert phase.started_at is not None
            assert phase.ended_at is None
            # The master last: with its end the others are cleaned up.
            for name in sorted((pod["metadata"]["name"] for pod in seen.pods), reverse=True):
                await cluster.kubelet.become(namespace, name, "succeeded")
            ended = phases.phase(await in_state(watch, job_id, State.SUCCEEDED))
            assert ended.exit_code == 0
            assert ended.ended_at is not None


@pytest.mark.parametrize("kind", ["PyTorchJob", "TrainJob", "Job"])
async def test_a_worker_out_of_memory_is_said_in_words(cluster: Cluster, kind: str) -> None:
    cluster.needs(*("indexed-jobs",) * (kind == "TrainJob"))
    async with operating(cluster):
        namespace = await cluster.namespace()
        async with watching(cluster.admin, namespace) as watch:
            job_id = await send(cluster, namespace, kind, workers=1 if kind == "Job" else 2)
            seen = await in_state(watch, job_id, State.RUNNING)
            name = max(pod["metadata"]["name"] for pod in seen.pods)
            await cluster.kubelet.become(namespace, name, "oom-killed")
            phase = phases.phase(await in_state(watch, job_id, State.FAILED))
            assert "ran out of memory" in phase.reason
            assert phase.exit_code == 137


async def test_changes_come_once_for_however_many_there_were(cluster: Cluster) -> None:
    async with operating(cluster):
        namespace = await cluster.namespace()
        async with watching(cluster.admin, namespace) as watch:
            ids = [await send(cluster, namespace, "PyTorchJob", workers=2) for _ in range(3)]
            for job_id in ids:
                await in_state(watch, job_id, State.RUNNING)
            changes = watch.changes()
            taken = [await asyncio.wait_for(anext(changes), 10) for _ in ids]
            assert sorted(taken) == sorted(ids)


async def test_a_job_that_was_removed_is_stopped_and_one_that_had_ended_keeps_its_end(cluster: Cluster) -> None:
    async with operating(cluster):
        namespace = await cluster.namespace()
        async with watching(cluster.admin, namespace) as watch:
            first = await send(cluster, namespace, "PyTorchJob")
            second = await send(cluster, namespace, "PyTorchJob")
            await in_state(watch, first, State.RUNNING)
            seen = await in_state(watch, second, State.RUNNING)
            await cluster.kubelet.become(namespace, seen.pods[0]["metadata"]["name"], "succeeded")
            await in_state(watch, second, State.SUCCEEDED)
            for job_id in (first, second):
                await cluster.admin.delete(
                    PYTORCH_JOBS, object_name("train", job_id), namespace=namespace, propagation="Background"
                )
            await eventually(lambda: watch.job_ids() == [])
            assert phases.phase(watch.seen(first)).state is State.STOPPED
            assert phases.phase(watch.seen(second)).state is State.SUCCEEDED
            watch.forget(first)
            assert watch.seen(first) is None
            assert watch.seen("never") is None


async def test_pods_that_are_taken_away_and_made_again_are_counted(cluster: Cluster) -> None:
    async with operating(cluster):
        namespace = await cluster.namespace()
        async with watching(cluster.admin, namespace) as watch:
            job_id = await send(cluster, namespace, "PyTorchJob", workers=2)
            await in_state(watch, job_id, State.RUNNING)
            name = f"{object_name('train', job_id)}-worker-0"
            await cluster.admin.delete(PODS, name, namespace=namespace)
            await eventually(lambda: phases.phase(watch.seen(job_id)).restarts == 1)
            await in_state(watch, job_id, State.RUNNING)


async def test_a_missing_right_is_named_and_the_rest_goes_on(cluster: Cluster) -> None:
    await install(cluster, PYTORCH_JOBS)
    namespace = await cluster.namespace()
    client = await cluster.account(namespace)
    rules = [
        {"apiGroups": ["kubeflow.org"], "resources": ["pytorchjobs"], "verbs": ["list", "watch"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
    ]
    await cluster.create(ROLES, {"metadata": {"name": "some"}, "rules": rules}, namespace=namespace)
    subjects = [{"kind": "ServiceAccount", "name": "tester", "namespace": namespace}]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "some"}
    binding = {"metadata": {"name": "some"}, "subjects": subjects, "roleRef": role}
    await cluster.create(ROLE_BINDINGS, binding, namespace=namespace)
    async with watching(client, namespace, making.cluster(JOBS, PYTORCH_JOBS)) as watch:
        await watch.ready(20)
        assert sorted(watch.forbidden) == [
            f"list events in namespace {namespace}",
            f"list jobs in namespace {namespace}",
        ]
        job_id = await send(cluster, namespace, "PyTorchJob")
        await eventually(lambda: watch.job_ids() == [job_id])
        await eventually(lambda: watch.stale_since is None)


@pytest.mark.emulator
async def test_the_api_is_asked_as_often_for_one_job_as_for_many(cluster: Cluster) -> None:
    async with operating(cluster):
        namespace = await cluster.namespace()
        token = cluster.emulator.call(lambda: cluster.emulator.api.tokens.add("watcher", groups=("system:masters",)))
        async with watching(cluster.client_for(token), namespace) as watch:
            await watch.ready(20)
            before = len([1 for request in cluster.emulator.requests if request[2] == "watcher"])
            ids = [await send(cluster, namespace, "PyTorchJob", workers=2) for _ in range(5)]
            for job_id in ids:
                await in_state(watch, job_id, State.RUNNING)
            after = [request for request in cluster.emulator.requests if request[2] == "watcher"]
            assert len(after) - before <= len({path.partition("?")[0] for _, path, _ in after})


@pytest.mark.emulator
async def test_what_happened_while_the_api_was_away_is_seen_afterwards(cluster: Cluster) -> None:
    async with operating(cluster):
        namespace = await cluster.namespace()
        async with watching(cluster.admin, namespace) as watch:
            gone = await send(cluster, namespace, "PyTorchJob")
            await in_state(watch, gone, State.RUNNING)
            cluster.faults.expire_history()
            name = object_name("train", gone)
            await cluster.admin.delete(PYTORCH_JOBS, name, namespace=namespace, propagation="Background")
            new = await send(cluster, namespace, "PyTorchJob")
            await in_state(watch, new, State.RUNNING)
            await eventually(lambda: watch.job_ids() == [new])
            await eventually(lambda: watch.stale_since is None)


async def test_a_job_whose_queue_is_not_in_force_is_told_of_although_nothing_changes(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("windlass.engines.kubernetes.observing.watching.GRACE_SECONDS", 0.5)
    await install(cluster, PYTORCH_JOBS)
    namespace = await cluster.namespace()
    async with watching(cluster.admin, namespace, making.cluster(PYTORCH_JOBS)) as watch:
        await watch.ready(20)
        job_id = await send(cluster, namespace, "PyTorchJob", options={"queue": "team-a"})
        changes = watch.changes()
        assert await asyncio.wait_for(anext(changes), 10) == job_id
        assert await asyncio.wait_for(anext(changes), 10) == job_id


async def test_kueues_word_on_a_job_is_found_by_the_jobs_uid(cluster: Cluster) -> None:
    await install(cluster, PYTORCH_JOBS, *KUEUE)
    namespace = await cluster.namespace()
    async with watching(cluster.admin, namespace, making.cluster(PYTORCH_JOBS, WORKLOAD)) as watch:
        job_id = await send(cluster, namespace, "PyTorchJob", options={"queue": "team-a"})
        seen = await eventually(lambda: watch.seen(job_id))
        labels = {"kueue.x-k8s.io/job-uid": seen.job["metadata"]["uid"]}
        pod_sets = [{"name": "main", "count": 1, "template": {"spec": {"containers": [{"name": "x", "image": "x"}]}}}]
        workload = {"metadata": {"name": "w", "labels": labels}, "spec": {"queueName": "team-a", "podSets": pod_sets}}
        await cluster.create(WORKLOAD, workload, namespace=namespace)
        found = await eventually(lambda: watch.seen(job_id).workload)
        assert found["spec"]["queueName"] == "team-a"


@pytest.mark.emulator
async def test_a_right_that_was_gone_for_a_moment_is_asked_for_again(cluster: Cluster) -> None:
    """Roles are written anew by whoever installs a hub's next version; watches must not be blind for ever after."""
    await install(cluster, PYTORCH_JOBS)
    namespace = await cluster.namespace()
    facts = making.cluster(PYTORCH_JOBS)
    async with watching(cluster.admin, namespace, facts) as watch:
        await watch.ready(20)
        refused = cluster.faults.fail("GET", f"{namespace}/pods", 403, "pods is forbidden", times=None)
        cluster.faults.cut_connections()
        missing = [f"watch pods in namespace {namespace}"]
        await eventually(lambda: watch.forbidden == missing, what="the pods' watch being refused")
        await eventually(lambda: watch.stale_since is None)
        happened = refused.happened
        watch.follow(facts)
        await eventually(lambda: refused.happened == happened + 1, what="its being asked for again")
        assert watch.forbidden == missing, "it is missing until it is granted"
        assert watch.stale_since is None
        cluster.faults.lift(refused)

        def granted() -> bool:
            watch.follow(facts)
            return watch.forbidden == []

        await eventually(granted, what="its being granted again")
