"""A request thought through to the end: what would be sent, where it would run, and what stands in the way.

Preview and submission are the same draft; one shows it and the other sends it, so what is shown is what is sent.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from windlass.bundle.plan import BundlePlan, BundleRequest, plan_bundle
from windlass.contract.jobs import JobRequest
from windlass.contract.preview import Finding, Package, Severity
from windlass.engines.base import Engine, InCluster, JobSpec, LaunchPlan
from windlass.errors import BundleRefused, FieldError, InvalidRequest
from windlass.services.engines import Engines
from windlass.services.environments import ChosenEnvironment, Environments
from windlass.services.lifetime import ends_with_server
from windlass.services.paths import RootFolder
from windlass.services.requests import check_request
from windlass.services.settings import Settings

SECRET_RULE = "secret"  # noqa: S105 - the name of a rule


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A job before there is one."""

    request: JobRequest
    notebook: str
    plan: BundlePlan
    environment: ChosenEnvironment
    engine: Engine
    launch: LaunchPlan
    notices: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What the job is called."""
        return self.request.name or PurePosixPath(self.notebook).stem

    @property
    def experiment(self) -> str:
        """Experiment of the job's own run."""
        return self.request.experiment or PurePosixPath(self.notebook).stem[:250]

    @property
    def findings(self) -> list[Finding]:
        """What was noticed: by reading the code, and by the engine."""
        return [*self.plan.findings, *self.launch.findings]

    def obstacles(self) -> list[Finding]:
        """The findings that keep it from being sent."""
        return [finding for finding in self.findings if self._stands_in_the_way(finding)]

    def _stands_in_the_way(self, finding: Finding) -> bool:
        if finding.rule == SECRET_RULE:
            return not self.request.allow_secrets
        return finding.severity is Severity.ERROR

    def refuse_obstacles(self) -> None:
        """Raise BundleRefused, with the findings, when anything stands in the way."""
        _refuse(self.obstacles())


class Drafting:
    """Turns requests into drafts."""

    def __init__(self, *, settings: Settings, root: RootFolder, environments: Environments, engines: Engines) -> None:
        self._settings = settings
        self._root = root
        self._environments = environments
        self._engines = engines

    async def draft(self, request: JobRequest, *, owner: str) -> Draft:
        """Think a request through; nothing is written.

        Raises InvalidRequest, BundleRefused (too large, unreadable), NotFound and Unavailable.
        """
        check_request(request)
        notebook = await asyncio.to_thread(self._root.notebook, request.notebook)
        engine = self._engines.get(request.engine)
        _refuse_cluster_options(request, engine)
        kernel = await asyncio.to_thread(_kernel_of, self._root, notebook)
        environment = await self._environments.choose(requested=request.environment, notebook_kernel=kernel)
        plan = await asyncio.to_thread(
            plan_bundle,
            BundleRequest(
                root=self._root.path,
                notebook=notebook,
                parameters=request.parameters,
                include=tuple(request.include),
                exclude=tuple(request.exclude),
                python=environment.python,
                world_size=request.workers * request.processes_per_worker,
                max_bytes=self._settings.max_bundle_bytes,
            ),
        )
        spec = self._provisional_spec(request, notebook, environment, owner, imports=requirements(plan.packages))
        if isinstance(engine, InCluster):
            variables = {**self._tracking_address(), **spec.environment}
            spec = replace(spec, environment=variables, files_bytes=plan.total_bytes)
        launch = await engine.plan(spec)
        notices = [*plan.notices, *launch.notices]
        notices += lifetime_notices(engine)
        if environment.notice:
            notices.insert(0, environment.notice)
        return Draft(
            request=request,
            notebook=notebook,
            plan=plan,
            environment=environment,
            engine=engine,
            launch=launch,
            notices=notices,
        )

    def _tracking_address(self) -> dict[str, str]:
        """Where the job would be tracked, for engines whose jobs may not reach that; nothing is started for it."""
        address = self._settings.tracking_uri or ("http://127.0.0.1" if self._settings.embedded_tracking else None)
        return {"MLFLOW_TRACKING_URI": address} if address else {}

    async def check_again(
        self,
        request: JobRequest,
        *,
        environment: ChosenEnvironment,
        owner: str,
        imports: tuple[str, ...],
        files_bytes: int,
    ) -> LaunchPlan:
        """What the engine says of a job whose bundle is there already: its preflight, without the reading of code.

        Raises BundleRefused, with the findings, when it would not run; InvalidRequest and Unavailable.
        """
        engine = self._engines.get(request.engine)
        _refuse_cluster_options(request, engine)
        spec = self._provisional_spec(request, request.notebook, environment, owner, imports=imports)
        if isinstance(engine, InCluster):
            spec = replace(spec, environment={**self._tracking_address(), **spec.environment}, files_bytes=files_bytes)
        launch = await engine.plan(spec)
        _refuse([finding for finding in launch.findings if finding.severity is Severity.ERROR])
        return launch

    def notices_again(self, engine: str) -> list[str]:
        """What holds for a rerun on that engine as it does for a first run. Raises as `Engines.get`."""
        return lifetime_notices(self._engines.get(engine))

    def _provisional_spec(
        self,
        request: JobRequest,
        notebook: str,
        environment: ChosenEnvironment,
        owner: str,
        *,
        imports: tuple[str, ...],
    ) -> JobSpec:
        return JobSpec(
            id="preview",
            name=request.name or notebook,
            owner=owner,
            notebook=notebook,
            bundle_path=self._settings.bundles_dir / "preview.tar.gz",
            bundle_sha256="",
            python=environment.python,
            environment=environment.variables,
            kind=request.kind,
            cluster=request.cluster.model_dump(mode="json") if request.cluster else None,
            workers=request.workers,
            processes_per_worker=request.processes_per_worker,
            gpus_per_worker=request.gpus_per_worker,
            time_limit_seconds=request.time_limit_seconds,
            retries=request.retries,
            imports=imports,
        )


