"""Runs: searched, compared, drawn, and one of them whole."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from windlass.contract.comparison import CompareRequest, CurvesRequest
from windlass.contract.experiments import FilterCheck
from windlass.contract.runs import RunSearch
from windlass.handlers.base import WindlassHandler


class RunSearchHandler(WindlassHandler):
    """`/runs/search`."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Show a page of runs."""
        await self.reply(await self.services.parts.experiments.search(self.parse(RunSearch)))


class RunFilterHandler(WindlassHandler):
    """`/runs/filter`."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Judge a filter while it is typed."""
        await self.reply(self.services.parts.experiments.check_filter(self.parse(FilterCheck)))


class RunCompareHandler(WindlassHandler):
    """`/runs/compare`."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Put runs side by side."""
        request = self.parse(CompareRequest)
        parts = await self.services.ready()
        await self.reply(await parts.comparison.compare(request, owner=self.owner))


class RunCurvesHandler(WindlassHandler):
    """`/runs/curves`."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Sample metrics of runs."""
        await self.reply(await self.services.parts.curves.read(self.parse(CurvesRequest)))


class RunHandler(WindlassHandler):
    """`/runs/{run_id}`."""

    @authenticated
    @authorized
    async def get(self, run_id: str) -> None:
        """Show one run."""
        parts = await self.services.ready()
        await self.reply(await parts.run_details.get(run_id, owner=self.owner))
