"""Where this server's jobs are tracked: a configured MLflow, or the embedded one, or none.

The one door to tracking for services. It never waits for MLflow and never imports it.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import logging
import sys
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

from windlass.contract.info import TrackingInfo
from windlass.contract.jobs import GitState
from windlass.errors import Unavailable
from windlass.runner.mlflow_place import without_credentials
from windlass.tracking.client import MlflowRest
from windlass.tracking.embedded import EmbeddedServer
from windlass.tracking.pages import browser_site, run_page_of
from windlass.tracking.reads import MlflowReads
from windlass.tracking.rest import reachable

log = logging.getLogger(__name__)

INSTALL = 'MLflow is not installed: run `pip install "windlass[mlflow]"` and start the server again to track runs.'
_SERVER_MODULES = ("mlflow", "flask", "fastapi", "uvicorn", "sqlalchemy")
_PROBE = f"import sys, importlib.util as u; sys.exit(any(u.find_spec(m) is None for m in {_SERVER_MODULES!r}))"
_EMBEDDED_WAIT_SECONDS = 90
_CONFIGURED_WAIT_SECONDS = 10
_FRESH_SECONDS = 10.0
_FIRST_ANSWER_SECONDS = 0.3


class Tracking:
    """Where runs are tracked; all methods are quick and safe to call often."""

    def __init__(
        self,
        *,
        data_dir: Path,
        configured_uri: str | None,
        python: str,
        enabled: bool = True,
        keeper_options: tuple[str, ...] = (),
    ) -> None:
        self._configured_uri = configured_uri or None
        self._python = python
        self._enabled = enabled
        self._embedded = EmbeddedServer(data_dir=data_dir, python=python, keeper_options=keeper_options)
        self._installed: tuple[bool, float] | None = None
        self._configured_up: tuple[bool, float] | None = None
        self._probe: asyncio.Task[None] | None = None
        self._warming: asyncio.Task[None] | None = None
        self._trouble: str | None = None
        self._readers: dict[str, MlflowReads] = {}

    @property
    def mode(self) -> str:
        """`configured`, `embedded` or `off`."""
        if not self._enabled:
            return "off"
        return "configured" if self._configured_uri else "embedded"

    @property
    def python(self) -> str:
        """Interpreter that is to have MLflow."""
        return self._python

    async def info(self) -> TrackingInfo:
        """Where runs are tracked and whether that is up; never waits for a dead server."""
        if self.mode == "off":
            return TrackingInfo(mode="off", state="off", message="Tracking is switched off in the server's settings.")
        if self._configured_uri:
            return await self._configured_info(self._configured_uri)
        if not await self._is_installed():
            return TrackingInfo(mode="embedded", state="missing", message=INSTALL)
        state = self._embedded.state()
        if self._trouble is not None:
            return TrackingInfo(mode="embedded", state="down", message=self._trouble)
        if state is None or not state.is_kept:
            return TrackingInfo(mode="embedded", state="idle")
        return TrackingInfo(mode="embedded", state=state.state, url=state.url, message=state.message)

    async def _configured_info(self, uri: str) -> TrackingInfo:
        url = without_credentials(uri)
        if not _speaks_http(uri):
            return TrackingInfo(mode="configured", state="up", url=url)
        if self._configured_up is None or time.monotonic() - self._configured_up[1] > _FRESH_SECONDS:
            if self._probe is None or self._probe.done():
                self._probe = asyncio.create_task(self._probe_configured(uri), name="windlass-mlflow-probe")
            if self._configured_up is None:
                await asyncio.wait({self._probe}, timeout=_FIRST_ANSWER_SECONDS)
        if self._configured_up is None:
            return TrackingInfo(mode="configured", state="starting", url=url, message=f"Asking MLflow at {url}.")
        if self._configured_up[0]:
            return TrackingInfo(mode="configured", state="up", url=url)
        message = f"MLflow at {url} does not answer. Jobs run on; their records are sent when it is back."
        return TrackingInfo(mode="configured", state="down", url=url, message=message)

    async def _probe_configured(self, uri: str) -> None:
        up = await reachable(uri)
        self._configured_up = (up, time.monotonic())

    def warm_up(self) -> None:
        """Start the embedded server ahead; returns at once. To be called on the event loop."""
        if self.mode == "embedded" and (self._warming is None or self._warming.done()):
            self._warming = asyncio.create_task(self._warm_up(), name="windlass-mlflow-warm-up")

    async def _warm_up(self) -> None:
        with contextlib.suppress(Unavailable):
            await self.address()

    async def address(self, *, job_id: str | None = None) -> str:
        """The tracking address, the embedded server being started when there is none (it may not answer yet).

        Raises Unavailable when tracking is off, MLflow is missing, or the data folder cannot be written.
        """
        if self.mode == "off":
            raise Unavailable("Tracking is switched off in the server's settings.")
        if self._configured_uri:
            return self._configured_uri
        if not await self._is_installed():
            raise Unavailable(INSTALL)
        try:
            state = await asyncio.to_thread(self._embedded.ensure, job_id=job_id)
        except OSError as error:
            self._trouble = f"The embedded MLflow server cannot be started: {error.strerror or error}."
            log.warning("%s", self._trouble)
            raise Unavailable(self._trouble) from error
        self._trouble = None
        return state.url

    async def job_environment(
        self,
        *,
        job_id: str,
        owner: str,
        notebook: str,
        bundle_sha256: str,
        experiment: str,
        git: GitState | None,
    ) -> dict[str, str]:
        """Environment variables that make a job's MLflow calls land here; empty when there is no tracking."""
        try:
            uri = await self.address(job_id=job_id)
        except Unavailable:
            return {}
        tags = run_tags(job_id=job_id, owner=owner, notebook=notebook, bundle_sha256=bundle_sha256, git=git)
        wait_seconds = _CONFIGURED_WAIT_SECONDS if self._configured_uri else _EMBEDDED_WAIT_SECONDS
        environment = {
            "MLFLOW_TRACKING_URI": without_credentials(uri) if _speaks_http(uri) else uri,
            "MLFLOW_EXPERIMENT_NAME": experiment,
            "MLFLOW_RUN_CONTEXT": json.dumps(tags),
            "WINDLASS_TRACKING_WAIT": str(wait_seconds),
        }
        parts = urlsplit(uri)
        if _speaks_http(uri) and parts.username:
            environment["MLFLOW_TRACKING_USERNAME"] = unquote(parts.username)
            environment["MLFLOW_TRACKING_PASSWORD"] = unquote(parts.password or "")
        return environment

    async def client(self) -> MlflowRest:
        """A REST client of the tracking server, to be closed by the caller; it may still have to wait for it.

        Raises Unavailable as `address` does, and when the configured address is not one of an HTTP server.
        """
        uri = await self.address()
        if not _speaks_http(uri):
            raise Unavailable("Records are sent to MLflow servers only, and MLFLOW_TRACKING_URI names none.")
        return MlflowRest(uri)

    async def reads(self) -> MlflowReads:
        """What is read of the tracking server: one long-lived reader per address, closed with this.

        Raises Unavailable as `address` does, and when the configured address is not one of an HTTP server.
        """
        uri = await self.address()
        if not _speaks_http(uri):
            raise Unavailable("Runs are read from MLflow servers only, and MLFLOW_TRACKING_URI names none.")
        if uri not in self._readers:
            self._readers[uri] = MlflowReads(uri)
        return self._readers[uri]

    async def keeps_records(self) -> bool:
        """Whether records of jobs can go anywhere: False when tracking is off, missing, or not a server."""
        if self._configured_uri and self._enabled:
            return _speaks_http(self._configured_uri)
        return self.mode == "embedded" and await self._is_installed()

    def run_url(self, *, experiment_id: str, run_id: str) -> str | None:
        """Address of a run's page for a browser; None where a browser cannot reach the server."""
        site = self.browser_site()
        return None if site is None else run_page_of(site, experiment_id=experiment_id, run_id=run_id)

    def browser_site(self) -> str | None:
        """Where a browser finds the server's pages (`pages.run_page_of`); None where it cannot reach them."""
        if self.mode == "off":
            return None
        if self._configured_uri is not None:
            return browser_site(self._configured_uri)
        state = self._embedded.state()
        return browser_site(state.url) if state is not None else None

    async def close(self) -> None:
        """Let go. The embedded server goes on while jobs or other Jupyter servers need it."""
        tasks = [task for task in (self._probe, self._warming) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        readers, self._readers = list(self._readers.values()), {}
        for reader in readers:
            await reader.close()
        if self.mode == "embedded":
            self._embedded.release()

    async def _is_installed(self) -> bool:
        """Whether the interpreter has a whole MLflow (mlflow-skinny has no server); asked again while it is missing."""
        if self._installed is None or not (
            self._installed[0] or time.monotonic() - self._installed[1] < _FRESH_SECONDS
        ):
            self._installed = (await self._find_mlflow(), time.monotonic())
        return self._installed[0]

    async def _find_mlflow(self) -> bool:
        if self._python == sys.executable:
            importlib.invalidate_caches()
            return all(importlib.util.find_spec(module) is not None for module in _SERVER_MODULES)
        try:
            process = await asyncio.create_subprocess_exec(
                self._python, "-c", _PROBE, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
            )
        except OSError:
            return False
        return await process.wait() == 0


def _speaks_http(uri: str) -> bool:
    return urlsplit(uri).scheme in ("http", "https")


def run_tags(*, job_id: str, owner: str, notebook: str, bundle_sha256: str, git: GitState | None) -> dict[str, str]:
    """The tags that lead from a run back to its job and code."""
    tags = {
        "windlass.job_id": job_id,
        "windlass.notebook": notebook,
        "windlass.bundle_sha256": bundle_sha256,
        "mlflow.user": owner,
        "mlflow.source.name": notebook,
        "mlflow.source.type": "NOTEBOOK",
    }
    if git is not None:
        if git.commit:
            tags["mlflow.source.git.commit"] = git.commit
        if git.branch:
            tags["mlflow.source.git.branch"] = git.branch
        if git.dirty is not None:
            tags["windlass.git.dirty"] = str(git.dirty).lower()
    return tags
