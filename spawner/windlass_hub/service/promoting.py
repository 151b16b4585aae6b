"""Puts promotions together from the service's parts, and settles what an interruption left, now and then."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping

from windlass.errors import Conflict, WindlassError
from windlass_hub.profiles.access import Person
from windlass_hub.promotions.asking import Promotions
from windlass_hub.promotions.enforcement import Enforcements, HandedOut
from windlass_hub.promotions.looking import settle_interrupted
from windlass_hub.promotions.protecting import Protection
from windlass_hub.promotions.reading import PromotionReads
from windlass_hub.promotions.registering import Registrations
from windlass_hub.promotions.registry import Registry

from .audit_database import AuditDatabase
from .own_mlflow import credentials_of, handed_out, mlflow_credentials
from .promotion_records import PromotionRecords
from .state import ServiceState

log = logging.getLogger("windlass_hub.promotions")

SETTLE_SECONDS = 30.0


class Promoting:
    """Promotions as a part of the service."""

    def __init__(
        self, *, promotions: Promotions, reads: PromotionReads, registrations: Registrations, protection: Protection
    ) -> None:
        self.promotions = promotions
        self.reads = reads
        self.registrations = registrations
        self.protection = protection
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to settle."""
        self._task = asyncio.create_task(self._settle_on(), name="windlass-promotions")

    async def close(self) -> None:
        """Let go."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def settle(self) -> None:
        """End what was interrupted. Raises as MLflow and the database do."""
        promotions = self.promotions
        await settle_interrupted(promotions.records, promotions.service)
        await promotions.complete_approved()

    async def _settle_on(self) -> None:
        told: dict[str, str] = {}
        jobs = {
            "Promotions that were interrupted cannot be settled now": self.settle,
            "Models cannot be protected in MLflow now": self.protection.enforce,
        }
        while True:
            for trouble, job in jobs.items():
                told[trouble] = await _tried(job, trouble, told=told.get(trouble, ""))
            await asyncio.sleep(SETTLE_SECONDS)


async def _tried(job: Callable[[], Awaitable[None]], trouble: str, *, told: str) -> str:
    """Do it; what keeps it from being done, which is logged unless it was told before."""
    try:
        await job()
    except Conflict:
        return told  # Somebody is just doing it.
    except WindlassError as error:
        if told != str(error):
            log.warning("%s: %s", trouble, error)
        return str(error)
    except Exception:
        # A task that ended would do nothing any more.
        log.exception("%s.", trouble)
    return ""


def make_promoting(state: ServiceState, *, database: AuditDatabase) -> Promoting | None:
    """Promotions, not begun; None where this hub knows no MLflow."""
    settings = state.settings
    if not settings.mlflow_url:
        return None

    async def own() -> Mapping[str, str]:
        return await asyncio.to_thread(mlflow_credentials, settings)

    async def nothing() -> Mapping[str, str]:
        return {}

    async def given() -> HandedOut:
        return await asyncio.to_thread(handed_out, settings)

    def registry_of(person: Person) -> Registry:
        async def theirs() -> Mapping[str, str]:
            return await asyncio.to_thread(credentials_of, settings, person)

        return Registry(settings.mlflow_url, environ=theirs, whose="the credentials that this hub hands out to you")

    async def groups_of(name: str) -> Collection[str]:
        user = await state.hub_api.user(name)
        return [str(group) for group in (user or {}).get("groups") or ()]

    service = Registry(settings.mlflow_url, environ=own, whose="the hub service's credentials")
    promotions = Promotions(
        settings=settings.promotion,
        records=PromotionRecords(database),
        service=service,
        registry_of=registry_of,
        groups_of=groups_of,
        decide=state.audit.record,
    )
    anonymous = Registry(settings.mlflow_url, environ=nothing, whose="nobody's credentials")
    enforcements = Enforcements(service=service, anonymous=anonymous, handed_out=given)
    protection = Protection(
        settings=settings.promotion,
        service=service,
        handed_out=given,
        changed=enforcements.forget,
        decide=state.audit.record,
    )
    registrations = Registrations(
        settings=settings.promotion,
        service=service,
        registry_of=registry_of,
        person=promotions.person,
        made_model=lambda _name: protection.enforce(),
        decide=state.audit.record,
    )
    return Promoting(
        promotions=promotions,
        reads=PromotionReads(promotions, enforcements),
        registrations=registrations,
        protection=protection,
    )
