"""Registered models and pages of their versions; a version's words changed."""

from __future__ import annotations

from windlass.contract.models import (
    ModelChange,
    ModelList,
    ModelVersion,
    ModelVersionList,
    RegisteredModel,
    VersionChange,
)
from windlass.services.experiments.questions import Question, bad_cursor, page_cursor, token_in
from windlass.services.registry.names import (
    asking_for,
    invalid,
    known_name,
    known_version,
    told_model,
    told_version,
)
from windlass.services.registry.rows import Row, model_of, version_of
from windlass.services.registry.sources import SourceRuns
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.model_words import LONGEST_KEY, why_no_tag
from windlass.tracking.reads import Page
from windlass.tracking.reads.registry import RegistryReads
from windlass.tracking.tracking import Tracking


class ModelRegistry:
    """Models of the tracking server. Methods raise Unavailable, MlflowRefused and Upstream."""

    def __init__(self, *, tracking: Tracking, sources: SourceRuns) -> None:
        self._tracking = tracking
        self._sources = sources

    async def page(self, *, text: str | None = None, limit: int, cursor: str | None = None) -> ModelList:
        """A page of models, by name. Raises InvalidRequest for a cursor that is none."""
        question = _question("models", text or "")
        reads = await self._tracking.reads()
        try:
            page = await reads.registry.search_models(
                text=text or "", limit=limit, page_token=token_in(cursor, question)
            )
        except MlflowRefused as refused:
            raise _asked_wrongly(refused, field="cursor" if cursor else "q") from refused
        site = self._tracking.browser_site()
        items = [model_of(found, site=site) for found in page.items]
        return ModelList(items=items, next_cursor=page_cursor(question, page.token))

    async def get(self, name: str, *, limit: int, cursor: str | None = None) -> ModelVersionList:
        """A model and a page of its versions, newest first. Raises NotFound, and InvalidRequest for a bad cursor."""
        known_name(name)
        question = _question("versions", name)
        token = token_in(cursor, question)
        reads = await self._tracking.reads()
        with asking_for(told_model(name)):
            model, page = await reads.registry.model_and_versions(name=name, limit=limit, page_token=token)
        return ModelVersionList(
            model=model_of(model, site=self._tracking.browser_site()),
            items=await self._shown(page),
            next_cursor=page_cursor(question, page.token),
        )

    async def found(self, name: str, version: str) -> Row:
        """A version as MLflow has it, with its aliases. Raises NotFound."""
        number = known_version(version)
        reads = await self._tracking.reads()
        with asking_for(told_version(known_name(name), number)):
            return await reads.registry.version(name, number)

    async def shown(self, found: Row) -> ModelVersion:
        """A version of MLflow's, with what is known of its run."""
        return (await self._shown(Page(items=[dict(found)], token=None)))[0]

    async def change(self, name: str, version: str, change: VersionChange) -> ModelVersion:
        """Change a version's description and tags. Raises NotFound and InvalidRequest."""
        _check_tags(change)
        found = await self.found(name, version)
        number = str(found["version"])
        registry = (await self._tracking.reads()).registry
        with asking_for(told_version(name, number)):
            if change.description is not None:
                await registry.update_version(name, number, description=change.description)
            await _change_tags(registry, change, name=name, version=number)
        return await self.shown(await self.found(name, number))

    async def change_model(self, name: str, change: ModelChange) -> RegisteredModel:
        """Change a model's description and tags. Raises NotFound and InvalidRequest."""
        known_name(name)
        _check_tags(change)
        registry = (await self._tracking.reads()).registry
        with asking_for(told_model(name)):
            await registry.model(name)
            if change.description is not None:
                await registry.update_model(name, description=change.description)
            await _change_tags(registry, change, name=name, version=None)
            return model_of(await registry.model(name), site=self._tracking.browser_site())

    async def _shown(self, page: Page) -> list[ModelVersion]:
        runs = await self._sources.of(str(found.get("run_id") or "") for found in page.items)
        site = self._tracking.browser_site()
        return [version_of(found, run=runs.get(str(found.get("run_id") or "")), site=site) for found in page.items]


def check_tag(key: str, value: str | None) -> None:
    """Raises InvalidRequest for a tag that MLflow would not take, or that is Windlass's own."""
    problem = why_no_tag(key, value)
    if problem is not None:
        raise invalid(f"tags.{key[:LONGEST_KEY]}", problem)


async def _change_tags(registry: RegistryReads, change: VersionChange, *, name: str, version: str | None) -> None:
    for key, value in change.tags.items():
        if value is None:
            await registry.delete_tag(name, version=version, key=key)
        else:
            await registry.set_tag(name, version=version, key=key, value=value)


def _check_tags(change: VersionChange) -> None:
    for key, value in change.tags.items():
        check_tag(key, value)


def _asked_wrongly(refused: MlflowRefused, *, field: str) -> Exception:
    if not refused.is_invalid:
        return refused
    return bad_cursor() if field == "cursor" else invalid(field, str(refused))


def _question(kind: str, text: str) -> Question:
    return Question(experiment_ids=(), filter=text, order_by=(kind,), deleted=False, columns=(), whole=False)
