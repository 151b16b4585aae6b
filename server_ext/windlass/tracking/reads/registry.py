"""The model registry: models, versions, aliases, stages; read and written.

MLflow's searches of versions give no aliases: they are joined here from the model. What must not be done twice (a new
version) is not tried again once it was sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from windlass.tracking.answers import MlflowRefused
from windlass.tracking.filters.quoting import contains, quoted
from windlass.tracking.reads.pages import Page, missing, object_in, objects_of, page_of
from windlass.tracking.rest import MlflowHttp, Query


class RegistryReads:
    """The registry of one server. Methods raise MlflowRefused (`is_missing`) for what is not there."""

    def __init__(self, http: MlflowHttp) -> None:
        self._http = http

    async def search_models(self, *, text: str = "", limit: int = 100, page_token: str | None = None) -> Page:
        """Models whose name contains a text, whatever the case, by name; each with its `aliases`. No prompts."""
        query: dict[str, str | int | list[str]] = {"max_results": limit, "order_by": ["name ASC"]}
        query |= {"filter": f"name ILIKE {contains(text)}"} if text else {}
        query |= {"page_token": page_token} if page_token else {}
        return page_of(await self._http.get("registered-models/search", query), "registered_models")

    async def model(self, name: str) -> dict[str, Any]:
        """One model; its `aliases` are objects of `alias` and `version`."""
        return object_in(await self._http.get("registered-models/get", {"name": name}), "registered_model")

    async def versions(self, *, name: str, limit: int = 100, page_token: str | None = None) -> Page:
        """Versions of a model, the newest first, each with its `aliases` (a list of words, maybe empty)."""
        return (await self.model_and_versions(name=name, limit=limit, page_token=page_token))[1]

    async def model_and_versions(
        self, *, name: str, limit: int = 100, page_token: str | None = None
    ) -> tuple[dict[str, Any], Page]:
        """A model, and its versions as `versions` gives them."""
        page, model = await asyncio.gather(
            self._search_versions(f"name = {quoted(name)}", limit=limit, page_token=page_token), self.model(name)
        )
        return model, Page(items=[_with_aliases(version, model) for version in page.items], token=page.token)

    async def versions_tagged(
        self, *, name: str, key: str, value: str, limit: int = 100, page_token: str | None = None
    ) -> Page:
        """Versions of a model that have a tag, the newest first, without aliases."""
        condition = f"name = {quoted(name)} AND tags.`{key}` = {quoted(value)}"
        return await self._search_versions(condition, limit=limit, page_token=page_token)

    async def versions_of_source(self, *, name: str, source: str, limit: int = 100) -> list[dict[str, Any]]:
        """Versions of a model that were made from the files at `source`, the newest first, with their `aliases`."""
        condition = f"name = {quoted(name)} AND source_path = {quoted(source)}"
        page = await self._search_versions(condition, limit=limit, page_token=None)
        model = await self.model(name) if page.items else {}
        return [_with_aliases(version, model) for version in page.items]

    async def file(self, name: str, version: str, path: str, *, limit_bytes: int) -> bytes:
        """The first bytes of a file of a version, wherever MLflow keeps it."""
        query: Query = {"name": name, "version": version, "path": path}
        data = bytearray()
        async with self._http.stream("/model-versions/get-artifact", query) as streamed:
            async for chunk in streamed.chunks:
                data += chunk
                if len(data) >= limit_bytes:
                    break
        return bytes(data[:limit_bytes])

    async def versions_of_run(self, run_id: str, *, limit: int = 100) -> list[dict[str, Any]]:
        """Versions of whatever model that came from a run, with their `aliases`, at most so many."""
        return (await self.versions_of_runs([run_id], limit=limit)).items

    async def versions_of_runs(self, run_ids: Sequence[str], *, limit: int = 100) -> Page:
        """The same of several runs, at least one; the page's token tells that there are more."""
        # Not every registry knows `IN`.
        several = f"run_id IN ({', '.join(map(quoted, run_ids))})"
        condition = several if len(run_ids) > 1 else f"run_id = {quoted(run_ids[0])}"
        page = await self._search_versions(condition, limit=limit, page_token=None)
        names = sorted({str(version.get("name")) for version in page.items})
        models = dict(zip(names, await asyncio.gather(*map(self.model, names)), strict=True))
        items = [_with_aliases(version, models[str(version.get("name"))]) for version in page.items]
        return Page(items=items, token=page.token)

    async def version(self, name: str, version: str) -> dict[str, Any]:
        """One version, with its `aliases`."""
        answer, model = await asyncio.gather(
            self._http.get("model-versions/get", {"name": name, "version": version}), self.model(name)
        )
        return _with_aliases(object_in(answer, "model_version"), model)

    async def by_alias(self, name: str, alias: str) -> dict[str, Any]:
        """The version that an alias stands at. Raises MlflowRefused (`is_missing`) when it stands at none."""
        model = await self.model(name)
        for pair in objects_of(model, "aliases"):
            if pair.get("alias") == alias:
                return await self.version(name, str(pair.get("version")))
        raise missing(f"No version of {name!r} has the alias {alias!r}.")

    async def create_model(
        self, name: str, *, description: str | None = None, tags: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Make a model. Raises MlflowRefused with `RESOURCE_ALREADY_EXISTS` when there is one of that name."""
        body = {"name": name, "tags": _pairs(tags)} | ({"description": description} if description else {})
        return object_in(await self._http.post("registered-models/create", body), "registered_model")

    async def create_version(
        self,
        name: str,
        *,
        source: str,
        run_id: str | None = None,
        model_id: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Make a version of a model from the files at `source` (the run's artifact address, or `models:/<model_id>`).

        Raises Unavailable, and says that it may have been done, when MLflow broke off in the middle.
        """
        given = {"run_id": run_id, "model_id": model_id, "description": description}
        body: dict[str, Any] = {"name": name, "source": source, "tags": _pairs(tags)}
        body |= {key: value for key, value in given.items() if value}
        return object_in(await self._http.post("model-versions/create", body, repeatable=False), "model_version")

    async def update_model(self, name: str, *, description: str) -> dict[str, Any]:
        """Set a model's description."""
        body = {"name": name, "description": description}
        return object_in(await self._http.patch("registered-models/update", body), "registered_model")

    async def update_version(self, name: str, version: str, *, description: str) -> dict[str, Any]:
        """Set a version's description."""
        body = {"name": name, "version": version, "description": description}
        return object_in(await self._http.patch("model-versions/update", body), "model_version")

    async def set_tag(self, name: str, *, version: str | None = None, key: str, value: str) -> None:
        """Set a tag of a version, or of the model."""
        kind, whose = _whose(name, version)
        endpoint, body = f"{kind}/set-tag", {**whose, "key": key, "value": value}
        try:
            await self._http.post(endpoint, body)
        except MlflowRefused as refused:
            if not refused.is_invalid:
                raise
            # MLflow looks whether there is such a tag, and then inserts it: of two that set a new one at once the
            # second is refused for what the first one made. Asked again it finds that; a wrong request stays wrong.
            await self._http.post(endpoint, body)

    async def delete_tag(self, name: str, *, version: str | None = None, key: str) -> None:
        """Remove a tag of a version, or of the model; one that is not there is passed over."""
        kind, whose = _whose(name, version)
        await self._http.delete(f"{kind}/delete-tag", {**whose, "key": key})

    async def set_alias(self, name: str, alias: str, version: str) -> None:
        """Have an alias stand at a version, wherever it stood."""
        await self._http.post("registered-models/alias", {"name": name, "alias": alias, "version": version})

    async def delete_alias(self, name: str, alias: str) -> None:
        """Remove an alias; one that is not there is passed over."""
        await self._http.delete("registered-models/alias", {"name": name, "alias": alias})

    async def transition_stage(
        self, name: str, version: str, *, stage: str, archive_existing: bool = False
    ) -> dict[str, Any]:
        """Put a version into a stage, and those that are in it into Archived if asked to."""
        body = {"name": name, "version": version, "stage": stage, "archive_existing_versions": archive_existing}
        return object_in(await self._http.post("model-versions/transition-stage", body), "model_version")

    async def _search_versions(self, condition: str, *, limit: int, page_token: str | None) -> Page:
        query: Query = {"filter": condition, "max_results": limit, "order_by": ["version_number DESC"]}
        query = {**query, "page_token": page_token} if page_token else query
        return page_of(await self._http.get("model-versions/search", query), "model_versions")


def _whose(name: str, version: str | None) -> tuple[str, dict[str, str]]:
    if version is None:
        return "registered-models", {"name": name}
    return "model-versions", {"name": name, "version": version}


def _with_aliases(version: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    number = str(version.get("version"))
    aliases = [str(pair.get("alias")) for pair in objects_of(model, "aliases") if str(pair.get("version")) == number]
    return {**version, "aliases": aliases}


def _pairs(tags: Mapping[str, str] | None) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in (tags or {}).items()]
