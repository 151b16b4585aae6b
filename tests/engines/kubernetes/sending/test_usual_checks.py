"""A preview comes in time, however slowly a cluster says what it offers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.cluster.cluster import Cluster
from tests.engines.kubernetes.engines import engine_on, spec

from windlass.engines.kubernetes.sending import usual_checks

pytestmark = [pytest.mark.cluster, pytest.mark.emulator]


async def test_a_cluster_that_is_slow_to_answer_does_not_hold_up_a_preview(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usual_checks, "OFFERS_SECONDS", 0.1)
    monkeypatch.setattr(usual_checks, "LEAST_SECONDS", 0.3)
    monkeypatch.setattr(usual_checks, "DEADLINE_SECONDS", 0.2)
    namespace = await cluster.namespace()
    async with engine_on(cluster, namespace, tmp_path) as made:
        await made.engine.adopt()
        slow = cluster.faults.delay("GET", f"/namespaces/{namespace}/(?!.*watch=true)", 60, times=None)
        plan = await asyncio.wait_for(made.engine.plan(spec(tmp_path, workers=1)), 20)
        cluster.faults.lift(slow)
    unanswered = [finding.message for finding in plan.findings if finding.rule == "not-checked"]
    assert [message for message in unanswered if "in time" in message]
    assert plan.kind == "Job"
