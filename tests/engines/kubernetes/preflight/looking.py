"""One preflight of one job, as the engine has it done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.engines.kubernetes.making import cluster_job

from windlass.contract.preview import Finding
from windlass.engines.kubernetes.cluster.discovery import discover
from windlass.engines.kubernetes.cluster.offers import offers
from windlass.engines.kubernetes.kinds.choosing import KINDS
from windlass.engines.kubernetes.model import ClusterFacts, ClusterJob
from windlass.engines.kubernetes.preflight.check import preflight
from windlass.kube.client import KubeClient


async def look(
    client: KubeClient,
    namespace: str,
    *,
    kind: str = "Job",
    facts: ClusterFacts | None = None,
    environ: Mapping[str, str] | None = None,
    spec: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    more: Mapping[str, Any] | None = None,
    **changes: Any,
) -> list[Finding]:
    """`changes` are the job's; `more` is the preflight's."""
    if facts is None:
        facts = await discover(client, namespace=namespace)
    job: ClusterJob = cluster_job(spec=spec, options=options, namespace=namespace, **changes)
    offered = await offers(
        client, namespace=namespace, server="https://api", facts=facts, broker=None, environ=environ or {}
    )
    return await preflight(
        job,
        objects=KINDS[kind].render(job, facts),
        facts=facts,
        offers=offered,
        client=client,
        namespace=namespace,
        environ=environ or {},
        **{"deadline_seconds": 20.0, **(more or {})},
    )


def by_rule(findings: list[Finding], rule: str) -> list[Finding]:
    """Those of a rule."""
    return [finding for finding in findings if finding.rule == rule]


def one(findings: list[Finding], rule: str) -> Finding:
    """The only one of a rule."""
    found = by_rule(findings, rule)
    assert len(found) == 1, [finding.model_dump(exclude_none=True) for finding in findings]
    return found[0]


def merged(request: Any, patch: Any) -> Any:
    """RFC 7396, as the panel applies a finding."""
    if not isinstance(patch, dict):
        return patch
    result = dict(request) if isinstance(request, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result
