"""Jobs: preview, submit, list."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from windlass.contract.jobs import JobRequest, JobState
from windlass.errors import FieldError, InvalidRequest
from windlass.handlers.base import WindlassHandler
from windlass.handlers.operations import PREFIX
from windlass.handlers.operations.jobs import DEFAULT_PAGE, LARGEST_PAGE
from windlass.services.submit import Submitted, checked_key


class SubmittingHandler(WindlassHandler):
    """What handlers that make jobs share."""

    async def reply_submitted(self, submitted: Submitted) -> None:
        """Answer 201 with where the job is, or 200 when this key had made it before."""
        self.set_header("Location", f"{self.base_url.rstrip('/')}{PREFIX}/jobs/{submitted.job.id}")
        await self.reply(submitted.job, status=201 if submitted.created else 200)


class JobsHandler(SubmittingHandler):
    """`/jobs`."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Send a notebook as a job."""
        request, key = self.parse(JobRequest), checked_key(self.request.headers.get("Idempotency-Key"))
        parts = await self.services.ready()
        await self.reply_submitted(await parts.submission.submit(request, owner=self.owner, key=key))

    @authenticated
    @authorized
    async def get(self) -> None:
        """List jobs, newest first."""
        parts = await self.services.ready()
        page = await parts.jobs.list(
            owner=self.owner,
            states=self._states(),
            notebook=self.query_text("notebook"),
            text=self.query_text("q"),
            limit=self.query_number("limit", default=DEFAULT_PAGE, least=1, most=LARGEST_PAGE),
            cursor=self.query_text("cursor"),
        )
        await self.reply(page)

    def _states(self) -> tuple[JobState, ...]:
        try:
            return tuple(JobState(state) for state in self.get_query_arguments("state"))
        except ValueError:
            message = f"state must be one of {', '.join(state.value for state in JobState)}."
            raise InvalidRequest(message, fields=[FieldError(field="state", message=message)]) from None


class PreviewHandler(WindlassHandler):
    """`/jobs/preview`."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Show what would be sent and started."""
        request = self.parse(JobRequest)
        await self.reply(await self.services.parts.preview.preview(request, owner=self.owner))
