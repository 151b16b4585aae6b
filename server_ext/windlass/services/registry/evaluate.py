"""Evaluates a version, and the present holder of an alias, on one validation set, as a job like any other.

What would make the job fail for sure is said before there is one: data that cannot be sent, a column that is not there,
an environment without what MLflow's evaluators need. The model's own code runs in the job and nowhere else.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from windlass.contract.jobs import JobRequest
from windlass.contract.models import EvaluationRequest
from windlass.engines.base import InCluster
from windlass.errors import NotFound, Unavailable
from windlass.services.drafts import Draft, Drafting
from windlass.services.paths import RootFolder
from windlass.services.registry.evaluation_notebook import NOTEBOOK, notebook
from windlass.services.registry.files import VersionFiles
from windlass.services.registry.model_needs import lacking, needed, packages
from windlass.services.registry.models import ModelRegistry
from windlass.services.registry.names import asking_for, invalid, told_model, told_version
from windlass.services.registry.rows import Row, aliases_of
from windlass.services.registry.validation_data import ValidationData, find_data
from windlass.services.settings import Settings
from windlass.services.submit import Submission, Submitted
from windlass.tracking.tracking import Tracking

_LONGEST_EXPERIMENT = 250
_LONGEST_NAME = 200
_MISSING_NAMED = 10
_DISTRIBUTIONS = {"sklearn": "scikit-learn"}


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """An evaluation thought through."""

    version: Row
    present: Row | None
    alias: str | None
    data: ValidationData
    notices: tuple[str, ...]

    @property
    def name(self) -> str:
        return str(self.version["name"])

    @property
    def number(self) -> str:
        return str(self.version["version"])


class Evaluations:
    """Starts evaluations.

    Args:
        settings: the server's.
        tracking: where the registry is.
        models: its models.
        submission: sends jobs.
        drafting: makes drafts of notebooks below another root folder.
        files: what versions' files say.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        tracking: Tracking,
        models: ModelRegistry,
        submission: Submission,
        drafting: Callable[[RootFolder], Drafting],
        files: VersionFiles,
    ) -> None:
        self._settings = settings
        self._tracking = tracking
        self._models = models
        self._submission = submission
        self._drafting = drafting
        self._files = files

    async def start(
        self, name: str, version: str, request: EvaluationRequest, *, owner: str, key: str | None
    ) -> Submitted:
        """Send the job.

        Raises:
            InvalidRequest, NotFound, BundleRefused: the data, the version or the environment will not do.
            Conflict: the key was used for something else.
            StorageFull, Unavailable, MlflowRefused, Upstream: it cannot be sent now.
        """

        @asynccontextmanager
        async def draft() -> AsyncIterator[Draft]:
            asked = await self._think_through(name, version, request)
            with tempfile.TemporaryDirectory(prefix="windlass-evaluation-") as folder:
                yield await self._draft(asked, request, Path(folder), owner=owner)

        told = {"name": name, "version": version, **request.model_dump(mode="json")}
        return await self._submission.submit_made(draft, what="evaluate", asked=told, owner=owner, key=key)

    async def _think_through(self, name: str, version: str, request: EvaluationRequest) -> _Asked:
        if self._tracking.mode == "off":
            raise Unavailable("Tracking is switched off in the server's settings: an evaluation needs MLflow.")
        settings = self._settings
        data = await asyncio.to_thread(
            find_data,
            request.data,
            root=settings.root_dir,
            max_bytes=settings.max_bundle_bytes,
            allow_hidden=settings.allow_hidden,
            targets=request.targets,
        )
        found = await self._models.found(name, version)
        if str(found.get("status") or "READY") != "READY":
            raise NotFound(
                f"{told_version(name, str(found['version']))} has no files: its registration did not end well."
            )
        present, notices = await self._present(found, request.against)
        return _Asked(version=found, present=present, alias=request.against, data=data, notices=tuple(notices))

    async def _present(self, found: Row, alias: str | None) -> tuple[Row | None, list[str]]:
        """The version that holds the alias, and what is to be said where there is none to compare with."""
        if not alias:
            return None, []
        name = str(found["name"])
        with asking_for(told_model(name)):
            model = await (await self._tracking.reads()).registry.model(name)
        number = aliases_of(model).get(alias)
        if number is None:
            return None, [f"No version is {alias} yet: version {found['version']} is evaluated alone."]
        if number == str(found["version"]):
            return None, [f"Version {number} is {alias} itself: it is evaluated alone."]
        return await self._models.found(name, number), []

    async def _draft(self, asked: _Asked, request: EvaluationRequest, folder: Path, *, owner: str) -> Draft:
        sha256 = await asyncio.to_thread(_stage, asked.data, folder)
        drafting = self._drafting(RootFolder(root=folder, allow_hidden=True))
        draft = await drafting.draft(_job(asked, request, sha256), owner=owner)
        notices = [*asked.notices, *draft.notices]
        plan, needs = draft.plan, await self._needs(asked)
        if isinstance(draft.engine, InCluster):
            plan = replace(plan, packages=[*plan.packages, *packages(needs)])
        else:
            _refuse_lacking(plan.missing, draft.environment.display_name)
            missing = await asyncio.to_thread(lacking, needs, python=draft.environment.python)
            if missing:
                named = ", ".join(missing[:_MISSING_NAMED])
                notices.append(f"The model asks for {named}, which this environment lacks: it may not load there.")
        # The folder is made for this job alone: no work tree of anybody's.
        return replace(draft, plan=replace(plan, git=None), notices=notices)

    async def _needs(self, asked: _Asked) -> dict[str, str | None]:
        reads = await self._tracking.reads()
        versions = [version for version in (asked.version, asked.present) if version is not None]
        facts = [await self._files.of(version, reads) for version in versions]
        return needed(line for each in facts for line in each.requirements)


def job_name(name: str, version: str) -> str:
    """What an evaluation's job is called."""
    return f"Evaluate version {version} of {name}"[:_LONGEST_NAME]


def _job(asked: _Asked, request: EvaluationRequest, sha256: str) -> JobRequest:
    return JobRequest(
        notebook=NOTEBOOK,
        name=job_name(asked.name, asked.number),
        engine=request.engine,
        environment=request.environment,
        include=[asked.data.file_name],
        experiment=f"Evaluations of {asked.name}"[:_LONGEST_EXPERIMENT],
        allow_secrets=request.allow_secrets,
        cluster=request.cluster,
        parameters={
            "model": asked.name,
            "version": asked.number,
            "against": str(asked.present["version"]) if asked.present else "",
            "alias": asked.alias or "",
            "data": asked.data.path,
            "data_file": asked.data.file_name,
            "data_sha256": sha256,
            "targets": request.targets,
            "model_type": request.model_type,
        },
    )


def _stage(data: ValidationData, folder: Path) -> str:
    (folder / NOTEBOOK).write_bytes(notebook(parquet=data.is_parquet))
    return data.copy(folder)


def _refuse_lacking(missing: list[str], environment: str) -> None:
    if not missing:
        return
    wanted = " ".join(_DISTRIBUTIONS.get(module, module) for module in missing)
    message = f"{environment} lacks what MLflow's evaluators need. Install it there: pip install {wanted}"
    raise invalid("environment", message)
