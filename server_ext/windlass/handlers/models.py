"""The model registry: models, versions, promotions."""

from __future__ import annotations

from urllib.parse import quote

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from windlass.contract.models import (
    EvaluationRequest,
    ModelChange,
    PromotionAnswer,
    PromotionRequest,
    PromotionState,
    RegisterRequest,
    VersionChange,
)
from windlass.handlers.base import WindlassHandler
from windlass.handlers.jobs import JobsHandler
from windlass.handlers.operations import PREFIX
from windlass.handlers.operations.registry import LARGEST_MODELS_PAGE, MODELS_PAGE
from windlass.services.registry.register import Registered
from windlass.services.submit import checked_key


class ModelsHandler(WindlassHandler):
    """`/models`."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """List models, by name."""
        page = await self.services.parts.registry.models.page(
            text=self.query_text("q"),
            limit=self.query_number("limit", default=MODELS_PAGE, least=1, most=LARGEST_MODELS_PAGE),
            cursor=self.query_text("cursor"),
        )
        await self.reply(page)

    @authenticated
    @authorized
    async def post(self) -> None:
        """Register the model of a run."""
        request = self.parse(RegisterRequest)
        registered = await self.services.parts.registry.registration.register(request, owner=self.owner)
        await self._reply_registered(registered)

    async def _reply_registered(self, registered: Registered) -> None:
        """Answer 201 with where the version is, or 200 when it was there."""
        version = registered.version
        place = f"models/{quote(version.name, safe='')}/versions/{version.version}"
        self.set_header("Location", f"{self.base_url.rstrip('/')}{PREFIX}/{place}")
        await self.reply(version, status=201 if registered.created else 200)


class ModelHandler(WindlassHandler):
    """`/models/{name}`."""

    @authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Show a model and a page of its versions."""
        page = await self.services.parts.registry.models.get(
            name,
            limit=self.query_number("limit", default=MODELS_PAGE, least=1, most=LARGEST_MODELS_PAGE),
            cursor=self.query_text("cursor"),
        )
        await self.reply(page)

    @authenticated
    @authorized
    async def patch(self, name: str) -> None:
        """Change a model's description and tags."""
        change = self.parse(ModelChange)
        await self.reply(await self.services.parts.registry.models.change_model(name, change))


class VersionHandler(WindlassHandler):
    """`/models/{name}/versions/{version}`."""

    @authenticated
    @authorized
    async def get(self, name: str, version: str) -> None:
        """Show a version."""
        await self.reply(await self.services.parts.registry.versions.get(name, version))

    @authenticated
    @authorized
    async def patch(self, name: str, version: str) -> None:
        """Change a version's description and tags."""
        change = self.parse(VersionChange)
        await self.reply(await self.services.parts.registry.models.change(name, version, change))


class VersionCompareHandler(WindlassHandler):
    """`/models/{name}/versions/{version}/compare`."""

    @authenticated
    @authorized
    async def get(self, name: str, version: str) -> None:
        """Put a version beside another."""
        present = self.query_text("with")
        await self.reply(await self.services.parts.registry.versions.compare(name, version, present=present))


class EvaluateHandler(JobsHandler):
    """`/models/{name}/versions/{version}/evaluate`."""

    @authenticated
    @authorized
    async def post(self, name: str, version: str) -> None:
        """Evaluate a version as a job."""
        request, key = self.parse(EvaluationRequest), checked_key(self.request.headers.get("Idempotency-Key"))
        evaluations = (await self.services.ready()).registry.evaluations
        await self.reply_submitted(await evaluations.start(name, version, request, owner=self.owner, key=key))


class EvaluationsHandler(WindlassHandler):
    """`/models/{name}/versions/{version}/evaluations`."""

    @authenticated
    @authorized
    async def get(self, name: str, version: str) -> None:
        """Show what the newest evaluation found."""
        parts = await self.services.ready()
        await self.reply(await parts.registry.results.newest(name, version, owner=self.owner))


class PromotionTermsHandler(WindlassHandler):
    """`/models/{name}/promotion-terms`."""

    @authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Say what can be promoted to."""
        await self.reply(await self.services.parts.registry.promotions.terms(name))


class PromotionsHandler(WindlassHandler):
    """`/models/{name}/promotions`."""

    @authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Show the log."""
        cursor = self.query_text("cursor")
        await self.reply(await self.services.parts.registry.promotions.log(name, cursor=cursor))

    @authenticated
    @authorized
    async def post(self, name: str) -> None:
        """Move an alias or a stage."""
        request, key = self.parse(PromotionRequest), checked_key(self.request.headers.get("Idempotency-Key"))
        promotions = self.services.parts.registry.promotions
        promotion = await promotions.promote(name, request, owner=self.owner, key=key)
        await self.reply(promotion, status=202 if promotion.state is PromotionState.WAITING else 200)


class PromotionHandler(WindlassHandler):
    """`/models/{name}/promotions/{promotion_id}`."""

    @authenticated
    @authorized
    async def post(self, name: str, promotion_id: str) -> None:
        """Answer a promotion that waits."""
        answer = self.parse(PromotionAnswer)
        await self.reply(await self.services.parts.registry.promotions.answer(name, promotion_id, answer))
