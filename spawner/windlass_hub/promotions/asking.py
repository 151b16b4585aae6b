"""Asking for a promotion, and answering one that waits. Who may is decided here, at the time it is done.

An unprotected target is moved at once with the credentials that this hub hands out to whoever asks, so that MLflow's
own permissions hold; a protected one is moved by the hub service, once the people its rule names have approved.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from windlass.contract.aliases import why_no_alias
from windlass.contract.models import PromotionAnswer, PromotionRequest
from windlass.errors import Conflict, FieldError, Forbidden, InvalidRequest, NotFound
from windlass_hub.profiles.access import Person

from .looking import look
from .moving import move, moved_since
from .records import DONE, FAILED, MOVING, REFUSED, WAITING, WITHDRAWN, Answer, NewRecord, Record, Records, Repeated
from .registry import Model, Registry
from .rules import PromotionSettings, Rule, Target

Decide = Callable[..., None]


class Promotions:
    """What people do about promotions.

    Args:
        settings: the rules.
        records: the log.
        service: MLflow with the hub service's own credentials.
        registry_of: MLflow with the credentials that the hub hands out to somebody.
        groups_of: the groups somebody is in now, as the hub says. Raises where it does not say.
        decide: writes a line of the audit log.
    """

    def __init__(
        self,
        *,
        settings: PromotionSettings,
        records: Records,
        service: Registry,
        registry_of: Callable[[Person], Registry],
        groups_of: Callable[[str], Awaitable[Collection[str]]],
        decide: Decide,
    ) -> None:
        self.settings = settings
        self.records = records
        self.service = service
        self._registry_of = registry_of
        self._groups_of = groups_of
        self._decide = decide

    async def person(self, name: str) -> Person:
        """Somebody with the groups they are in now."""
        return Person(name=name, groups=frozenset(await self._groups_of(name)))

    async def refuse_stranger(self, model: str, person: Person) -> None:
        """Raises NotFound and Forbidden for who may not read the model in MLflow and approves nothing of it."""
        if not any(person.groups & {*rule.groups} for rule in self.settings.rules_of(model)):
            await self._registry_of(person).model(model)

    async def ask(self, model: str, request: PromotionRequest, *, by: str, key: str | None) -> Record:
        """Ask for a promotion: it is done, or waits.

        Raises:
            InvalidRequest, NotFound, Forbidden: it cannot be asked for; nothing is kept.
            Conflict: it was moved since, or another is under way; the log has a line that says so.
            Unavailable, Upstream: MLflow or the database is away.
        """
        person = await self.person(by)
        target = await self._target(model, request)
        earlier = await self.records.of_key(by=by, model=model, key=key) if key is not None else None
        if earlier is not None:
            return self._told(_same(earlier, target, request))
        own = self._registry_of(person)
        seen_at = (await own.model(model)).at(target)
        stage = await own.stage_of(model, request.version)
        now = await look(self.records, self.service, model)
        rule = self.settings.rule_for(model, target)
        if rule is None and target.kind == "stage" and stage is not None:
            # Who takes a version out of a protected stage moves that stage.
            rule = self.settings.rule_for(model, Target(kind="stage", name=stage))
        base = seen_at if request.expected is None else request.expected or None
        new = NewRecord(
            model=model,
            target=target,
            to_version=request.version,
            from_version=base if target.is_held else None,
            state=WAITING,
            by=by,
            comment=request.comment.strip(),
            rule=rule,
            key=key,
        )
        try:
            record = await self._asked(new, own, now)
        except Repeated as repeated:
            return self._told(_same(repeated.record, target, request))
        self._audit("promotion.ask", record, by, refused=record.state == FAILED)
        return self._told(record)

    async def answer(self, model: str, record_id: int, answer: PromotionAnswer, *, by: str) -> Record:
        """Approve, refuse or withdraw one that waits; the line as it stands then.

        Raises:
            NotFound, Forbidden, Conflict: this person cannot, or nobody can any more.
            Unavailable, Upstream: MLflow or the database is away; nothing was answered.
        """
        record = await self.records.get(record_id)
        if record is None or record.model != model:
            raise NotFound("There is no such promotion of this model.")
        person = await self.person(by)
        if answer.decision == "withdraw":
            return await self._withdraw(record, person, answer.comment)
        said = Answer(
            by=by,
            at=datetime.now(timezone.utc),
            approved=answer.decision == "approve",
            comment=answer.comment.strip(),
        )
        earlier = next((known for known in record.answers if known.by == by), None)
        if earlier is not None and earlier.approved == said.approved:
            return await self._completed(record)  # Sent twice, said once.
        why = self.why_not(record, person)
        if why is not None:
            self._audit(f"promotion.{answer.decision}", record, by, refused=True)
            raise Conflict(why) if record.state != WAITING or earlier else Forbidden(why)
        ended = await (self._approve(record, said) if said.approved else self._refuse(record, said))
        self._audit(f"promotion.{answer.decision}", ended, by)
        return ended

    def why_not(self, record: Record, person: Person) -> str | None:
        """Why this person may not approve it, as a sentence; None when they may."""
        if record.state != WAITING:
            return _waits_no_more(record)
        if any(answer.by == person.name for answer in record.answers):
            return "You have answered this promotion already."
        rule = self.rule_of(record)
        if person.groups.isdisjoint(rule.groups):
            return f"Only members of {' or '.join(rule.groups)} may approve this."
        if record.by == person.name and not rule.own:
            return "You asked for this yourself: somebody else has to approve it."
        return None

    def rule_of(self, record: Record) -> Rule:
        """The rule in force for one that waits; the one it was asked under where there is none any more."""
        rule = self.settings.rule_for(record.model, record.target) or record.rule
        if rule is None:
            raise Conflict("No rule says who may approve this: withdraw it, and ask again.")
        return rule

    async def _target(self, model: str, request: PromotionRequest) -> Target:
        if (request.alias is None) == (request.stage is None):
            raise _invalid("alias", "Name an alias or a stage to promote to.")
        target = Target.of(alias=request.alias, stage=request.stage)
        if request.alias is not None:
            problem = why_no_alias(request.alias)
            if problem is None and not self.settings.offers(model, request.alias):
                problem = f"On this hub a version is promoted to {' or '.join(self.settings.aliases)}."
            if problem is not None:
                raise _invalid("alias", problem)
        elif not await self.service.has_stages():
            raise _invalid("stage", "This MLflow server has no stages any more: promote by an alias.")
        return target

    async def _asked(self, new: NewRecord, own: Registry, now: Model) -> Record:
        at = now.at(new.target)
        if at != new.from_version:
            return await self._failed(new, moved_since(new.target, now=at, base=new.from_version))
        if at == new.to_version:
            return await self._failed(new, f"{new.target} is at version {at} already.")
        if new.rule is None:
            try:
                done = await move(self.records, own, new, base=new.from_version)
            except Conflict as busy:
                return await self._failed(new, str(busy))
            return done or await self._failed(new, "It was not done.")
        kept, other = await self.records.ask(new)
        if kept is not None:
            return kept
        who = f"{other.by}'s promotion to version {other.to_version}" if other else "another promotion"
        return await self._failed(new, f"For {new.target}, {who} is open: it must be answered or withdrawn first.")

    async def _failed(self, new: NewRecord, message: str) -> Record:
        return await self.records.add(replace(new, state=FAILED, message=message))

    async def _approve(self, record: Record, said: Answer) -> Record:
        # While MLflow is away nothing is answered: an approval that moves nothing would be lost.
        await look(self.records, self.service, record.model)
        approved = await self.records.answer(record.id, said)
        if approved is None:
            approved = await self._again(record)
            if not any(known.by == said.by and known.approved for known in approved.answers):
                raise self._too_late(approved)
        return await self._completed(approved)

    async def complete_approved(self, *, limit: int = 500) -> None:
        """Do what has all its approvals and was interrupted before it was begun."""
        for record in await self.records.newest(limit=limit, waiting=True):
            if record.answers:
                await self._completed(record)

    async def _completed(self, record: Record) -> Record:
        """Do it once it has all its approvals."""
        given = sum(answer.approved for answer in record.answers)
        if record.state != WAITING or given < self.rule_of(record).approvals:
            return record
        moved = await move(self.records, self.service, record.id, base=record.from_version)
        return moved or await self._again(record)

    async def _refuse(self, record: Record, said: Answer) -> Record:
        message = f"{said.by} refused it."
        ended = await self.records.close(record.id, state=REFUSED, message=message, answer=said)
        if ended is None:
            raise self._too_late(await self._again(record))
        return ended

    async def _withdraw(self, record: Record, person: Person, comment: str) -> Record:
        if record.by != person.name:
            raise Forbidden("Only who asked for a promotion can withdraw it.")
        if record.state == WITHDRAWN:
            return record
        message = comment.strip()[:2000] or None
        ended = await self.records.close(record.id, state=WITHDRAWN, message=message, answer=None)
        if ended is None:
            raise self._too_late(await self._again(record))
        self._audit("promotion.withdraw", ended, person.name)
        return ended

    def _too_late(self, record: Record) -> Conflict:
        if record.state == WAITING:
            return Conflict("You have answered this promotion already.")
        return Conflict(_waits_no_more(record))

    async def _again(self, record: Record) -> Record:
        found = await self.records.get(record.id)
        if found is None:
            raise NotFound("There is no such promotion any more.")
        return found

    def _told(self, record: Record) -> Record:
        if record.state == FAILED:
            raise Conflict(record.message or "It was not done.")
        return record

    def _audit(self, action: str, record: Record, by: str, *, refused: bool = False) -> None:
        detail: dict[str, Any] = {
            "promotion": record.id,
            "to_version": record.to_version,
            "from_version": record.from_version or "none",
            "state": record.state,
            "message": record.message if record.state != DONE else None,
        }
        self._decide(
            who=by,
            action=action,
            target=f"{record.model} {record.target.key}",
            decision="refused" if refused else "allowed",
            detail=detail,
        )


def _waits_no_more(record: Record) -> str:
    return f"This promotion waits no more: it is {'being done' if record.state == MOVING else record.state}."


def _invalid(field: str, message: str) -> InvalidRequest:
    return InvalidRequest(message, [FieldError(field=field, message=message)])


def _same(record: Record, target: Target, request: PromotionRequest) -> Record:
    if (record.target, record.to_version, record.comment) != (target, request.version, request.comment.strip()):
        raise Conflict("This Idempotency-Key was used for another promotion.")
    return record
