"""One job: look at it, stop it, run it again, forget it."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from windlass.contract.jobs import RerunRequest, StopRequest
from windlass.handlers.base import WindlassHandler
from windlass.handlers.jobs import SubmittingHandler
from windlass.services.submit import checked_key


class JobHandler(WindlassHandler):
    """`/jobs/{id}`."""

    @authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Show one job."""
        parts = await self.services.ready()
        await self.reply(await parts.jobs.get(job_id, owner=self.owner))

    @authenticated
    @authorized
    async def delete(self, job_id: str) -> None:
        """Forget a job that has ended."""
        parts = await self.services.ready()
        await parts.control.delete(job_id, owner=self.owner)
        self.set_status(204)
        await self.finish()


class StopHandler(WindlassHandler):
    """`/jobs/{id}/stop`."""

    @authenticated
    @authorized
    async def post(self, job_id: str) -> None:
        """End a job for good."""
        request = self.parse(StopRequest)
        parts = await self.services.ready()
        await self.reply(await parts.control.stop(job_id, owner=self.owner, reason=request.reason))


class RerunHandler(SubmittingHandler):
    """`/jobs/{id}/rerun`."""

    @authenticated
    @authorized
    async def post(self, job_id: str) -> None:
        """Run the same code again."""
        request, key = self.parse(RerunRequest), checked_key(self.request.headers.get("Idempotency-Key"))
        parts = await self.services.ready()
        await self.reply_submitted(await parts.submission.rerun(job_id, request, owner=self.owner, key=key))
