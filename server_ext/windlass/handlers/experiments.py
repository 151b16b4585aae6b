"""Experiments, and the columns of their runs."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from windlass.handlers.base import WindlassHandler
from windlass.handlers.operations.tracked import EXPERIMENTS_PAGE, LARGEST_EXPERIMENTS_PAGE


class ExperimentsHandler(WindlassHandler):
    """`/experiments`."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """List experiments, the one changed last first."""
        page = await self.services.parts.experiments.list(
            text=self.query_text("q"),
            deleted=self.query_flag("deleted"),
            limit=self.query_number("limit", default=EXPERIMENTS_PAGE, least=1, most=LARGEST_EXPERIMENTS_PAGE),
            cursor=self.query_text("cursor"),
        )
        await self.reply(page)


class ColumnsHandler(WindlassHandler):
    """`/experiments/columns`."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Say what runs can be shown, sorted and filtered by."""
        experiment_ids = self.get_query_arguments("experiment_id")
        await self.reply(await self.services.parts.experiments.columns(experiment_ids))
