"""The cluster: what it offers, and where a job is in it."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from windlass.handlers.base import WindlassHandler


class ClusterHandler(WindlassHandler):
    """`/cluster`."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Say what the cluster offers."""
        await self.reply(await self.services.parts.cluster.offers())


class PlacementHandler(WindlassHandler):
    """`/jobs/{id}/placement`."""

    @authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Show a job's pods and time line."""
        parts = await self.services.ready()
        await self.reply(await parts.cluster.placement(job_id, owner=self.owner))
