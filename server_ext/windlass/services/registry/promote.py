"""Promotion: through the hub service on a hub that has it, else here, with the log in tags.

On a hub the rules and the log are the hub's: while its service cannot be reached nothing is promoted, since to go past
it would be to go past the approvals.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from windlass.contract.models import (
    Promotion,
    PromotionAnswer,
    PromotionLog,
    PromotionRequest,
    PromotionTerms,
)
from windlass.errors import NotFound
from windlass.hub.broker import HubBroker
from windlass.services.experiments.questions import bad_cursor
from windlass.services.registry.hub_side import HubSide
from windlass.services.registry.models import ModelRegistry
from windlass.services.registry.moving import Mover
from windlass.services.registry.names import asking_for, invalid, known_name, told_model
from windlass.services.registry.tag_log import TagLog, shown
from windlass.services.registry.targets import STAGES, Target
from windlass.tracking.tracking import Tracking

PAGE = 50
_LINE_ID = re.compile(r"[0-9]{13}-[0-9a-f]{8}")
_ANYONE = (
    "Without a hub nobody has to approve, and the log is tags of the versions: whoever may edit the model in MLflow "
    "can move its aliases past Windlass and change the log."
)
_NOTHING_WAITS = "Nothing waits for an answer here: without a hub a promotion is done at once."


@dataclass(frozen=True, kw_only=True)
class AliasSettings:
    """What an admin of this server decides about promotions; a hub has its own."""

    aliases: tuple[str, ...] = ("champion", "challenger")
    free: bool = True
    """Whether other aliases may be typed."""


class Promotions:
    """Promotions of models. Methods raise Unavailable, MlflowRefused and Upstream.

    Args:
        tracking: where the registry is.
        models: its models.
        settings: which aliases are offered where no hub says so.
        hub: whose business they are on a hub that does them.
        clock: POSIX seconds, for tests.
    """

    def __init__(
        self,
        *,
        tracking: Tracking,
        models: ModelRegistry,
        settings: AliasSettings,
        hub: HubSide,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._tracking = tracking
        self._models = models
        self._settings = settings
        self._hub_side = hub
        self._clock = clock

    async def terms(self, name: str) -> PromotionTerms:
        """What a version of the model can be promoted to. Raises NotFound."""
        hub = await self._hub()
        if hub is not None:
            return await hub.promotion_terms(known_name(name))
        reads = await self._tracking.reads()
        with asking_for(told_model(name)):
            await reads.registry.model(known_name(name))
        return PromotionTerms(
            aliases=list(self._settings.aliases),
            free=self._settings.free,
            stages=list(STAGES) if (await reads.facts()).stages else [],
            log="tags",
            message=_ANYONE,
        )

    async def log(self, name: str, *, cursor: str | None = None) -> PromotionLog:
        """What happened to the model's aliases and stages, newest first. Raises NotFound and InvalidRequest."""
        hub = await self._hub()
        if hub is not None:
            return await hub.promotions(known_name(name), cursor=cursor)
        if cursor is not None and not _LINE_ID.fullmatch(cursor):
            raise bad_cursor()
        registry = (await self._tracking.reads()).registry
        with asking_for(told_model(name)):
            model = await registry.model(known_name(name))
            lines = await TagLog(registry).lines(name)
        start = next((place for place, line in enumerate(lines) if cursor is None or line.id < cursor), len(lines))
        now = self._clock()
        items = [
            shown(line, name=name, later=lines[:place], model=model, now=now)
            for place, line in enumerate(lines[start : start + PAGE], start=start)
        ]
        return PromotionLog(items=items, next_cursor=items[-1].id if len(lines) > start + PAGE else None)

    async def promote(self, name: str, request: PromotionRequest, *, owner: str, key: str | None) -> Promotion:
        """Move an alias or a stage to a version; on a hub it may wait for an approval.

        Raises:
            InvalidRequest, NotFound: it cannot be asked for; nothing is written down.
            Conflict: it has moved since, somebody else is at it, or the version is not ready; the log says so.
        """
        target = Target.of(request)
        hub = await self._hub()
        if hub is not None:
            return await hub.promote(known_name(name), request, key=key)
        await self._check_offered(target)
        reads = await self._tracking.reads()
        mover = Mover(registry=reads.registry, clock=self._clock)
        found = await self._models.found(name, request.version)
        with asking_for(told_model(name)):
            return await mover.promote(name, target, found, request=request, by=owner, key=key)

    async def answer(self, name: str, promotion_id: str, answer: PromotionAnswer) -> Promotion:
        """Approve, refuse or withdraw a promotion that waits. Raises NotFound, Forbidden and Conflict."""
        hub = await self._hub()
        if hub is None:
            raise NotFound(_NOTHING_WAITS)
        return await hub.answer(known_name(name), promotion_id, answer)

    async def _check_offered(self, target: Target) -> None:
        if target.kind == "alias":
            if not self._settings.free and target.name not in self._settings.aliases:
                offered = " or ".join(self._settings.aliases) or "a stage"
                raise invalid("alias", f"On this server a version is promoted to {offered}.")
        elif not (await (await self._tracking.reads()).facts()).stages:
            raise invalid("stage", "This MLflow server has no stages any more: promote by an alias.")

    async def _hub(self) -> HubBroker | None:
        """The hub, if promotions are its business. Raises Unavailable while it cannot be asked."""
        return await self._hub_side.doing("promotions")
