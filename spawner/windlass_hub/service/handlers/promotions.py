"""`models/NAME/promotions`: who moved what, asking for it, and answering; `promotions`: what waits for somebody.

`models/NAME/versions`: registering in the name of somebody who may not edit the model in MLflow.
"""

from __future__ import annotations

import re

from windlass.contract.hub import VersionRequest
from windlass.contract.models import PromotionAnswer, PromotionRequest, PromotionState
from windlass_hub.promotions.records import Record
from windlass_hub.service.auth import ServiceHandler, needs
from windlass_hub.service.problems import InvalidRequest, Missing

MODEL = r"([^/]+)"
_LONGEST_NAME = 256
_NAME = re.compile(r"[^/:\x00-\x1f\x7f]+")
_LONGEST_KEY = 255


class PromotionHandler(ServiceHandler):
    """Base: who asks is somebody, about a model."""

    people_only = True
    largest_body_bytes = 64 * 1024

    def model(self, name: str) -> str:
        """The model's name of the address. Raises Missing for what MLflow has no model of."""
        if not 0 < len(name) <= _LONGEST_NAME or name in (".", "..") or not _NAME.fullmatch(name):
            raise Missing("There is no model of this name.")
        return name

    async def answered(self, record: Record, *, status: int = 200) -> None:
        """Answer with a line, as the caller may act on it."""
        person = await self.state.promotions.person(self.caller.name)
        self.reply(self.state.promotion_reads.shown(record, person), status=status)


class ModelPromotionsHandler(PromotionHandler):
    """`api/models/NAME/promotions`."""

    scopes = needs(GET=(), POST=())

    async def get(self, name: str) -> None:
        """The model's log, newest first."""
        model, cursor = self.model(name), self.query_text("cursor", most=64)
        self.reply(await self.state.promotion_reads.log(model, by=self.caller.name, cursor=cursor))

    async def post(self, name: str) -> None:
        """Ask for a promotion; 202 when it waits for an approval."""
        self.limit("promotions")
        model, request = self.model(name), self.parse(PromotionRequest)
        record = await self.state.promotions.ask(model, request, by=self.caller.name, key=self._key())
        status = 202 if record.state == PromotionState.WAITING.value else 200
        await self.answered(record, status=status)

    def _key(self) -> str | None:
        key = self.request.headers.get("Idempotency-Key")
        if key is not None and not (0 < len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable()):
            raise InvalidRequest(f"An Idempotency-Key has 1 to {_LONGEST_KEY} printable ASCII characters.")
        return key


class PromotionAnswerHandler(PromotionHandler):
    """`api/models/NAME/promotions/ID`."""

    scopes = needs(POST=())

    async def post(self, name: str, record_id: str) -> None:
        """Approve, refuse or withdraw."""
        self.limit("promotions")
        model, answer = self.model(name), self.parse(PromotionAnswer)
        record = await self.state.promotions.answer(model, int(record_id), answer, by=self.caller.name)
        await self.answered(record)


class PromotionComparisonHandler(PromotionHandler):
    """`api/models/NAME/promotions/ID/comparison`."""

    scopes = needs(GET=())

    async def get(self, name: str, record_id: str) -> None:
        """The version that holds the alias or stage beside the one that is to."""
        model = self.model(name)
        self.reply(await self.state.promotion_reads.comparison(model, int(record_id), by=self.caller.name))


class ModelVersionsHandler(PromotionHandler):
    """`api/models/NAME/versions`."""

    scopes = needs(POST=())
    largest_body_bytes = 2 * 1024 * 1024

    async def post(self, name: str) -> None:
        """Register a version in the caller's name; 200 when the same files were one already."""
        self.limit("registrations")
        model, request = self.model(name), self.parse(VersionRequest)
        made = await self.state.registrations.register(model, request, by=self.caller.name)
        self.reply(made, status=201 if made.created else 200)


class PromotionTermsHandler(PromotionHandler):
    """`api/models/NAME/promotion-terms`."""

    scopes = needs(GET=())

    async def get(self, name: str) -> None:
        """What can be promoted to, and under which rules."""
        self.reply(await self.state.promotion_reads.terms(self.model(name), by=self.caller.name))


class PromotionsHandler(PromotionHandler):
    """`api/promotions`."""

    scopes = needs(GET=())

    async def get(self) -> None:
        """What waits for the caller, or was asked by them (`state=waiting`); else what concerns them, newest first."""
        reads, cursor = self.state.promotion_reads, self.query_text("cursor", most=64)
        if self.query_text("state", most=16) == PromotionState.WAITING.value:
            self.reply(await reads.waiting(by=self.caller.name))
        else:
            self.reply(await reads.latest(by=self.caller.name, cursor=cursor))
