"""What servers that died in the middle left in the cluster is put in order, and nothing else is touched."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.cluster.cluster import Cluster, eventually
from tests.engines.kubernetes.engines import OWNER, engine_on, spec

from windlass.engines.base import State
from windlass.engines.kubernetes.jobs.sweeping import ORPHAN_SECONDS, sweep
from windlass.kube.names import job_labels
from windlass.kube.resources import CONFIG_MAPS

pytestmark = pytest.mark.cluster


async def names(cluster: Cluster, namespace: str) -> set[str]:
    found, _ = await cluster.admin.list(CONFIG_MAPS, namespace=namespace, label_selector="windlass.io/job")
    return {item["metadata"]["name"] for item in found}


async def carrier(cluster: Cluster, namespace: str, name: str, *, owner: str = OWNER) -> None:
    metadata = {"name": name, "labels": job_labels(job_id=name, owner=owner)}
    await cluster.admin.create(CONFIG_MAPS, {"metadata": metadata}, namespace=namespace)


async def test_a_bundle_whose_job_was_never_made_goes_once_it_is_old(cluster: Cluster, tmp_path: Path) -> None:
    namespace = await cluster.namespace()
    await carrier(cluster, namespace, "orphan")
    await carrier(cluster, namespace, "bobs", owner="bob")
    async with engine_on(cluster, namespace, tmp_path) as made:
        opened = await made.engine._access.get()
        await sweep(opened, [], owner=OWNER)
        assert await names(cluster, namespace) == {"orphan", "bobs"}
        await sweep(opened, [], owner=OWNER, now=time.time() + ORPHAN_SECONDS + 60)
        assert await names(cluster, namespace) == {"bobs"}


async def test_a_bundle_that_lost_its_owner_gets_it_back(cluster: Cluster, tmp_path: Path) -> None:
    cluster.needs_stand_ins()
    namespace = await cluster.namespace()
    async with engine_on(cluster, namespace, tmp_path) as made:
        sent = spec(tmp_path, workers=1)
        await made.engine.submit(sent)
        [name] = await names(cluster, namespace)
        await cluster.admin.patch(CONFIG_MAPS, name, {"metadata": {"ownerReferences": None}}, namespace=namespace)
        opened = await made.engine._access.get()
        await sweep(opened, [], owner=OWNER, now=time.time() + ORPHAN_SECONDS + 60)
        found = await cluster.admin.get(CONFIG_MAPS, name, namespace=namespace)
        assert [owner["kind"] for owner in found["metadata"]["ownerReferences"]] == ["Job"]
        await made.engine.stop(sent.id, reason="Done with it.")
        await made.reaches(sent.id, State.STOPPED)

    async def gone() -> bool:
        return not await names(cluster, namespace)

    await eventually(gone)
