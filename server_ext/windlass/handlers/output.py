"""What a job made: its log, its executed notebook, what was sent and how that differs from now."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from windlass.handlers.base import WindlassHandler
from windlass.handlers.operations.jobs import DEFAULT_LOG_BYTES, LARGEST_LOG_BYTES
from windlass.services.queries import Download

CHUNK_BYTES = 256 * 1024


class LogsHandler(WindlassHandler):
    """`/jobs/{id}/logs`."""

    @authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Read a part of a job's output."""
        rank = self.query_number_or_none("rank", least=0, most=1_000_000)
        offset = self.query_number("offset", default=0, least=0)
        limit = self.query_number("limit_bytes", default=DEFAULT_LOG_BYTES, least=1, most=LARGEST_LOG_BYTES)
        parts = await self.services.ready()
        page = await parts.jobs.logs(job_id, owner=self.owner, rank=rank, offset=offset, limit_bytes=limit)
        await self.reply(page)


class NotebookHandler(WindlassHandler):
    """`/jobs/{id}/notebook`."""

    @authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Read the executed notebook as it is now."""
        parts = await self.services.ready()
        version = await parts.jobs.notebook_version(job_id, owner=self.owner)
        self.set_header("ETag", f'"{version}"')
        if self.check_etag_header():
            self.set_status(304)
            return
        await self.reply_bytes(await parts.jobs.notebook(job_id, owner=self.owner), media_type="application/json")

    def compute_etag(self) -> None:
        """Leave the ETag set by the verb alone."""


class DiffHandler(WindlassHandler):
    """`/jobs/{id}/diff`."""

    @authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Compare the notebook now with the notebook as sent."""
        parts = await self.services.ready()
        await self.reply(await parts.jobs.diff(job_id, owner=self.owner))


class BundleHandler(WindlassHandler):
    """`/jobs/{id}/bundle`."""

    @authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Download what was sent."""
        parts = await self.services.ready()
        await self.send_file(await parts.jobs.bundle(job_id, owner=self.owner))

    async def send_file(self, bundle: Download) -> None:
        """Answer with a bundle, to be saved."""
        self.set_header("Content-Type", "application/gzip")
        self.set_attachment_header(bundle.file_name)
        with bundle.path.open("rb") as file:
            while chunk := await self.services.in_thread(file.read, CHUNK_BYTES):
                self.write(chunk)
                await self.flush()
        await self.finish(set_content_type="application/gzip")
