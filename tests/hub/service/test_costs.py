"""Costs, budgets and figures for Prometheus over HTTP, from pods in a cluster, with the service's own rights."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.crds import install
from tests.hub.service.conftest import FEED_TOKEN, Service
from tests.hub.service.on_a_cluster import cluster_settings, make_namespace, service_client

from windlass.contract.gpus import GpuSnapshot
from windlass.engines.kubernetes.observing.mishaps import no_pods
from windlass.hub.broker import HubBroker
from windlass.kube.errors import Forbidden, NotFound
from windlass.kube.names import BUDGET_QUOTA, pod_labels
from windlass.kube.resources import EVENTS, PODS, PYTORCH_JOBS, RESOURCE_QUOTAS
from windlass_hub.budget_feed import refused_by_budget
from windlass_hub.budget_rules import BudgetRule
from windlass_hub.reconciler.records import JobRecord
from windlass_hub.service.audit_database import AuditDatabase
from windlass_hub.service.job_records import JobRecords
from windlass_hub.service.reconciling import make_reconciler
from windlass_hub.service.spending import Spending, make_spending
from windlass_hub.service.state import Cluster as ServiceCluster
from windlass_hub.service.state import ServiceState
from windlass_hub.settings import Settings

pytestmark = [pytest.mark.cluster, pytest.mark.emulator]
PRODUCT = "Tesla-T4"
HOUR = 3600.0
WIDE = {"start": "2020-01-01", "end": (datetime.now(timezone.utc) + timedelta(days=3)).date().isoformat()}
METRICS_TOKEN = "the-token-of-prometheus"


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


HOURLY = 2 * 0.04 + 4 * 0.005 + 0.35


async def test_a_user_sees_their_own_costs_and_who_may_see_costs_the_teams(team: Team) -> None:
    await team.job("train-j1-master-0")
    await team.job("train-j2-master-0", user="bob", job_id="j2")
    await team.after(1)
    own = await team.get("ann", "api/costs", by="user", **WIDE)
    assert [item["key"] for item in own["items"]] == ["ann"]
    assert own["source"] == "hub"
    assert own["total"]["usd"] == pytest.approx(HOURLY, rel=0.02)
    everybody = await team.get("reader", "api/costs", by="user", **WIDE)
    assert {item["key"] for item in everybody["items"]} == {"ann", "bob"}
    assert everybody["total"]["gpu_hours"] == pytest.approx(2, rel=0.02)
    assert everybody["total"]["idle_usd"] is None
    assert everybody["total"]["unknown_idle_jobs"] == 2


async def test_costs_are_told_by_group_job_experiment_and_day_and_each_sums_to_the_whole(team: Team) -> None:
    await team.job("train-j1-worker-0", experiment="resnet")
    await team.job("train-j1-worker-1", experiment="resnet")
    await team.job("train-j2-worker-0", job_id="j2", experiment="bert")
    await team.after(1)
    for by, keys in (
        ("group", {"team-a"}),
        ("job", {"j1", "j2"}),
        ("experiment", {"resnet", "bert"}),
        ("model", {""}),
    ):
        found = await team.get("reader", "api/costs", by=by, **WIDE)
        assert {item["key"] for item in found["items"]} == keys
        assert sum(item["usd"] for item in found["items"]) == pytest.approx(found["total"]["usd"])
    by_day = await team.get("reader", "api/costs", by="day", **WIDE)
    assert sum(item["usd"] for item in by_day["items"]) == pytest.approx(3 * HOURLY, rel=0.02)
    assert by_day["total"]["jobs"] == 2


async def test_what_a_user_writes_on_a_pod_moves_its_cost_to_nobody_else(team: Team) -> None:
    pretended = {**pod_labels(job_id="j9", owner="bob"), "hub.jupyter.org/username": "bob", "windlass.io/user": "bob"}
    annotations = {"hub.jupyter.org/username": "bob", "windlass.io/username": "bob", "windlass.io/owner": "bob"}
    await team.pod("pretends", labels=pretended, annotations=annotations)
    await team.pod("without-labels")
    await team.after(1)
    found = await team.get("reader", "api/costs", by="user", **WIDE)
    assert {item["key"]: item["jobs"] for item in found["items"]} == {"ann": 2}


async def test_a_notebook_server_in_the_hubs_namespace_is_its_users(team: Team) -> None:
    await team.pod(
        "jupyter-ann",
        namespace=team.settings.hub_namespace,
        labels={"component": "singleuser-server", "app": "jupyterhub"},
        annotations={"hub.jupyter.org/username": "ann"},
    )
    await team.after(2)
    team.service.hub.users["ann"]["servers"] = {
        "": {
            "name": "",
            "started": "2026-11-23T10:00:00Z",
            "last_activity": "2026-11-23T12:00:00Z",
            "state": {"pod_name": "jupyter-ann", "namespace": team.settings.hub_namespace},
        }
    }
    broker = HubBroker(url=f"{team.service.url}api", token=team.service.tokens["ann"])
    server = await broker.server()
    assert server.usd == pytest.approx(2 * HOURLY, rel=0.02)
    assert server.usd_per_hour == pytest.approx(HOURLY)
    assert server.stops_at == datetime(2026, 11, 23, 13, tzinfo=timezone.utc)
    assert server.idle_fraction is None
    moment = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
    panel = GpuSnapshot(at=moment, devices=[], groups=[], alarms=[], conditions=[], server=server)
    assert panel.server == server
    by_job = await broker.costs(by="job", **WIDE)
    assert [(item.label, item.job_id) for item in by_job.items] == [("notebook server", None)]
    await broker.close()


async def test_costs_are_a_table_for_spreadsheets_that_takes_nothing_for_a_formula(team: Team) -> None:
    await team.job("train-j1-master-0", experiment="=cmd|' /C calc'!A0")
    await team.after(1)
    async with team.service.client("ann") as http:
        answer = await http.get("api/costs", params={"by": "experiment", **WIDE}, headers={"Accept": "text/csv"})
    assert answer.headers["Content-Type"].startswith("text/csv")
    lines = answer.text.splitlines()
    assert lines[0].startswith("experiment,label,usd,idle_usd")
    assert lines[1].startswith("'=cmd|")


async def test_the_page_has_nothing_inline_and_is_in_the_navigation(team: Team) -> None:
    async with team.service.client("bob") as http:
        page, home = await http.get("costs"), await http.get("")
        script = await http.get("static/costs/main.js")
        team.service.state.spending, kept = None, team.service.state.spending
        without = [await http.get(path) for path in ("costs", "api/costs", "")]
        team.service.state.spending = kept
    assert (page.status_code, script.status_code) == (200, 200)
    assert 'href="/services/windlass/costs" aria-current="page">Costs' in page.text
    assert 'href="/services/windlass/costs">Costs' in home.text
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=", page.text)
    assert [each.status_code for each in without] == [403, 503, 200]
    assert ">Costs<" not in without[2].text


@pytest.mark.parametrize(
    "query",
    [{"by": "weather"}, {"start": "yesterday"}, {"end": "2026-13-01"}, {"start": "2026-02-02", "end": "2026-01-01"},
     {"start": "9999-12-31T23:59:59-23:00"}, {"cursor": "x"}, {"limit": "0"}],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused_with_the_field(team: Team, query: dict[str, str]) -> None:
    async with team.service.client("ann") as http:
        answer = await http.get("api/costs", params=query)
    assert answer.status_code == 400, answer.text
    assert answer.json()["fields"]


class TestBudgets:
    @pytest.fixture
    def budgets(self) -> tuple[BudgetRule, ...]:
        return (
            BudgetRule(user="ann", limit_usd=1.0, blocks=True),
            BudgetRule(user="*", limit_usd=1000.0, blocks=True),
            BudgetRule(group="team-a", period="week", limit_usd=0.6, warn_at=0.5),
        )

    async def refused(self, team: Team, user: str = "ann") -> str | None:
        url = f"{team.service.url}api/internal/budget"
        return await refused_by_budget(url, token=FEED_TOKEN, user=user, groups=())

    async def test_a_budget_warns_and_then_lets_nothing_new_start(self, team: Team) -> None:
        await team.job("train-j1-master-0")
        await team.after(0)
        assert await self.refused(team) is None
        assert await team.quota() is None
        await team.after(2)
        found = {(item["scope"], item["name"]): item for item in (await team.get("ann", "api/budgets"))["items"]}
        assert found["user", "ann"]["state"] == "warning"
        await team.after(1)
        refused = await self.refused(team)
        assert refused is not None
        assert "Your budget for this month is used up: $1.3" in refused
        assert await self.refused(team, "bob") is None
        quota = await team.quota()
        assert quota is not None
        assert quota["spec"]["hard"] == {"pods": "1", "requests.nvidia.com/gpu": "1"}
        with pytest.raises(Forbidden, match="exceeded quota: windlass-budget"):
            await team.job("train-j2-master-0", job_id="j2")
        await team.job("train-j3-master-0", user="bob", job_id="j3")

    async def test_a_job_that_is_sent_all_the_same_gets_no_pods_and_says_why(self, team: Team) -> None:
        await install(team.cluster, PYTORCH_JOBS)
        operator = team.cluster.operator("PyTorchJob", jobs=False).start()
        await team.job("train-j1-master-0")
        await team.after(3)
        labels = pod_labels(job_id="j5", owner="ann")
        container = {"name": "pytorch", "image": "i:1", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        spec = {"pytorchReplicaSpecs": {"Master": {"replicas": 1, "restartPolicy": "Never", "template": template}}}
        metadata = {"name": "train-j5", "labels": {name: value for name, value in labels.items() if name != "job-type"}}
        where = team.namespaces["ann"]
        await team.cluster.create(PYTORCH_JOBS, {"metadata": metadata, "spec": spec}, namespace=where)

        async def reason() -> str:
            found, _ = await team.cluster.admin.list(EVENTS, namespace=where)
            told = [each for each in found if each["involvedObject"]["name"] == "train-j5"]
            return no_pods(told)

        words = await eventually(reason, what="the operator says that it may make no pods")
        assert words.startswith("a budget is used up: its pods are made once")
        pods, _ = await team.cluster.admin.list(PODS, namespace=where)
        assert [pod["metadata"]["name"] for pod in pods] == ["train-j1-master-0"]
        operator.stop()

    async def test_an_admin_lifts_it_and_it_is_in_the_audit_log(self, team: Team) -> None:
        await team.job("train-j1-master-0")
        await team.after(3)
        assert await team.quota() is not None
        async with team.service.client("reader") as http:
            assert (await http.put("api/admin/budgets/user/month/ann", json={"extra_usd": 10})).status_code == 403
        async with team.service.client("writer") as http:
            answer = await http.put("api/admin/budgets/user/month/ann", json={"extra_usd": 10, "note": "deadline"})
            assert answer.json()["limit_usd"] == 11
            assert (await http.put("api/admin/budgets/user/month/nobody", json={})).status_code == 404
        await team.after(0)
        assert await self.refused(team) is None
        assert await team.quota() is None
        assert await team.service.state.audit.settled()
        entries = await team.service.state.audit.latest()
        assert {entry.action for entry in entries} >= {"budget.decide", "budget.block", "budget.lift", "budget.over"}

    async def test_a_hold_and_an_exemption_hold_until_the_period_turns(self, team: Team) -> None:
        async with team.service.client("writer") as http:
            await team.after(0)
            await http.put("api/admin/budgets/user/month/bob", json={"action": "hold"})
            assert "on hold" in (await self.refused(team, "bob") or "")
            await team.after(0)
            assert await team.quota("bob") is not None
            await http.put("api/admin/budgets/user/month/bob", json={"action": "exempt"})
        await team.after(32 * 24)
        assert await self.refused(team, "bob") is None
        assert await team.quota("bob") is None

    async def test_the_period_turns_and_the_block_is_lifted(self, team: Team) -> None:
        await team.job("train-j1-master-0")
        await team.after(3)
        assert await team.quota() is not None
        await team.cluster.admin.delete(PODS, "train-j1-master-0", namespace=team.namespaces["ann"])
        await eventually(lambda: not team.spending.watch.in_use(team.namespaces["ann"]), what="the pod is gone")
        await team.after(32 * 24)
        assert await team.quota() is None
        assert await self.refused(team) is None

    async def test_what_is_not_known_blocks_nobody(self, team: Team) -> None:
        assert team.cluster.kubelet is not None
        labels = {"nvidia.com/gpu.product": "H900", "dear": "yes"}
        await team.cluster.kubelet.add_node("gpu-2", labels=labels, cpu="48", memory="192Gi", **{"nvidia.com/gpu": "8"})
        await team.pod("unpriced", labels=pod_labels(job_id="j1", owner="ann"), gpus=8)
        await team.pod("unpriced-too", labels=pod_labels(job_id="j4", owner="ann"), gpus=8)
        await team.after(300)
        budgets = (await team.get("ann", "api/budgets"))["items"]
        by_name = {item["name"]: item for item in budgets}
        assert by_name["ann"]["unknown_jobs"] == 1
        team.spending.budgeting._looked_at = None
        assert await self.refused(team) is None

    async def test_a_hub_service_that_is_away_refuses_no_start(self) -> None:
        assert await refused_by_budget("http://127.0.0.1:9/x", token="t", user="ann", groups=()) is None

    async def test_nobody_but_the_hub_asks_whom_a_budget_refuses(self, team: Team) -> None:
        async with team.service.client("writer") as http:
            assert (await http.get("api/internal/budget", params={"user": "bob"})).status_code == 401


HOURS_ON_PURPOSE = [
    f'windlass_{whose}gpu_hours_total use base unit "seconds" instead of "hours"' for whose in ("", "group_")
]
RECORD = JobRecord(
    uid="u1", job_id="j1", owner="ann", namespace="wl-ann", name="train-j1", kind="PyTorchJob", state="succeeded",
    cause="completed", reason="", created_at=0.0, started_at=1000.0, ended_at=1400.0, recorded_at=1.0,
)  # fmt: skip


class TestMetrics:
    @pytest.fixture
    def budgets(self) -> tuple[BudgetRule, ...]:
        return (BudgetRule(group="team-a", limit_usd=100),)

    async def scraped(self, team: Team) -> str:
        async with team.service.client(None, headers={"Authorization": f"Bearer {METRICS_TOKEN}"}) as http:
            answer = await http.get("metrics")
        assert answer.status_code == 200, answer.text
        return answer.text

    async def test_promtool_finds_nothing_wrong_and_counters_only_grow(self, team: Team) -> None:
        records = JobRecords(AuditDatabase(url=team.settings.database))
        await records.add(RECORD)
        await records.add(RECORD)
        await team.job("train-j1-master-0")
        await team.after(1)
        text = await self.scraped(team)
        checked = subprocess.run(  # noqa: ASYNC221 - it takes a moment
            ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False, timeout=30
        )
        # Hours of cards are what people count, and prices are by the hour.
        assert [line for line in checked.stderr.splitlines() if line] == HOURS_ON_PURPOSE
        assert series(text, 'windlass_cost_usd_total{user="ann"}') == pytest.approx(HOURLY, rel=0.02)
        assert series(text, 'windlass_group_cost_usd_total{group="team-a"}') == pytest.approx(HOURLY, rel=0.02)
        assert series(text, 'windlass_gpu_hours_total{user="ann"}') == pytest.approx(1, rel=0.02)
        assert series(text, 'windlass_budget_used_ratio{name="team-a",period="month",scope="group"}') > 0
        assert series(text, 'pytorch_job_duration_seconds_bucket{le="300.0",state="succeeded"}') == 0
        assert series(text, 'pytorch_job_duration_seconds_bucket{le="900.0",state="succeeded"}') == 1
        assert series(text, 'windlass_job_duration_seconds_sum{kind="PyTorchJob",state="succeeded"}') == 400
        await records.prune(before=2.0, keep=())
        await team.spending.records.prune(before_day=100_000)
        later = await self.scraped(team)
        for name in ("windlass_cost_usd_total", "pytorch_job_duration_seconds_count"):
            before, after = ([line for line in each.splitlines() if line.startswith(name)] for each in (text, later))
            assert before
            assert before == after

    async def test_they_are_for_a_token_that_may_see_costs_alone(self, team: Team) -> None:
        statuses = {}
        for who in (None, "plain", "ann", "admin", "reader"):
            async with team.service.client(who) as http:
                statuses[who] = (await http.get("metrics")).status_code
        async with httpx.AsyncClient(base_url=team.service.url, headers={"Authorization": "Bearer x"}) as http:
            statuses["guessed"] = (await http.get("metrics")).status_code
        assert statuses == {None: 401, "plain": 403, "ann": 403, "admin": 403, "reader": 200, "guessed": 401}


def series(text: str, name: str) -> float:
    [line] = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(line.rpartition(" ")[2])
