"""Puts the service together from its settings, and takes it apart at the end.

What is away at the start (a cluster, a database, Prometheus) does not keep the service from starting: it says what is
missing when asked for it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping

from windlass.kube.client import KubeClient
from windlass.metrics.prometheus.client import Prometheus
from windlass_hub.hub_kube import NoKubernetes
from windlass_hub.profiles.factory import open_store
from windlass_hub.profiles.model import Catalogue
from windlass_hub.profiles.store import Shelf, Snapshot, Store, StoreError, Version
from windlass_hub.settings import FEED_TOKEN_ENVIRONMENT, Settings

from .audit import Audit
from .audit_database import AuditDatabase
from .cluster import cluster_of
from .hub_api import HubApi
from .kubernetes_capacity import KubernetesCapacity
from .machine_capacity import MachineCapacity
from .own_places import OwnPlaces
from .promoting import make_promoting
from .reconciling import make_reconciler
from .spending import make_spending
from .state import Capacity, Cluster, ServiceState

log = logging.getLogger("windlass_hub.service")

DEFAULT_API_URL = "http://127.0.0.1:8081/hub/api"


def make_state(settings: Settings, environment: Mapping[str, str] = os.environ) -> ServiceState:
    """The parts, made but not begun. On the event loop."""
    cluster, problem = _cluster(settings)
    hub_api = HubApi(
        url=environment.get("JUPYTERHUB_API_URL", DEFAULT_API_URL), token=environment.get("JUPYTERHUB_API_TOKEN", "")
    )
    store = _store(settings, cluster.client if cluster else None)
    database = AuditDatabase(url=settings.database, password_file=settings.database_password_file)
    state = ServiceState(
        settings=settings,
        store=store,
        shelf=Shelf(store),
        audit=Audit(database=database, keep_days=settings.audit_days),
        hub_api=hub_api,
        places=OwnPlaces(settings=settings, hub_api=hub_api, cluster=cluster),
        feed_token=environment.get(FEED_TOKEN_ENVIRONMENT, ""),
        capacity=_capacity(settings, cluster),
        cluster=cluster,
        cluster_problem=problem,
        prometheus=Prometheus(settings.prometheus_url) if settings.prometheus_url else None,
    )
    state.reconciler, state.reconciler_problem = make_reconciler(state, database=database)
    state.promoting = make_promoting(state, database=database)
    state.spending, state.spending_problem = make_spending(state, database=database)
    return state


class NoStore:
    """Stands where the catalogue's store would be, and says why there is none."""

    def __init__(self, problem: str) -> None:
        self._problem = problem

    async def load(self) -> Snapshot:
        """There is nothing to read."""
        raise StoreError(self._problem)

    async def save(
        self,
        catalogue: Catalogue,  # noqa: ARG002 - this and the following are what every store takes
        *,
        revision: str,  # noqa: ARG002
        by: str,  # noqa: ARG002
        note: str = "",  # noqa: ARG002
        text: str | None = None,  # noqa: ARG002
    ) -> Snapshot:
        """There is nothing to write to."""
        raise StoreError(self._problem)

    async def history(self) -> list[Version]:
        """There is nothing to read."""
        raise StoreError(self._problem)

    async def close(self) -> None:
        """There is nothing to give back."""


def _cluster(settings: Settings) -> tuple[Cluster | None, str]:
    try:
        return cluster_of(settings), ""
    except NoKubernetes as error:
        return None, str(error)


def _capacity(settings: Settings, cluster: Cluster | None) -> Capacity | None:
    if settings.spawner == "local":
        return MachineCapacity()
    if cluster is None:
        return None
    return KubernetesCapacity(cluster.client)


def _store(settings: Settings, client: KubeClient | None) -> Store:
    try:
        return open_store(settings.profiles, keep_versions=settings.keep_versions, client=client)
    except StoreError as error:
        return NoStore(str(error))


async def begin(state: ServiceState) -> None:
    """Start what runs beside the requests."""
    state.audit.start()
    try:
        await state.shelf.read()
    except StoreError as error:
        log.warning("%s Nothing can be started until they can.", error)
    if state.capacity is not None:
        await state.capacity.start()
    if state.reconciler is not None:
        await state.reconciler.start()
    else:
        log.info("Records of jobs are not finished here: %s", state.reconciler_problem)
    if state.promoting is not None:
        state.promoting.start()
    if state.spending is not None:
        await state.spending.start()


async def end(state: ServiceState) -> None:
    """Let go of everything; what waits for the audit log is written first."""
    if state.promoting is not None:
        await state.promoting.close()
    if state.spending is not None:
        await state.spending.close()
    if state.reconciler is not None:
        await state.reconciler.close()
    if state.capacity is not None:
        await state.capacity.close()
    if state.prometheus is not None:
        await state.prometheus.close()
    await state.store.close()
    await state.hub_api.close()
    if state.cluster is not None:
        await state.cluster.client.close()
    await state.audit.close()
