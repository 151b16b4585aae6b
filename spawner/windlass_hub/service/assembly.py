"""Puts the service together from its settings, and takes it apart at the end.

What is away at the start (a cluster, a database, Prometheus) does not keep the service from starting: it says what is
missing when asked for it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping


from windlass.kube.client import KubeClient

from ..profiles.factory import open_store
from ..profiles.model import Catalogue
from ..profiles.store import Shelf, Snapshot, Store, StoreError, Version
from ..settings import FEED_TOKEN_ENVIRONMENT, Settings
from .audit import Audit
from .audit_database import AuditDatabase
from .hub_api import HubApi
from .state import ServiceState

log = logging.getLogger("windlass_hub.service")

DEFAULT_API_URL = "http://127.0.0.1:8081/hub/api"


def make_state(settings: Settings, environment: Mapping[str, str] = os.environ) -> ServiceState:
    """The parts, made but not begun. On the event loop."""
    cluster, problem = None, "This hub has no Kubernetes cluster."
    client = None
    store = _store(settings, client)
    return ServiceState(
        settings=settings,
        store=store,
        shelf=Shelf(store),
        audit=Audit(
            database=AuditDatabase(url=settings.database, password_file=settings.database_password_file),
            keep_days=settings.audit_days,
        ),
        hub_api=HubApi(
            url=environment.get("JUPYTERHUB_API_URL", DEFAULT_API_URL), token=environment.get("JUPYTERHUB_API_TOKEN", "")
        ),
        feed_token=environment.get(FEED_TOKEN_ENVIRONMENT, ""),
        cluster=cluster,
        cluster_problem=problem,
    )


class NoStore:
    """Stands where the catalogue's store would be, and says why there is none."""

    def __init__(self, problem: str) -> None:
        self._problem = problem

    async def load(self) -> Snapshot:
        """There is nothing to read."""
        raise StoreError(self._problem)

    async def save(
        self, catalogue: Catalogue, *, revision: str, by: str, note: str = "", text: str | None = None
    ) -> Snapshot:
        """There is nothing to write to."""
        raise StoreError(self._problem)

    async def history(self) -> list[Version]:
        """There is nothing to read."""
        raise StoreError(self._problem)

    async def close(self) -> None:
        """There is nothing to give back."""


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


async def end(state: ServiceState) -> None:
    """Let go of everything; what waits for the audit log is written first."""
    if state.capacity is not None:
        await state.capacity.close()
    if state.prometheus is not None:
        await state.prometheus.close()
    await state.store.close()
    await state.hub_api.close()
    if state.cluster is not None:
        await state.cluster.client.close()
    await state.audit.close()
