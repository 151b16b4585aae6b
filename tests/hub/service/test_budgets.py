"""Budgets over HTTP and in the cluster: who is warned, what is refused, who may change that, and when it ends."""

from __future__ import annotations

import pytest
from tests.cluster.cluster import eventually
from tests.cluster.crds import install
from tests.hub.service.conftest import FEED_TOKEN
from tests.hub.service.teams import (
    Team,
    place,
    team,
    team_settings,
)

from windlass.engines.kubernetes.observing.mishaps import no_pods
from windlass.kube.errors import Forbidden
from windlass.kube.names import pod_labels
from windlass.kube.resources import EVENTS, PODS, PYTORCH_JOBS
from windlass_hub.budget_feed import refused_by_budget
from windlass_hub.budget_rules import BudgetRule

pytestmark = [pytest.mark.cluster, pytest.mark.emulator]
__all__ = ["place", "team", "team_settings"]


@pytest.fixture
def budgets() -> tuple[BudgetRule, ...]:
    return (
        BudgetRule(user="ann", limit_usd=1.0, blocks=True),
        BudgetRule(user="*", limit_usd=1000.0, blocks=True),
        BudgetRule(group="team-a", period="week", limit_usd=0.6, warn_at=0.5),
    )


async def refusal_of(team: Team, user: str = "ann") -> str | None:
    url = f"{team.service.url}api/internal/budget"
    return await refused_by_budget(url, token=FEED_TOKEN, user=user, groups=())


async def test_a_budget_warns_and_then_lets_nothing_new_start(team: Team) -> None:
    await team.job("train-j1-master-0")
    await team.after(0)
    assert await refusal_of(team) is None
    assert await team.quota() is None
    await team.after(2)
    found = {(item["scope"], item["name"]): item for item in (await team.get("ann", "api/budgets"))["items"]}
    assert found["user", "ann"]["state"] == "warning"
    await team.after(1)
    refused = await refusal_of(team)
    assert refused is not None
    assert "Your budget for this month is used up: $1.3" in refused
    assert await refusal_of(team, "bob") is None
    quota = await team.quota()
    assert quota is not None
    assert quota["spec"]["hard"] == {"pods": "1", "requests.nvidia.com/gpu": "1"}
    with pytest.raises(Forbidden, match="exceeded quota: windlass-budget"):
        await team.job("train-j2-master-0", job_id="j2")
    await team.job("train-j3-master-0", user="bob", job_id="j3")


async def test_a_job_that_is_sent_all_the_same_gets_no_pods_and_says_why(team: Team) -> None:
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


async def test_an_admin_lifts_it_and_it_is_in_the_audit_log(team: Team) -> None:
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
    assert await refusal_of(team) is None
    assert await team.quota() is None
    assert await team.service.state.audit.settled()
    entries = await team.service.state.audit.latest()
    assert {entry.action for entry in entries} >= {"budget.decide", "budget.block", "budget.lift", "budget.over"}


async def test_who_is_held_or_exempt_is_told_so_in_the_budgets_that_they_read(team: Team) -> None:
    async def told() -> dict[str, tuple[bool, bool]]:
        items = (await team.get("ann", "api/budgets"))["items"]
        return {item["name"]: (item["blocks"], item["refuses"]) for item in items}

    await team.job("train-j1-master-0")
    await team.after(0)
    async with team.service.client("writer") as http:
        await http.put("api/admin/budgets/group/week/team-a", json={"action": "hold"})
        await http.put("api/admin/budgets/user/month/ann", json={"action": "hold"})
        assert await told() == {"ann": (True, True), "team-a": (True, True)}
        await http.put("api/admin/budgets/user/month/ann", json={"action": "exempt"})
        await team.after(3)
        assert await told() == {"ann": (False, False), "team-a": (False, False)}
        assert await refusal_of(team) is None
        await http.put("api/admin/budgets/group/week/team-a", json={})
        await http.put("api/admin/budgets/user/month/ann", json={})
        assert await told() == {"ann": (True, True), "team-a": (False, False)}


async def test_a_hold_and_an_exemption_hold_until_the_period_turns(team: Team) -> None:
    async with team.service.client("writer") as http:
        await team.after(0)
        await http.put("api/admin/budgets/user/month/bob", json={"action": "hold"})
        assert "on hold" in (await refusal_of(team, "bob") or "")
        await team.after(0)
        assert await team.quota("bob") is not None
        await http.put("api/admin/budgets/user/month/bob", json={"action": "exempt"})
    await team.after(32 * 24)
    assert await refusal_of(team, "bob") is None
    assert await team.quota("bob") is None


async def test_the_period_turns_and_the_block_is_lifted(team: Team) -> None:
    await team.job("train-j1-master-0")
    await team.after(3)
    assert await team.quota() is not None
    await team.cluster.admin.delete(PODS, "train-j1-master-0", namespace=team.namespaces["ann"])
    await eventually(lambda: not team.spending.watch.in_use(team.namespaces["ann"]), what="the pod is gone")
    await team.after(32 * 24)
    assert await team.quota() is None
    assert await refusal_of(team) is None


async def test_what_is_not_known_blocks_nobody(team: Team) -> None:
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
    assert await refusal_of(team) is None


async def test_a_hub_service_that_is_away_refuses_no_start() -> None:
    assert await refused_by_budget("http://127.0.0.1:9/x", token="t", user="ann", groups=()) is None


async def test_nobody_but_the_hub_asks_whom_a_budget_refuses(team: Team) -> None:
    async with team.service.client("writer") as http:
        assert (await http.get("api/internal/budget", params={"user": "bob"})).status_code == 401
