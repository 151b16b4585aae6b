"""All questions about one job, side by side, within a few seconds: whoever presses a button waits for this.

A question that has no answer in time, or that this account may not ask, is said to be unanswered. It never stands in
the way: the cluster decides when the job is sent.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Mapping, Sequence

from windlass.contract.cluster import ClusterOffers
from windlass.contract.hub import ClusterCapacity
from windlass.contract.preview import Finding, Severity
from windlass.engines.kubernetes.model import ClusterFacts, ClusterJob, Object
from windlass.engines.kubernetes.preflight import (
    account,
    allowances,
    bundle_way,
    claim_holders,
    claims,
    dry_run,
    gpus,
    image,
    limits,
    network,
    nodes,
    packages,
    pod_security,
    priority,
    queue,
    quota,
    rights,
    runtime,
    tracking,
)
from windlass.engines.kubernetes.preflight.asking import Asking, Question, Unanswered
from windlass.engines.kubernetes.wording import short
from windlass.errors import WindlassError
from windlass.kube.client import KubeClient
from windlass.kube.errors import Forbidden, KubeError

DEADLINE_SECONDS = 3.0
QUESTIONS: tuple[Question, ...] = (
    rights.QUESTION,
    quota.QUESTION,
    limits.QUESTION,
    allowances.QUESTION,
    priority.QUESTION,
    pod_security.QUESTION,
    account.QUESTION,
    gpus.QUESTION,
    nodes.QUESTION,
    claims.QUESTION,
    claim_holders.QUESTION,
    queue.QUESTION,
    runtime.QUESTION,
    image.QUESTION,
    packages.QUESTION,
    tracking.QUESTION,
    network.QUESTION,
    bundle_way.QUESTION,
)
"""In the order in which their findings are shown; the cluster's own word on the manifests comes last."""
_DRY_RUN = "the manifests, by the cluster itself"
_WEIGHT = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


async def preflight(
    job: ClusterJob,
    *,
    objects: Sequence[Object],
    facts: ClusterFacts,
    offers: ClusterOffers | None,
    client: KubeClient,
    namespace: str,
    capacity: ClusterCapacity | None = None,
    environ: Mapping[str, str] = os.environ,
    deadline_seconds: float = DEADLINE_SECONDS,
) -> list[Finding]:
    """What stands in the job's way, or may: what keeps it from being sent first. Never raises for what it asks.

    Args:
        job: thought through.
        objects: its manifests without the bundle's, its own the last.
        facts: what the cluster serves.
        offers: what it offers this user; None where that is not known.
        client: this user's.
        namespace: where the job goes.
        capacity: the cluster's nodes as the hub sees them, where there is a hub.
        environ: of this process, which may say what image it runs in.
        deadline_seconds: for all questions together.
    """
    asking = Asking(
        job=job,
        objects=objects,
        facts=facts,
        offers=offers,
        client=client,
        namespace=namespace,
        capacity=capacity,
        environ=environ,
    )
    tasks = {
        asyncio.create_task(
            _findings(each.about, each.ask(asking)), name=f"windlass-preflight: {each.about}"
        ): each.about
        for each in QUESTIONS
    }
    tasks[asyncio.create_task(_dry_run(asking), name="windlass-preflight: dry run")] = _DRY_RUN
    try:
        await asyncio.wait(tasks, timeout=deadline_seconds)
        found = [
            finding
            for task, about in tasks.items()
            for finding in (
                task.result() if task.done() else [_unanswered(about, "the cluster did not answer in time")]
            )
        ]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asking.close()
    return sorted(_once(found), key=lambda finding: _WEIGHT[finding.severity])


async def _dry_run(asking: Asking) -> list[Finding]:
    """Only what the account may make: the rest is said by the question of rights."""

    async def asked() -> list[Finding]:
        return await dry_run.ask(asking, lacked=await rights.lacked_rights(asking))

    return await _findings(_DRY_RUN, asked())


async def _findings(about: str, asked: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        return await asked
    except Unanswered as error:
        return [_unanswered(about, str(error))]
    except Forbidden:
        return [_unanswered(about, "your account may not read what this takes")]
    except (KubeError, WindlassError) as error:
        return [_unanswered(about, short(error))]


def _unanswered(about: str, why: str) -> Finding:
    message = f"This could not be checked: {about} ({why.rstrip('.')})."
    return Finding(rule="not-checked", severity=Severity.INFO, message=message)


def _once(findings: Sequence[Finding]) -> list[Finding]:
    seen: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        seen.setdefault((finding.rule, finding.message), finding)
    return list(seen.values())
