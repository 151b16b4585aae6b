"""A job's GPUs over its life."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from windlass.handlers.base import WindlassHandler
from windlass.handlers.operations.spending import MOST_POINTS, POINTS


class JobGpusHandler(WindlassHandler):
    """`/jobs/{job_id}/gpus`."""

    @authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """How a job used its GPUs, and what it cost, as far as that is known."""
        points = self.query_number("points", default=POINTS, least=10, most=MOST_POINTS)
        parts = await self.services.ready()
        await self.reply(await parts.job_gpus.get(job_id, owner=self.owner, points=points))
