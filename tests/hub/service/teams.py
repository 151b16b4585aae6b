"""A hub's users with pods in an emulated cluster, the service over real HTTP, and a clock that a test moves."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.cluster.cluster import Cluster, eventually
from tests.hub.service.conftest import Service
from tests.hub.service.on_a_cluster import cluster_settings, make_namespace, service_client

from windlass.kube.errors import NotFound
from windlass.kube.names import BUDGET_QUOTA, pod_labels
from windlass.kube.resources import PODS, RESOURCE_QUOTAS
from windlass_hub.budget_rules import BudgetRule
from windlass_hub.service.audit_database import AuditDatabase
from windlass_hub.service.reconciling import make_reconciler
from windlass_hub.service.spending import Spending, make_spending
from windlass_hub.service.state import Cluster as ServiceCluster
from windlass_hub.service.state import ServiceState
from windlass_hub.settings import Settings

PRODUCT = "Tesla-T4"
HOUR = 3600.0
WIDE = {"start": "2020-01-01", "end": (datetime.now(timezone.utc) + timedelta(days=3)).date().isoformat()}
METRICS_TOKEN = "the-token-of-prometheus"
HOURLY = 2 * 0.04 + 4 * 0.005 + 0.35
"""USD of a pod of these tests: two cores, four GiB, one card."""


@dataclass
class Team:
    """A hub with users, pods of theirs, and a clock that a test moves."""

    service: Service
    cluster: Cluster
    settings: Settings
    namespaces: dict[str, str]
    clock: list[float]

    @property
    def spending(self) -> Spending:
        assert self.service.state.spending is not None
        return self.service.state.spending

    async def pod(
        self,
        name: str,
        *,
        user: str = "ann",
        namespace: str = "",
        labels: dict[str, str] | None = None,
        gpus: int = 1,
        **more: Any,
    ) -> None:
        limits = {"cpu": "2", "memory": "4Gi", **({"nvidia.com/gpu": str(gpus)} if gpus else {})}
        container = {
            "name": "pytorch",
            "image": "example.invalid/torch:1",
            "env": [{"name": "MLFLOW_EXPERIMENT_NAME", "value": more.get("experiment", "resnet")}],
            "resources": {"limits": limits, "requests": limits},
        }
        body = {
            "metadata": {"name": name, "labels": labels or {}, "annotations": more.get("annotations") or {}},
            "spec": {"containers": [container], "restartPolicy": "Never"},
        }
        where = namespace or self.namespaces[user]
        await self.cluster.create(PODS, body, namespace=where)
        await self.runs(name, where)

    async def job(self, name: str, *, user: str = "ann", job_id: str = "j1", **more: Any) -> None:
        await self.pod(name, user=user, labels=pod_labels(job_id=job_id, owner=user), **more)

    async def runs(self, name: str, namespace: str) -> None:
        def seen() -> bool:
            holders = self.spending.watch.holders().values()
            return any(each.pod == name and each.namespace == namespace and each.held.since for each in holders)

        await eventually(seen, what="the pod is seen on its node")

    async def after(self, hours: float) -> None:
        """Let time pass, and have everything brought up to then."""
        self.clock[0] += hours * HOUR
        await self.spending.task.look()

    async def get(self, who: str, path: str, **query: str) -> Any:
        async with self.service.client(who) as http:
            answer = await http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def quota(self, user: str = "ann") -> dict[str, Any] | None:
        try:
            return await self.cluster.admin.get(RESOURCE_QUOTAS, BUDGET_QUOTA, namespace=self.namespaces[user])
        except NotFound:
            return None


@pytest.fixture
def budgets() -> tuple[BudgetRule, ...]:
    return ()


@pytest_asyncio.fixture
async def team_settings(
    settings: Settings, cluster: Cluster, budgets: tuple[BudgetRule, ...], tmp_path: Path
) -> Settings:
    token = tmp_path / "metrics-token"
    token.write_text(f"{METRICS_TOKEN}\n")
    more = {"budgets": budgets, "metrics_token_file": str(token), "cull_minutes": 60.0}
    return (await cluster_settings(settings, cluster)).model_copy(update=more)


@dataclass
class Place:
    """What is there before the service begins."""

    namespaces: dict[str, str]
    clock: list[float]


@pytest_asyncio.fixture
async def place(state: ServiceState, team_settings: Settings, cluster: Cluster) -> AsyncIterator[Place]:
    cluster.needs_stand_ins()
    assert cluster.kubelet is not None
    labels = {"nvidia.com/gpu.product": PRODUCT}
    await cluster.kubelet.add_node("gpu-1", labels=labels, cpu="48", memory="192Gi", **{"nvidia.com/gpu": "8"})
    made = Place(namespaces={}, clock=[0.0])
    for user in ("ann", "bob"):
        made.namespaces[user] = await make_namespace(cluster, team_settings, user)
    state.settings = team_settings
    state.cluster = ServiceCluster(client=await service_client(cluster, team_settings), server=cluster.url)
    database = AuditDatabase(url=team_settings.database)
    state.reconciler, _ = make_reconciler(state, database=database)
    state.spending, problem = make_spending(state, database=database, wall=lambda: time.time() + made.clock[0])
    assert state.spending is not None, problem
    yield made
    database.close()


@pytest_asyncio.fixture
async def team(place: Place, service: Service, cluster: Cluster, team_settings: Settings) -> Team:
    made = Team(
        service=service,
        cluster=cluster,
        settings=team_settings,
        namespaces=place.namespaces,
        clock=place.clock,
    )
    reconciler = service.state.reconciler
    await eventually(lambda: reconciler is not None and reconciler.acts, what="it holds the Lease")
    await eventually(lambda: made.spending.watch.problem is None, what="the watches stand")
    return made
