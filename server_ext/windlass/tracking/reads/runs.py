"""Runs: a page of them, one whole, several by id."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from windlass.errors import Upstream
from windlass.tracking.answers import MlflowRefused
from windlass.tracking.reads.pages import Page, each, missing, object_in, page_of
from windlass.tracking.rest import MlflowHttp

_RUN_ID = re.compile(r"[a-zA-Z0-9][\w-]{0,255}", re.ASCII)


class RunReads:
    """Runs of one server."""

    def __init__(self, http: MlflowHttp) -> None:
        self._http = http

    async def search(
        self,
        *,
        experiment_ids: Sequence[str],
        filter: str = "",  # noqa: A002 - MLflow's own word
        order_by: Sequence[str] = (),
        deleted: bool = False,
        limit: int = 100,
        page_token: str | None = None,
    ) -> Page:
        """A page of runs.

        Args:
            experiment_ids: where to look; with none there is nothing to find.
            filter: MLflow's syntax, as `filters.parse` takes it.
            order_by: clauses of MLflow's, made by `filters.quoting.order_by`; ties are in order of start, latest first.
            deleted: the runs in MLflow's bin instead of the active ones.
            limit: at most so many, up to 50,000.
            page_token: of the page before, for the same question.

        Raises MlflowRefused (`is_invalid`) for a filter or token that MLflow does not take.
        """
        body: dict[str, Any] = {
            "experiment_ids": list(experiment_ids),
            "run_view_type": "DELETED_ONLY" if deleted else "ACTIVE_ONLY",
            "max_results": limit,
        }
        if filter.strip():
            body["filter"] = filter
        if order_by:
            body["order_by"] = list(order_by)
        if page_token:
            body["page_token"] = page_token
        page = page_of(await self._http.post("runs/search", body), "runs")
        if not all(isinstance(run.get("info"), dict) for run in page.items):
            raise Upstream("MLflow answered what cannot be understood: there are runs without 'info'.")
        return page

    async def get(self, run_id: str) -> dict[str, Any]:
        """One run, also a deleted one. Raises MlflowRefused (`is_missing`)."""
        if not _RUN_ID.fullmatch(run_id):
            raise missing(f"There is no run {run_id[:64]!r} in MLflow.")
        run = object_in(await self._http.get("runs/get", {"run_id": run_id}), "run")
        object_in(run, "info")
        return run

    async def many(self, run_ids: Iterable[str]) -> dict[str, dict[str, Any] | MlflowRefused]:
        """Runs by id, also deleted ones, a few asked for at once; in place of one that cannot be had, why."""
        return await each(run_ids, self.get)
