"""Puts the records of costs together from the service's parts: cluster, database, the hub, Prometheus, prices."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from windlass.contract.hub import Metrics
from windlass.contract.hub import Prices as WirePrices
from windlass.costs.book import PriceBook, from_catalogue
from windlass.costs.reading import PriceBookRefused, read_book
from windlass.errors import WindlassError
from windlass.kube.client import KubeClient
from windlass.metrics.prometheus.queries import Pods
from windlass.metrics.prometheus.spans import Span
from windlass_hub.isolation.ensuring import own_namespace
from windlass_hub.isolation.errors import IsolationError
from windlass_hub.profiles.store import StoreError
from windlass_hub.reconciler.notifying import Notifier, NotWanted
from windlass_hub.reconciler.notifying import NotTold as NotTaken
from windlass_hub.spending.accounting import Accountant
from windlass_hub.spending.blocking import Blocker
from windlass_hub.spending.budgeting import Budgeting, NotTold
from windlass_hub.spending.holders import Holder
from windlass_hub.spending.idleness import FIGURES, STEP_SECONDS, Window
from windlass_hub.spending.people import HubAway, People
from windlass_hub.spending.running import SpendingTask
from windlass_hub.spending.watching import PodWatch

from .audit_database import AuditDatabase
from .problems import ServiceError
from .spending_records import SpendingDatabase
from .state import ServiceState

log = logging.getLogger("windlass_hub.spending")

ACTOR = "windlass-budgets"
"""Who it is in the audit log."""


@dataclass(kw_only=True)
class Spending:
    """What pods cost, and budgets, as a part of the service."""

    records: SpendingDatabase
    watch: PodWatch
    accountant: Accountant
    people: People
    budgeting: Budgeting
    task: SpendingTask
    notifier: Notifier | None = None

    @property
    def problem(self) -> str | None:
        """What keeps the figures from being those of now."""
        return self.task.problem

    async def start(self) -> None:
        """Begin."""
        await self.task.start()

    async def close(self) -> None:
        """Let go."""
        await self.task.close()
        if self.notifier is not None:
            await self.notifier.close()


def make_spending(
    state: ServiceState, *, database: AuditDatabase, wall: Callable[[], float] = time.time
) -> tuple[Spending | None, str]:
    """The records of costs, not begun; else None and why there are none."""
    client, reconciler = state.kube, state.reconciler
    if client is None or reconciler is None:
        return None, state.cluster_problem if client is None else state.reconciler_problem
    settings, news = state.settings, asyncio.Event()
    try:
        namespace = settings.hub_namespace or own_namespace()
    except IsolationError as error:
        return None, str(error)

    def decide(action: str, target: str, decision: str, **detail: Any) -> None:
        state.audit.record(who=ACTOR, action=action, target=target, decision=decision, detail=detail)

    watch = PodWatch(client, hub_id=settings.hub_id, hub_namespace=namespace, on_end=news.set, wall=wall)
    records, people = SpendingDatabase(database), People(_users_of(state))
    notifier = (
        Notifier(url=settings.notify_url, secret_file=settings.notify_secret_file) if settings.notify_url else None
    )
    accountant = Accountant(
        watch=watch,
        records=records,
        prices=_prices_of(state),
        groups_of=people.groups_of,
        ask=_asking(state) if state.prometheus is not None else None,
        wall=wall,
    )
    budgeting = Budgeting(
        rules=settings.budgets,
        records=records,
        people=people,
        decide=decide,
        teller=_Teller(notifier) if notifier is not None else None,
        wall=wall,
    )
    task = SpendingTask(
        watch=watch,
        accountant=accountant,
        people=people,
        budgeting=budgeting,
        blocker=_blocker(client, watch, settings.hub_id, decide, wall),
        records=records,
        acts=lambda: reconciler.acts,
        news=news,
        keep_days=settings.job_days,
        wall=wall,
    )
    return Spending(
        records=records,
        watch=watch,
        accountant=accountant,
        people=people,
        budgeting=budgeting,
        task=task,
        notifier=notifier,
    ), ""


class _Teller:
    """Tells of budgets as the reconciler tells of jobs: signed, to the same address."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier

    async def tell(self, delivery_id: str, message: Mapping[str, Any]) -> None:
        try:
            await self._notifier.send(message, delivery_id=delivery_id)
        except NotTaken as error:
            raise NotTold(str(error)) from error
        except NotWanted as error:
            log.warning("Budgets are not told: %s", error)


def _blocker(
    client: KubeClient, watch: PodWatch, hub_id: str, decide: Callable[..., None], wall: Callable[[], float]
) -> Blocker:
    return Blocker(client, watch=watch, hub_id=hub_id, decide=decide, wall=wall)


def _users_of(state: ServiceState) -> Callable[[], AsyncIterator[tuple[str, Collection[str]]]]:
    async def users() -> AsyncIterator[tuple[str, Collection[str]]]:
        try:
            async for user in state.hub_api.users():
                yield str(user.get("name")), [str(group) for group in user.get("groups") or ()]
        except ServiceError as error:
            raise HubAway(str(error)) from error

    return users


def _prices_of(state: ServiceState) -> Callable[[], Any]:
    told: list[str] = []

    async def prices() -> PriceBook | None:
        try:
            snapshot, _ = await state.catalogue()
        except StoreError:
            return None
        catalogue = from_catalogue(WirePrices(**snapshot.catalogue.prices.model_dump(), revision=snapshot.revision))
        if not state.settings.price_book:
            return catalogue
        try:
            book = await asyncio.to_thread(read_book, Path(state.settings.price_book))
        except PriceBookRefused as error:
            if told != [str(error)]:
                log.error("The price book holds as it was before: %s", error)
            told[:] = [str(error)]
            return None
        told.clear()
        return book.with_otherwise(catalogue.with_otherwise(book.otherwise))

    return prices


def _asking(state: ServiceState) -> Callable[[Collection[Holder], Window], Any]:
    async def ask(holders: Collection[Holder], window: Window) -> Metrics | None:
        prometheus = state.prometheus
        if prometheus is None:
            return None
        pods = [Pods(namespace=holder.namespace, pod=holder.pod) for holder in holders]
        # Each point is of the step before it.
        span = Span(start=window.start + STEP_SECONDS, end=window.end, step=float(STEP_SECONDS))
        try:
            return await prometheus.metrics(FIGURES, pods=pods, span=span)
        except WindlassError as error:
            log.info("What of GPUs was idle is asked later: %s", error)
            return None

    return ask
