"""What a run left behind and came from: its files, its notebook, what was sent for it, its lineage."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from windlass.contract.runs import RunRerun
from windlass.errors import FieldError, InvalidRequest
from windlass.handlers.base import WindlassHandler
from windlass.handlers.jobs import SubmittingHandler
from windlass.handlers.operations.tracked import ARTIFACTS_PAGE
from windlass.handlers.output import BundleHandler
from windlass.handlers.streaming import StreamingHandler, disposition
from windlass.services.submit import checked_key


class RunFilesHandler(StreamingHandler):
    """What handlers of files share."""

    @property
    def path_asked(self) -> str:
        """The path in the query to the letter: names of files begin with spaces and hold line breaks, too."""
        given: bytes = self.request.query_arguments.get("path", [b""])[-1]
        try:
            return given.decode("utf-8")
        except UnicodeDecodeError:
            message = "The path is not UTF-8."
            raise InvalidRequest(message, fields=[FieldError(field="path", message=message)]) from None


class RunNotebookHandler(WindlassHandler):
    """`/runs/{id}/notebook`."""

    @authenticated
    @authorized
    async def get(self, run_id: str) -> None:
        """Read the notebook as it ran."""
        parts = await self.services.ready()
        content = await parts.run_files.notebooks.ran(run_id, owner=self.owner)
        await self.reply_bytes(content, media_type="application/json")


class RunDiffHandler(WindlassHandler):
    """`/runs/{id}/diff`."""

    @authenticated
    @authorized
    async def get(self, run_id: str) -> None:
        """Compare the notebooks of two runs."""
        parts = await self.services.ready()
        await self.reply(await parts.run_files.notebooks.diff(run_id, self.query_text("with"), owner=self.owner))


class RunBundleHandler(BundleHandler):
    """`/runs/{id}/bundle`."""

    @authenticated
    @authorized
    async def get(self, run_id: str) -> None:
        """Download what was sent for a run."""
        parts = await self.services.ready()
        await self.send_file(await parts.run_files.bundles.of_run(run_id, owner=self.owner))


class RunRerunHandler(SubmittingHandler):
    """`/runs/{id}/rerun`."""

    @authenticated
    @authorized
    async def post(self, run_id: str) -> None:
        """Run again what a run ran."""
        request, key = self.parse(RunRerun), checked_key(self.request.headers.get("Idempotency-Key"))
        parts = await self.services.ready()
        await self.reply_submitted(await parts.run_files.reruns.rerun(run_id, request, owner=self.owner, key=key))


class LoadCodeHandler(RunFilesHandler):
    """`/runs/{id}/load-code`."""

    @authenticated
    @authorized
    async def get(self, run_id: str) -> None:
        """Write a cell that loads the run's model."""
        model_id, path = self.query_text("model_id"), self.path_asked or None
        await self.reply(await self.services.parts.run_files.loading.code(run_id, model_id=model_id, path=path))


class ArtifactsHandler(RunFilesHandler):
    """`/runs/{id}/artifacts`."""

    @authenticated
    @authorized
    async def get(self, run_id: str) -> None:
        """List a folder."""
        model_id, cursor = self.query_text("model_id"), self.query_text("cursor")
        listed = await self.services.parts.run_files.listing.list(
            run_id, model_id=model_id, path=self.path_asked, limit=ARTIFACTS_PAGE, cursor=cursor
        )
        await self.reply(listed)


class ArtifactViewHandler(RunFilesHandler):
    """`/runs/{id}/artifacts/view`."""

    @authenticated
    @authorized
    async def get(self, run_id: str) -> None:
        """Show a file."""
        parts, model_id = await self.services.ready(), self.query_text("model_id")
        viewer = parts.run_files.viewer
        await self.reply(await viewer.view(run_id, model_id=model_id, path=self.path_asked, owner=self.owner))


class ArtifactRawHandler(RunFilesHandler):
    """`/runs/{id}/artifacts/raw`."""

    @authenticated
    @authorized
    async def get(self, run_id: str) -> None:
        """Hand out a file."""
        model_id, download = self.query_text("model_id"), self.query_flag("download")
        reader = self.services.parts.run_files.reader
        async with reader.open(run_id, model_id=model_id, path=self.path_asked, download=download) as file:
            self.set_sandbox()
            self.set_header("Content-Disposition", disposition(inline=file.inline, name=file.name))
            await self.stream(file.chunks, media_type=file.media_type, size_bytes=file.size_bytes)


class RunLineageHandler(WindlassHandler):
    """`/runs/{id}/lineage`."""

    @authenticated
    @authorized
    async def get(self, run_id: str) -> None:
        """Say where a run came from and what became of it."""
        parts = await self.services.ready()
        await self.reply(await parts.run_files.lineage.of_run(run_id, owner=self.owner))


class ModelVersionLineageHandler(WindlassHandler):
    """`/models/{name}/versions/{version}/lineage`."""

    @authenticated
    @authorized
    async def get(self, name: str, version: str) -> None:
        """Say where a version came from and what became of it."""
        parts = await self.services.ready()
        await self.reply(await parts.run_files.lineage.of_version(name, version, owner=self.owner))