def _refuse(obstacles: list[Finding]) -> None:
    if not obstacles:
        return
    sentences = [obstacle.message for obstacle in obstacles[:3]]
    if len(obstacles) > len(sentences):
        sentences.append(f"And {len(obstacles) - len(sentences)} more.")
    if any(obstacle.rule == SECRET_RULE for obstacle in obstacles):
        sentences.append("Take the secrets out, or set allow_secrets to send them all the same.")
    raise BundleRefused(
        " ".join(sentences), extra={"findings": [obstacle.model_dump(mode="json") for obstacle in obstacles]}
    )


def _refuse_cluster_options(request: JobRequest, engine: Engine) -> None:
    if request.cluster is None or not request.cluster.model_fields_set or isinstance(engine, InCluster):
        return
    message = f"{engine.display_name} is no cluster: leave the cluster's options out, or choose a cluster's engine."
    raise InvalidRequest(message, fields=[FieldError(field="cluster", message=message)])


def requirements(packages: Iterable[Package]) -> tuple[str, ...]:
    """What code imports as `name==version`, or `name` where this environment lacks it; each once, sorted."""
    found = {
        f"{package.distribution}=={package.version}" if package.version else package.distribution
        for package in packages
        if package.distribution
    }
    return tuple(sorted(found))


def lifetime_notices(engine: Engine) -> list[str]:
    """What the user is to know before they trust a long job to this server's machine."""
    ended_by = ends_with_server() if engine.name == "local" else None
    if ended_by is None:
        return []
    return [
        f"The job ends with your server's {ended_by}: when the hub stops your server, idle or asked to, it stops too."
    ]


def _kernel_of(root: RootFolder, notebook: str) -> str | None:
    """The kernel that the notebook names; None when it names none or cannot be read (which the bundle then says)."""
    try:
        document: Any = json.loads((root.path / notebook).read_bytes())
        name = document["metadata"]["kernelspec"]["name"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return name if isinstance(name, str) else None
