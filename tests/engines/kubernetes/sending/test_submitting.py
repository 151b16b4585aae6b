"""A job's objects are made once, through what clusters do to requests; what cannot be made leaves nothing behind."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.crds import TRAINER, install
from tests.engines.kubernetes.engines import engine_on, spec
from tests.engines.kubernetes.making import EVERYTHING, job_spec

from windlass.engines.kubernetes.cluster.settings import ClusterSettings
from windlass.engines.kubernetes.manifests.delivery import room_for_bundle
from windlass.engines.kubernetes.sending import submitting
from windlass.engines.kubernetes.sending.planning import Planned, plan
from windlass.engines.kubernetes.sending.submitting import Submitter
from windlass.errors import Conflict, InvalidRequest, Unavailable
from windlass.kube.resources import CONFIG_MAPS, TRAIN_JOBS, TRAINING_RUNTIMES

pytestmark = pytest.mark.emulator

BUNDLE = b"a bundle"
CHANGED = (
    'Operation cannot be fulfilled on resourcequotas "team": the object has been modified; please apply your changes '
    "to the latest version and try again"
)


@pytest.fixture(autouse=True)
def _soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submitting, "TRY_AGAIN_SECONDS", (0.01, 0.02))


async def a_train_job(cluster: Cluster) -> Planned:
    """Three objects: a ConfigMap, a TrainingRuntime, a TrainJob."""
    await install(cluster, *TRAINER)
    made = job_spec(kind="TrainJob", workers=2, bundle_sha256=hashlib.sha256(BUNDLE).hexdigest())
    namespace = await cluster.namespace()
    return plan(made, settings=ClusterSettings(image="x"), facts=EVERYTHING, namespace=namespace, environ={})


async def submit(cluster: Cluster, planned: Planned) -> None:
    submitter = Submitter(cluster.admin, namespace=planned.job.namespace)
    await submitter.submit(planned, TRAIN_JOBS, bundle=BUNDLE)


async def there(cluster: Cluster, planned: Planned) -> list[str]:
    """The kinds of what is there of it."""
    found = []
    for resource in (CONFIG_MAPS, TRAINING_RUNTIMES, TRAIN_JOBS):
        items, _ = await cluster.admin.list(resource, namespace=planned.job.namespace)
        found += [resource.kind for item in items if item["metadata"]["name"] == planned.job.name]
    return found


ALL = ["ConfigMap", "TrainingRuntime", "TrainJob"]


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (409, CHANGED),
        (429, "too many requests"),
        (503, "apiserver is shutting down"),
        (500, "etcdserver: leader changed"),
    ],
)
@pytest.mark.parametrize("path", ["/configmaps", "/trainingruntimes", "/trainjobs"])
async def test_what_the_cluster_may_take_a_moment_later_is_asked_for_again(
    cluster: Cluster, path: str, status: int, message: str
) -> None:
    planned = await a_train_job(cluster)
    cluster.faults.fail("POST", path, status, message, times=2)
    await submit(cluster, planned)
    assert await there(cluster, planned) == ALL


@pytest.mark.parametrize("path", ["/configmaps", "/trainingruntimes", "/trainjobs"])
async def test_a_request_whose_answer_was_lost_is_not_carried_out_twice(cluster: Cluster, path: str) -> None:
    planned = await a_train_job(cluster)
    cluster.faults.drop("POST", path, times=1)
    await submit(cluster, planned)
    assert await there(cluster, planned) == ALL


@pytest.mark.parametrize("path", ["/configmaps", "/trainingruntimes", "/trainjobs"])
async def test_what_was_made_although_no_answer_ever_came_does_not_stay_when_it_has_failed(
    cluster: Cluster, path: str
) -> None:
    planned = await a_train_job(cluster)
    cluster.faults.drop("POST", path, times=1)
    cluster.faults.fail("POST", path, 503, "away", times=2)
    with pytest.raises(Unavailable):
        await submit(cluster, planned)
    assert await there(cluster, planned) == []


@pytest.mark.parametrize("status", [403, 409, 422, 503])
@pytest.mark.parametrize("path", ["/configmaps", "/trainingruntimes", "/trainjobs"])
async def test_nothing_is_left_whichever_step_fails(cluster: Cluster, path: str, status: int) -> None:
    planned = await a_train_job(cluster)
    cluster.faults.fail("POST", path, status, "no", times=None)
    with pytest.raises(Exception, match="no"):
        await submit(cluster, planned)
    assert await there(cluster, planned) == []


async def test_whoever_gives_up_in_the_middle_leaves_nothing(cluster: Cluster) -> None:
    planned = await a_train_job(cluster)
    cluster.faults.delay("POST", "/trainjobs", 0.3)
    asked = asyncio.create_task(submit(cluster, planned))
    await eventually(lambda: begun(cluster, planned), what="the runtime being there")
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    # The cluster may carry a request out after its asker has gone; its parts are away, and it is in no list of jobs.
    assert set(await there(cluster, planned)) <= {"TrainJob"}


async def begun(cluster: Cluster, planned: Planned) -> bool:
    return "TrainingRuntime" in await there(cluster, planned)


async def test_an_object_of_somebody_else_is_left_as_it_is(cluster: Cluster) -> None:
    planned = await a_train_job(cluster)
    foreign = {"metadata": {"name": planned.job.name, "labels": {"windlass.io/job": "another"}}, "data": {"a": "b"}}
    await cluster.create(CONFIG_MAPS, foreign, namespace=planned.job.namespace)
    with pytest.raises(Conflict, match="not this job's"):
        await submit(cluster, planned)
    assert await there(cluster, planned) == ["ConfigMap"]


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (413, "Request entity too large: limit is 3145728"),
        (500, "etcdserver: request is too large"),
        (
            500,
            "rpc error: code = ResourceExhausted desc = trying to send message larger than max (2100000 vs. 2097152)",
        ),
    ],
)
async def test_a_job_that_is_too_large_for_the_database_is_not_said_to_be_worth_another_try(
    cluster: Cluster, status: int, message: str
) -> None:
    planned = await a_train_job(cluster)
    cluster.faults.fail("POST", "/trainjobs", status, message, times=None)
    with pytest.raises(InvalidRequest, match="larger than the cluster takes"):
        await submit(cluster, planned)
    assert await there(cluster, planned) == []


async def test_a_namespace_that_is_going_is_no_question_of_rights(cluster: Cluster) -> None:
    planned = await a_train_job(cluster)
    message = "unable to create new content in namespace wl-ada because it is being terminated"
    cluster.faults.fail("POST", "/configmaps", 403, message)
    with pytest.raises(Conflict, match="being terminated"):
        await submit(cluster, planned)


@pytest.mark.parametrize("size", [8, room_for_bundle() + 1])
async def test_a_bundle_that_was_changed_on_disk_is_not_sent_however_small(
    cluster: Cluster, tmp_path: Path, size: int
) -> None:
    namespace = await cluster.namespace()
    sent = spec(tmp_path, content=b"x" * size, workers=1)
    sent.bundle_path.write_bytes(b"y" * size)
    async with engine_on(cluster, namespace, tmp_path) as made:
        with pytest.raises(Conflict, match="changed on disk"):
            await made.engine.submit(sent)
    maps, _ = await cluster.admin.list(CONFIG_MAPS, namespace=namespace)
    assert [item["metadata"]["name"] for item in maps] == ["kube-root-ca.crt"][: len(maps)]


async def test_a_bundle_that_is_not_on_disk_makes_nothing(cluster: Cluster, tmp_path: Path) -> None:
    namespace = await cluster.namespace()
    sent = replace(spec(tmp_path, workers=1), bundle_path=tmp_path / "away.tar.gz")
    async with engine_on(cluster, namespace, tmp_path) as made:
        with pytest.raises(Conflict, match="no longer on disk"):
            await made.engine.submit(sent)
        assert await made.engine.status(sent.id) is None


async def test_a_claim_for_the_bundle_that_is_not_there_is_refused_at_once(cluster: Cluster, tmp_path: Path) -> None:
    namespace = await cluster.namespace()
    options = {"image": "x", "bundle_claim": "nowhere"}
    sent = spec(tmp_path, content=b"x" * (room_for_bundle() + 1), workers=1, cluster=options)
    async with engine_on(cluster, namespace, tmp_path) as made:
        with pytest.raises(InvalidRequest, match="no volume claim nowhere") as refused:
            await made.engine.submit(sent)
        assert [field.field for field in refused.value.fields] == ["cluster.bundle_claim"]
        assert await made.engine.status(sent.id) is None
