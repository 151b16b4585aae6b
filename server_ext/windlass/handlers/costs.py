"""Money: what jobs took, sums of it, prices, budgets, estimates and advice."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from windlass.contract.jobs import JobRequest
from windlass.handlers.base import WindlassHandler
from windlass.handlers.operations.spending import LARGEST_REPORT_PAGE, REPORT_PAGE
from windlass.services.spending.report_table import as_csv
from windlass.services.spending.reporting import Question


class JobCostHandler(WindlassHandler):
    """`/jobs/{job_id}/cost`."""

    @authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Say what a job took."""
        parts = await self.services.ready()
        await self.reply(await parts.spending.job_costs.get(job_id, owner=self.owner))


class JobAdviceHandler(WindlassHandler):
    """`/jobs/{job_id}/advice`."""

    @authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Say what would have done."""
        parts = await self.services.ready()
        await self.reply(await parts.spending.advisor.advise(job_id, owner=self.owner))


class CostsHandler(WindlassHandler):
    """`/costs`."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Sum up what was spent."""
        parts = await self.services.ready()
        report = await parts.spending.reports.report(self._question(), owner=self.owner)
        if self._wants_csv():
            self.set_header("Content-Disposition", f'attachment; filename="costs-by-{report.by}.csv"')
            await self.reply_bytes(as_csv(report).encode(), media_type="text/csv; charset=utf-8")
        else:
            await self.reply(report)

    def _question(self) -> Question:
        return Question(
            by=self.query_text("by"),
            start=self.query_text("start"),
            end=self.query_text("end"),
            limit=self.query_number("limit", default=REPORT_PAGE, least=1, most=LARGEST_REPORT_PAGE),
            cursor=self.query_text("cursor"),
        )

    def _wants_csv(self) -> bool:
        """Whether CSV is what is asked for first: browsers accept anything, and mean JSON here."""
        kinds = [kind.split(";")[0].strip().lower() for kind in self.request.headers.get("Accept", "").split(",")]
        return next((kind for kind in kinds if kind in ("text/csv", "application/json", "*/*")), "") == "text/csv"


class PricesHandler(WindlassHandler):
    """`/costs/prices`."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Show the prices in force."""
        await self.reply(await self.services.parts.spending.prices.shown())


class BudgetsHandler(WindlassHandler):
    """`/costs/budgets`."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Show the budgets that count."""
        await self.reply(await self.services.parts.spending.reports.budgets())


class EstimateHandler(WindlassHandler):
    """`/costs/estimate`."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Say what a job would cost."""
        request = self.parse(JobRequest)
        parts = await self.services.ready()
        await self.reply(await parts.spending.estimates.estimate(request, owner=self.owner))
