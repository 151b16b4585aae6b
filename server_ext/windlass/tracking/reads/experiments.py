"""Experiments: found by name, by id, and their names for lists of runs."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from windlass.tracking.answers import MlflowRefused
from windlass.tracking.filters.quoting import contains
from windlass.tracking.reads.pages import Page, each, object_in, page_of
from windlass.tracking.rest import MlflowHttp

_NAMES_FRESH_SECONDS = 60.0
_MOST_NAMES = 10_000


class ExperimentReads:
    """Experiments of one server."""

    def __init__(self, http: MlflowHttp) -> None:
        self._http = http
        self._names: dict[str, tuple[str, float]] = {}

    async def search(
        self, *, text: str = "", deleted: bool = False, limit: int = 100, page_token: str | None = None
    ) -> Page:
        """Experiments whose name contains a text, whatever the case, the one changed last first."""
        body: dict[str, Any] = {
            "max_results": limit,
            "view_type": "DELETED_ONLY" if deleted else "ACTIVE_ONLY",
            "order_by": ["last_update_time DESC"],
        }
        if text:
            body["filter"] = f"name ILIKE {contains(text)}"
        if page_token:
            body["page_token"] = page_token
        page = page_of(await self._http.post("experiments/search", body), "experiments")
        for experiment in page.items:
            self._remember(experiment)
        return page

    async def get(self, experiment_id: str) -> dict[str, Any]:
        """One experiment, also a deleted one. Raises MlflowRefused (`is_missing`)."""
        answer = await self._http.get("experiments/get", {"experiment_id": experiment_id})
        experiment = object_in(answer, "experiment")
        self._remember(experiment)
        return experiment

    async def names(self, experiment_ids: Iterable[str]) -> dict[str, str]:
        """Names by id, at most a minute old; those that are gone or not allowed are left out."""
        now = time.monotonic()
        wanted = list(dict.fromkeys(experiment_ids))
        stale = [some for some in wanted if now - self._names.get(some, ("", -1e9))[1] > _NAMES_FRESH_SECONDS]
        refused = {key for key, found in (await each(stale, self.get)).items() if isinstance(found, MlflowRefused)}
        return {some: self._names[some][0] for some in wanted if some not in refused and some in self._names}

    def _remember(self, experiment: dict[str, Any]) -> None:
        if len(self._names) >= _MOST_NAMES:
            self._names.clear()
        self._names[str(experiment.get("experiment_id"))] = (str(experiment.get("name")), time.monotonic())
