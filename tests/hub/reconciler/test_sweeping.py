"""What is removed because nobody else will, and what is not: on an API server, with the service's rights."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.cluster.cluster import eventually
from tests.cluster.crds import TRAINER, install
from tests.hub.reconciler.conftest import OWNER, Desk, Job

from windlass.kube.errors import NotFound
from windlass.kube.names import RECORD_ANNOTATION, RECORD_FINISHED, job_labels
from windlass.kube.resources import CONFIG_MAPS, PYTORCH_JOBS, TRAINING_RUNTIMES, Resource
from windlass_hub.reconciler.sweeping import ORPHAN_SECONDS, OVERDUE_SECONDS, SEEN_ALONE_SECONDS, Sweeper

pytestmark = [pytest.mark.cluster, pytest.mark.emulator]


async def part(
    desk: Desk, name: str, *, job_id: str = "jnone", resource: Resource = CONFIG_MAPS, **metadata: Any
) -> str:
    labels = job_labels(job_id=job_id, owner=OWNER)
    body: dict[str, Any] = {"metadata": {"name": name, "labels": labels, **metadata}}
    if resource is TRAINING_RUNTIMES:
        body["spec"] = {"template": {"spec": {}}}
    await desk.cluster.create(resource, body, namespace=desk.namespace)
    return name


async def there(desk: Desk, name: str, resource: Resource = CONFIG_MAPS) -> bool:
    try:
        await desk.cluster.admin.get(resource, name, namespace=desk.namespace)
    except NotFound:
        return False
    return True


async def sweep_for(desk: Desk, sweeper: Sweeper, *, old: bool = True) -> None:
    """Twice, with enough time between, as the process's clock has it."""
    desk.wall.now = time.time() + (ORPHAN_SECONDS + 60 if old else 0)
    await sweeper.sweep()
    desk.clock.now += SEEN_ALONE_SECONDS
    await sweeper.sweep()


async def test_a_bundle_whose_job_was_never_made_goes(desk: Desk) -> None:
    name = await part(desk, "bundle")
    sweeper = desk.sweeper()
    desk.wall.now = time.time() + ORPHAN_SECONDS + 60
    await sweeper.sweep()
    assert await there(desk, name), "a clock that is wrong removes nothing"
    desk.clock.now += SEEN_ALONE_SECONDS
    await sweeper.sweep()
    assert not await there(desk, name)
    assert desk.decisions("orphans.remove") == ["allowed"]


async def test_a_bundle_that_is_young_whose_job_is_there_or_that_has_an_owner_stays(desk: Desk) -> None:
    young = await part(desk, "young")
    await sweep_for(desk, desk.sweeper(), old=False)
    assert await there(desk, young)
    job = await desk.create_job()
    await job.is_seen(lambda seen: seen is not None)
    kept = await part(desk, "kept", job_id=job.job_id)
    users = {"metadata": {"name": "users-own"}}
    made = await desk.cluster.create(CONFIG_MAPS, users, namespace=desk.namespace)
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "users-own", "uid": made["metadata"]["uid"]}
    owned = await part(desk, "owned", ownerReferences=[owner])
    await sweep_for(desk, desk.sweeper())
    assert [await there(desk, name) for name in (kept, owned, "users-own")] == [True, True, True]


async def test_runtimes_are_parts_too_where_the_cluster_has_them(desk: Desk) -> None:
    await install(desk.cluster, *TRAINER)
    await desk.jobs.look_for_kinds()
    name = await part(desk, "runtime", resource=TRAINING_RUNTIMES)
    await eventually(lambda: desk.jobs.problem is None, what="the watches stand")
    await sweep_for(desk, desk.sweeper())
    assert not await there(desk, name, TRAINING_RUNTIMES)


async def test_nothing_goes_while_a_watch_may_be_behind(desk: Desk) -> None:
    name = await part(desk, "bundle")
    job = await desk.create_job()
    await job.is_seen(lambda seen: seen is not None)
    sweeper = desk.sweeper()
    with desk.cluster.faults.outage():
        await job.is_seen(lambda _: desk.jobs.problem is not None)
        await sweep_for(desk, sweeper)
    assert await there(desk, name)


async def test_a_refusal_is_told_and_the_next_is_swept_all_the_same(desk: Desk) -> None:
    names = [await part(desk, name) for name in ("a", "b")]
    desk.cluster.faults.fail("DELETE", "/configmaps/a", 403, "not you", times=1)
    await sweep_for(desk, desk.sweeper())
    assert [await there(desk, name) for name in names] == [True, False]
    assert sorted(desk.decisions("orphans.remove")) == ["allowed", "failed"]


async def finished(desk: Desk, *, keep_seconds: int | None, marked: bool = True) -> Job:
    job = await desk.create_job(cluster={} if keep_seconds is None else {"keep_seconds": keep_seconds})
    await job.runs()
    await job.becomes("succeeded")
    if marked:
        patch = {"metadata": {"annotations": {RECORD_ANNOTATION: RECORD_FINISHED}}}
        await desk.cluster.admin.patch(PYTORCH_JOBS, job.name, patch, namespace=job.namespace)
        await job.is_seen(lambda seen: RECORD_ANNOTATION in seen.observed.job["metadata"]["annotations"])
    return job


@pytest.mark.parametrize(
    ("keep_seconds", "later", "stays"),
    [(60, 60 + OVERDUE_SECONDS + 60, False), (60, 600, True), (None, 80_000, True), (None, 95_000, False)],
)
async def test_a_job_that_nothing_removes_goes_an_hour_after_it_should(
    desk: Desk, keep_seconds: int | None, later: float, stays: bool
) -> None:
    job = await finished(desk, keep_seconds=keep_seconds)
    desk.wall.now = time.time() + later
    await desk.sweeper().sweep()
    assert await job.is_there() is stays


async def test_a_job_whose_record_is_not_finished_stays(desk: Desk) -> None:
    job = await finished(desk, keep_seconds=0, marked=False)
    desk.wall.now = time.time() + 1e6
    await desk.sweeper().sweep()
    assert await job.is_there()
