"""Terms and log, as the one who asks may see them, in the contract's words."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from windlass.contract.models import (
    Approval,
    Promotion,
    PromotionLog,
    PromotionRule,
    PromotionState,
    PromotionTerms,
)
from windlass.errors import Conflict, InvalidRequest, NotFound, Unavailable, Upstream
from windlass_hub.profiles.access import Person

from .asking import Promotions
from .comparing import PromotionComparison, compare
from .enforcement import Enforcements
from .looking import look
from .records import MOVING, WAITING, Record
from .rules import STAGES

PAGE = 50
LATEST = 200
"""How many of the newest lines of all models are looked through for what concerns somebody."""
MOST_WAITING = 500


class PromotionReads:
    """What can be read of promotions. Methods raise as `Promotions` does."""

    def __init__(self, promotions: Promotions, enforcements: Enforcements) -> None:
        self._promotions = promotions
        self._enforcements = enforcements

    async def terms(self, model: str, *, by: str) -> PromotionTerms:
        """What a version of the model can be promoted to, under which rules, and what they are worth."""
        promotions = self._promotions
        await promotions.refuse_stranger(model, await promotions.person(by))
        await look(promotions.records, promotions.service, model)
        rules = promotions.settings.rules_of(model)
        found = await self._enforcements.of(model) if rules else None
        enforced = found is not None and found.enforced
        message = None
        if found is not None and not enforced:
            protected = " and ".join(str(rule.target) for rule in rules)
            verb = "is" if len(rules) == 1 else "are"
            message = f"{protected} {verb} protected only as long as everyone goes through Windlass. {found.because}"
        elif found is not None:
            message = found.because
        protected_aliases = [rule.alias for rule in rules if rule.alias is not None]
        return PromotionTerms(
            aliases=list(dict.fromkeys([*promotions.settings.aliases, *protected_aliases])),
            free=promotions.settings.free,
            stages=list(STAGES) if await promotions.service.has_stages() else [],
            rules=[
                PromotionRule(
                    alias=rule.alias,
                    stage=rule.stage,
                    groups=list(rule.groups),
                    approvals=rule.approvals,
                    enforced=enforced,
                )
                for rule in rules
            ],
            log="hub",
            message=message,
        )

    async def log(self, model: str, *, by: str, cursor: str | None) -> PromotionLog:
        """What happened to a model's aliases and stages, newest first, looked at anew."""
        before = _before(cursor)
        promotions = self._promotions
        person = await promotions.person(by)
        await promotions.refuse_stranger(model, person)
        # Without MLflow what is kept is shown; whether it is all is seen at the next look.
        with suppress(Unavailable, Upstream):
            await look(promotions.records, promotions.service, model)
        found = await promotions.records.of_model(model, limit=PAGE + 1, before=before)
        return self._page(found, person)

    async def waiting(self, *, by: str) -> PromotionLog:
        """The promotions of all models that wait for this person, or were asked for by them."""
        person = await self._promotions.person(by)
        found = await self._promotions.records.newest(limit=MOST_WAITING, waiting=True)
        items = [self.shown(record, person) for record in found if self._concerns(record, person)]
        return PromotionLog(items=items)

    async def latest(self, *, by: str, cursor: str | None) -> PromotionLog:
        """The newest lines of all models that concern this person."""
        before = _before(cursor)
        person = await self._promotions.person(by)
        found = await self._promotions.records.newest(limit=LATEST + 1, before=before)
        following = str(found[LATEST - 1].id) if len(found) > LATEST else None
        items = [self.shown(record, person) for record in found[:LATEST] if self._concerns(record, person)]
        return PromotionLog(items=items, next_cursor=following)

    async def comparison(self, model: str, record_id: int, *, by: str) -> PromotionComparison:
        """Both versions of a promotion that concerns this person."""
        person = await self._promotions.person(by)
        record = await self._promotions.records.get(record_id)
        if record is None or record.model != model or not self._concerns(record, person):
            raise NotFound("There is no such promotion of this model.")
        return await compare(self._promotions.service, model=model, before=record.from_version, after=record.to_version)

    def shown(self, record: Record, person: Person) -> Promotion:
        """A line, as this person may act on it."""
        waits = record.state == WAITING
        state = WAITING if record.state == MOVING else record.state
        return Promotion(
            id=str(record.id),
            model=record.model,
            alias=record.target.name if record.target.kind == "alias" else None,
            stage=record.target.name if record.target.kind == "stage" else None,
            from_version=record.from_version,
            to_version=record.to_version,
            state=PromotionState(state),
            message="It is being done." if record.state == MOVING else record.message,
            by=record.by,
            comment=record.comment,
            asked_at=record.asked_at,
            ended_at=record.ended_at,
            needs=record.rule.needs if record.rule else None,
            approvals=[
                Approval(by=answer.by, at=answer.at, approved=answer.approved, comment=answer.comment)
                for answer in record.answers
            ],
            may_approve=waits and self._may_approve(record, person),
            may_withdraw=waits and record.by == person.name,
        )

    def _may_approve(self, record: Record, person: Person) -> bool:
        try:
            return self._promotions.why_not(record, person) is None
        except Conflict:
            return False

    def _concerns(self, record: Record, person: Person) -> bool:
        rules = [*self._promotions.settings.rules_of(record.model), *filter(None, [record.rule])]
        groups: Iterable[str] = {group for rule in rules for group in rule.groups}
        return record.by == person.name or not person.groups.isdisjoint(groups)

    def _page(self, found: list[Record], person: Person) -> PromotionLog:
        shown = [self.shown(record, person) for record in found[:PAGE]]
        return PromotionLog(items=shown, next_cursor=str(found[PAGE - 1].id) if len(found) > PAGE else None)


def _before(cursor: str | None) -> int | None:
    if not cursor:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise InvalidRequest("The cursor is none of this log: begin at the top.")
    return int(cursor)
