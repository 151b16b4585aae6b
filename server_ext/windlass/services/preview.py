"""Shows everything about a job before it is sent."""

from __future__ import annotations

import asyncio

from windlass.contract.jobs import JobRequest
from windlass.contract.preview import EnvironmentSummary, JobPreview
from windlass.services.drafts import Draft, Drafting
from windlass.services.spending.estimating import Estimates
from windlass.tracking.tracking import Tracking


class Preview:
    """The preview of a job."""

    def __init__(self, *, drafting: Drafting, tracking: Tracking, estimates: Estimates | None = None) -> None:
        self._drafting = drafting
        self._tracking = tracking
        self._estimates = estimates

    async def preview(self, request: JobRequest, *, owner: str) -> JobPreview:
        """What would be sent and started. Raises what `Drafting.draft` raises."""
        self._tracking.warm_up()
        draft = await self._drafting.draft(request, owner=owner)
        sha256 = await asyncio.to_thread(draft.plan.sha256)
        usd = await self._estimates.per_hour(request, owner=owner) if self._estimates is not None else None
        return _present(draft, sha256, usd_per_hour=usd)


def _present(draft: Draft, sha256: str, *, usd_per_hour: float | None) -> JobPreview:
    plan, request, environment = draft.plan, draft.request, draft.environment
    return JobPreview(
        notebook=draft.notebook,
        engine=draft.engine.name,
        kind=draft.launch.kind,
        world_size=request.workers * request.processes_per_worker,
        files=list(plan.files),
        left_out=list(plan.left_out),
        data=list(plan.data),
        parameters=list(plan.parameters),
        environment=EnvironmentSummary(
            name=environment.name,
            display_name=environment.display_name,
            python=environment.python,
            python_version=plan.python_version,
            packages=list(plan.packages),
            missing=list(plan.missing),
        ),
        git=plan.git,
        findings=draft.findings,
        total_bytes=plan.total_bytes,
        bundle_sha256=sha256,
        cells=plan.cells,
        command=list(draft.launch.command),
        manifest=draft.launch.manifest,
        manifests=list(draft.launch.manifests),
        kind_reason=draft.launch.kind_reason,
        cost_usd_per_hour=usd_per_hour,
        notices=list(dict.fromkeys(draft.notices)),
        can_submit=not draft.obstacles(),
    )
