"""Puts the reconciler together from the service's parts: cluster, database, the hub's REST, MLflow, audit log."""

from __future__ import annotations

import asyncio
import socket
import time
import uuid
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any

from windlass.kube.client import KubeClient
from windlass.tracking.client import MlflowRest
from windlass_hub.isolation.ensuring import own_namespace
from windlass_hub.isolation.errors import IsolationError
from windlass_hub.profiles.model import Prices
from windlass_hub.profiles.store import StoreError
from windlass_hub.reconciler.finishing import Finisher
from windlass_hub.reconciler.keeping import Keeper
from windlass_hub.reconciler.leadership import Leadership
from windlass_hub.reconciler.notifying import Notifier
from windlass_hub.reconciler.running import Reconciler
from windlass_hub.reconciler.seen_jobs import SeenJobs
from windlass_hub.reconciler.sweeping import Sweeper

from .audit_database import AuditDatabase
from .hub_api import HubApi
from .job_records import JobRecords
from .own_mlflow import mlflow_credentials
from .problems import ServiceError
from .state import ServiceState

ACTOR = "windlass-reconciler"
"""Who it is in the audit log."""
ASKED_SECONDS = 30.0


class HubServers:
    """Whose servers run, as the hub says; asked at most every `ASKED_SECONDS`."""

    def __init__(self, hub_api: HubApi, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._hub_api = hub_api
        self._clock = clock
        self._asked_at: float | None = None
        self._known: Collection[str] | None = None

    async def running(self) -> Collection[str] | None:
        """Users with a server that runs or starts; None while the hub does not answer."""
        if self._asked_at is None or self._clock() - self._asked_at >= ASKED_SECONDS:
            self._asked_at = self._clock()
            try:
                self._known = {
                    str(user.get("name")) async for user in self._hub_api.users(state="active") if user.get("servers")
                }
            except ServiceError:
                self._known = None
        return self._known


def make_reconciler(state: ServiceState, *, database: AuditDatabase) -> tuple[Reconciler | None, str]:
    """The reconciler, not begun; else None and why there is none."""
    settings, client = state.settings, state.kube
    if client is None:
        return None, state.cluster_problem
    if settings.isolation == "none":
        return None, "This hub makes no namespaces for its users' jobs (isolation: none)."
    try:
        namespace = settings.hub_namespace or own_namespace()
    except IsolationError as error:
        return None, str(error)
    return _made(state, client, database=database, namespace=namespace), ""


def _made(state: ServiceState, client: KubeClient, *, database: AuditDatabase, namespace: str) -> Reconciler:
    settings, news = state.settings, asyncio.Event()
    jobs = SeenJobs(client, hub_id=settings.hub_id, on_change=news.set)
    notifier = (
        Notifier(url=settings.notify_url, secret_file=settings.notify_secret_file) if settings.notify_url else None
    )

    def decide(action: str, target: str, decision: str, **detail: Any) -> None:
        state.audit.record(who=ACTOR, action=action, target=target, decision=decision, detail=detail)

    async def prices() -> Prices | None:
        try:
            snapshot, _ = await state.catalogue()
        except StoreError:
            return None
        return snapshot.catalogue.prices

    @asynccontextmanager
    async def mlflow() -> AsyncIterator[MlflowRest]:
        environ = await asyncio.to_thread(mlflow_credentials, settings)
        async with MlflowRest(settings.mlflow_url, environ=environ) as opened:
            yield opened

    records = JobRecords(database)
    keeper = Keeper(jobs=jobs, records=records, prices=prices, decide=decide, keep_days=settings.job_days)
    finisher = Finisher(
        client=client,
        jobs=jobs,
        records=records,
        servers=HubServers(state.hub_api),
        mlflow=mlflow if settings.mlflow_url else None,
        notifier=notifier,
        grace_seconds=60 * settings.server_grace_minutes,
        decide=decide,
    )
    leadership = Leadership(
        client,
        namespace=namespace,
        name=f"windlass-reconciler-{settings.hub_id}",
        identity=f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}",
    )
    return Reconciler(
        jobs=jobs,
        keeper=keeper,
        finisher=finisher,
        sweeper=Sweeper(client, jobs=jobs, decide=decide),
        leadership=leadership,
        notifier=notifier,
        news=news,
    )
