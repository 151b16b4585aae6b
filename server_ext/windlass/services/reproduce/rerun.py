"""Runs again what a run ran, also where its job was never known: on another server, or after the ledger was lost.

It goes the way of every submission: once per key, written down before it starts, refused where the engine would refuse
it. What is not known of the old job is left to this server, and said.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import PurePosixPath
from typing import Any

from windlass.bundle.archive import Bundle, read_sent_notebook
from windlass.contract.jobs import JobRequest
from windlass.contract.runs import RunRerun
from windlass.errors import Conflict, InvalidRequest, NotFound
from windlass.services.drafts import Drafting
from windlass.services.engines import Engines
from windlass.services.environments import ChosenEnvironment, Environments
from windlass.services.experiments.reading import RunReader
from windlass.services.experiments.records import RunRecord
from windlass.services.job_options import imports_from, processes_from, request_from
from windlass.services.reproduce.sent import Sent, SentBundles
from windlass.services.submit import Prepared, Submission, Submitted, new_row, row_again
from windlass.tracking.tracking import Tracking

_LONGEST_NAME = 200
_LONGEST_EXPERIMENT = 250
_NO_OPTIONS = (
    "How the job was run (workers, GPUs, engine) is not written down with this run: this server's defaults are used."
)


class RunReruns:
    """Runs again what runs ran."""

    def __init__(
        self,
        *,
        tracking: Tracking,
        runs: RunReader,
        sent: SentBundles,
        submission: Submission,
        drafting: Drafting,
        engines: Engines,
        environments: Environments,
    ) -> None:
        self._tracking = tracking
        self._runs = runs
        self._sent = sent
        self._submission = submission
        self._drafting = drafting
        self._engines = engines
        self._environments = environments

    async def rerun(self, run_id: str, request: RunRerun, *, owner: str, key: str | None) -> Submitted:
        """Send what was sent for a run once more, with the same or other parameters.

        Raises NotFound (no such run), Conflict (what was sent is not to be had), InvalidRequest, BundleRefused,
        StorageFull, Unavailable and MlflowRefused.
        """

        async def prepare() -> Prepared:
            record = await self._runs.known(run_id)
            try:
                sent = await self._sent.find(record, owner=owner)
            except NotFound as error:
                raise Conflict(str(error)) from error
            manifest = await self._sent.manifest(sent)
            bundle = await asyncio.to_thread(self._submission.bundle_again, sent.sha256, request)
            if sent.job is not None:
                row = row_again(sent.job, bundle, request)
                row.sent_notices = self._drafting.notices_again(row.engine)
                return Prepared(row=row)
            return await self._anew(record, sent, manifest, bundle, request, owner=owner)

        return await self._submission.send_again({"run": run_id}, request, owner=owner, key=key, prepare=prepare)

    async def _anew(
        self,
        record: RunRecord,
        sent: Sent,
        manifest: dict[str, Any],
        bundle: Bundle,
        rerun: RunRerun,
        *,
        owner: str,
    ) -> Prepared:
        """A job from what its run and its bundle tell."""
        notices = [f"Runs again what MLflow has of run {record.id}; this server did not know its job."]
        tags = sent.carrier.tags
        parameters = rerun.model_dump(mode="json")["parameters"]
        if parameters is None:
            parameters = manifest["parameters"]
        request = request_from(tags, notebook=manifest["notebook"], parameters=parameters)
        if request is None:
            notices.append(_NO_OPTIONS)
            processes = processes_from(tags) or 1
            request = JobRequest(notebook=manifest["notebook"], parameters=parameters, processes_per_worker=processes)
        request = self._on_this_server(request, notices)
        environment = await self._environment(request, sent, notices)
        imports = imports_from(tags)
        launch = await self._drafting.check_again(
            request,
            environment=environment,
            owner=owner,
            imports=imports,
            files_bytes=sum(file["size_bytes"] for file in manifest["files"]),
        )
        notices += [*launch.notices, *self._drafting.notices_again(self._engine_name(request))]
        row = new_row(
            time.time(),
            owner=owner,
            name=_name(tags, request),
            notebook=request.notebook,
            experiment=await self._experiment(request, sent.carrier),
            engine=self._engine_name(request),
            kind=launch.kind,
            request=request.model_dump(mode="json"),
            environment=environment.name,
            environment_name=environment.display_name,
            python=environment.python,
            bundle_sha256=bundle.sha256,
            bundle_bytes=bundle.size_bytes,
            git=_git(tags),
            imports=list(imports),
            sent_notices=list(dict.fromkeys(notices)),
        )
        return Prepared(row=row, environment=environment)

    def _engine_name(self, request: JobRequest) -> str:
        return request.engine or self._engines.default

    def _on_this_server(self, request: JobRequest, notices: list[str]) -> JobRequest:
        """The request without what belongs to an engine that this server does not have."""
        if request.engine is None or request.engine in self._engines.names:
            return request
        notices.append(
            f"The job ran on the engine {request.engine}, which this server does not have: it runs on "
            f"{self._engines.default} here."
        )
        return request.model_copy(update={"engine": None, "kind": None, "cluster": None})

    async def _environment(self, request: JobRequest, sent: Sent, notices: list[str]) -> ChosenEnvironment:
        """The one the job had, where this server has it; else the notebook's own kernel."""
        if request.environment is not None:
            try:
                return await self._environments.choose(requested=request.environment, notebook_kernel=None)
            except InvalidRequest:
                notices.append(f"This server has no environment {request.environment}, which the job ran in.")
                request.environment = None
        notebook = await asyncio.to_thread(read_sent_notebook, sent.path)
        chosen = await self._environments.choose(requested=None, notebook_kernel=_kernel(notebook))
        notices += [chosen.notice] if chosen.notice else []
        return chosen

    async def _experiment(self, request: JobRequest, carrier: RunRecord) -> str:
        if request.experiment:
            return request.experiment
        reads = await self._tracking.reads()
        names = await reads.experiments.names([carrier.experiment_id])
        name = names.get(carrier.experiment_id) or PurePosixPath(request.notebook).stem
        return name[:_LONGEST_EXPERIMENT]


def _name(tags: dict[str, str], request: JobRequest) -> str:
    name = "".join(character for character in tags.get("windlass.job_name", "") if character.isprintable())
    return name[:_LONGEST_NAME] or PurePosixPath(request.notebook).stem[:_LONGEST_NAME]


def _git(tags: dict[str, str]) -> dict[str, Any] | None:
    """What the old job was sent from; the bundle is the same code."""
    commit = tags.get("mlflow.source.git.commit")
    if not commit:
        return None
    dirty = {"true": True, "false": False}.get(tags.get("windlass.git.dirty", ""))
    return {"commit": commit[:100], "branch": tags.get("mlflow.source.git.branch"), "dirty": dirty}


def _kernel(notebook: dict[str, Any]) -> str | None:
    metadata = notebook.get("metadata")
    kernelspec = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    name = kernelspec.get("name") if isinstance(kernelspec, dict) else None
    return name if isinstance(name, str) else None
