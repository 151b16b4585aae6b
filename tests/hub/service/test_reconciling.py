"""The reconciler as a part of the service: wired to hub, database, catalogue and audit log, begun and ended with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.crds import install
from tests.cluster.operator import Operator
from tests.hub.reconciler.conftest import Clock, Desk
from tests.hub.service.hub_double import SERVICE_TOKEN, HubDouble
from tests.hub.service.on_a_cluster import cluster_settings, make_namespace, service_client

from windlass.kube.client import KubeClient
from windlass.kube.credentials import StaticCredentials
from windlass.kube.names import RECORD_ANNOTATION
from windlass.kube.resources import LEASES, PYTORCH_JOBS
from windlass_hub.reconciler.seen_jobs import SeenJobs
from windlass_hub.service.assembly import begin, end, make_state
from windlass_hub.service.audit_database import AuditDatabase
from windlass_hub.service.hub_api import HubApi
from windlass_hub.service.job_records import JobRecords
from windlass_hub.service.reconciling import ACTOR, ASKED_SECONDS, HubServers, make_reconciler
from windlass_hub.service.state import Cluster as ServiceCluster
from windlass_hub.service.state import ServiceState
from windlass_hub.settings import Settings


@pytest_asyncio.fixture
async def operator(cluster: Cluster) -> AsyncIterator[Operator]:
    cluster.needs_stand_ins()
    await install(cluster, PYTORCH_JOBS)
    made = cluster.operator("PyTorchJob", jobs=False).start()
    yield made
    made.stop()


async def on_a_cluster(state: ServiceState, cluster: Cluster, settings: Settings) -> None:
    """Give a state that was made without one the cluster, as the service's account sees it."""
    state.settings = settings
    client = await service_client(cluster, settings)
    state.cluster = ServiceCluster(client=client, server=cluster.url)
    database = AuditDatabase(url=settings.database)
    state.reconciler, state.reconciler_problem = make_reconciler(state, database=database)


@pytest.mark.cluster
@pytest.mark.emulator
async def test_the_service_finishes_a_job_by_itself_and_says_so(
    state: ServiceState, settings: Settings, cluster: Cluster, operator: Operator, tmp_path: Path
) -> None:
    settings = await cluster_settings(settings, cluster)
    namespace = await make_namespace(cluster, settings, "ada")
    await on_a_cluster(state, cluster, settings)
    assert state.reconciler is not None, state.reconciler_problem
    records = JobRecords(AuditDatabase(url=settings.database))
    watching = SeenJobs(cluster.admin, hub_id=settings.hub_id, on_change=lambda: None)
    desk = Desk(
        cluster=cluster,
        client=cluster.admin,
        settings=settings,
        namespace=namespace,
        records=records,
        jobs=watching,
    )
    assert cluster.kubelet is not None
    cluster.kubelet.behave("failed", name=".*-master-0", namespace=namespace)
    job = await desk.create_job()
    await begin(state)
    try:

        async def finished() -> bool:
            return [row.is_finished for row in await records.ended(owner="ada")] == [True]

        await eventually(finished, seconds=30, what="the job's record is finished")
        assert RECORD_ANNOTATION in await job.annotations()
        assert await state.audit.settled()
        told = {entry.action: entry for entry in await state.audit.latest(who=ACTOR)}
        assert told["job.recorded"].target == f"{namespace}/{job.name}"
        assert told["job.recorded"].detail["cause"] == "exit-code"
        lease = await cluster.admin.get(
            LEASES, f"windlass-reconciler-{settings.hub_id}", namespace=settings.hub_namespace
        )
        assert lease["spec"]["holderIdentity"]
        assert state.reconciler.problem is None
    finally:
        await end(state)
    lease = await cluster.admin.get(LEASES, lease["metadata"]["name"], namespace=settings.hub_namespace)
    assert lease["spec"]["holderIdentity"] == "", "another replica may go on at once"


@pytest.mark.cluster
@pytest.mark.emulator
async def test_a_cluster_that_is_away_keeps_the_service_neither_from_starting_nor_from_ending(
    state: ServiceState, settings: Settings, cluster: Cluster
) -> None:
    settings = await cluster_settings(settings, cluster)
    await on_a_cluster(state, cluster, settings)
    with cluster.faults.outage():
        await begin(state)
        assert state.reconciler is not None
        reconciler = state.reconciler
        await eventually(lambda: reconciler.problem is not None, what="it says what is missing")
        await end(state)


@pytest.mark.parametrize(
    ("change", "why"),
    [({"spawner": "local"}, "without Kubernetes"), ({"isolation": "none", "hub_namespace": "hub"}, "isolation")],
)
async def test_a_hub_without_jobs_in_a_cluster_says_why_there_is_none(
    settings: Settings, tmp_path: Path, change: dict[str, Any], why: str
) -> None:
    state = make_state(settings, {})
    assert state.reconciler is None
    state.settings = settings.model_copy(update=change)
    if "isolation" in change:
        state.cluster = ServiceCluster(client=KubeClient(StaticCredentials(server="http://127.0.0.1:9")), server="")
    made, problem = make_reconciler(state, database=AuditDatabase(url="sqlite://"))
    assert made is None
    assert why in problem
    await end(state)


async def test_whose_servers_run_is_asked_seldom_and_not_guessed(hub_double: HubDouble) -> None:
    hub_double.add("ann")
    hub_double.users["ann"]["servers"] = {"": {"ready": True}}
    hub_double.add("bob")
    clock, api = Clock(), HubApi(url=hub_double.url, token=SERVICE_TOKEN)
    servers = HubServers(api, clock=clock)
    assert await servers.running() == {"ann"}
    hub_double.broken = True
    assert await servers.running() == {"ann"}
    assert len(hub_double.asked) == 1
    clock.now += ASKED_SECONDS
    assert await servers.running() is None
    hub_double.broken = False
    clock.now += ASKED_SECONDS
    assert await servers.running() == {"ann"}
    await api.close()
