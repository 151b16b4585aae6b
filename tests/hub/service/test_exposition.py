"""The service's figures as Prometheus reads them: their names and labels, what they count, and for whom they are."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.hub.service.teams import (
    HOURLY,
    METRICS_TOKEN,
    Team,
    place,
    team,
    team_settings,
)

from windlass.kube.names import pod_labels
from windlass_hub.budget_rules import BudgetRule
from windlass_hub.reconciler.records import JobRecord
from windlass_hub.service.audit_database import AuditDatabase
from windlass_hub.service.job_records import JobRecords

pytestmark = [pytest.mark.cluster, pytest.mark.emulator]
__all__ = ["place", "team", "team_settings"]

HOURS_ON_PURPOSE = [
    f'windlass_{whose}gpu_hours_total use base unit "seconds" instead of "hours"' for whose in ("", "group_")
]
RECORD = JobRecord(
    uid="u1", job_id="j1", owner="ann", namespace="wl-ann", name="train-j1", kind="PyTorchJob", state="succeeded",
    cause="completed", reason="", created_at=0.0, started_at=1000.0, ended_at=1400.0, recorded_at=1.0,
)  # fmt: skip


@pytest.fixture
def budgets() -> tuple[BudgetRule, ...]:
    return (BudgetRule(group="team-a", limit_usd=100),)


async def scraped(team: Team) -> str:
    async with team.service.client(None, headers={"Authorization": f"Bearer {METRICS_TOKEN}"}) as http:
        answer = await http.get("metrics")
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_promtool_finds_nothing_wrong_and_counters_only_grow(team: Team) -> None:
    records = JobRecords(AuditDatabase(url=team.settings.database))
    await records.add(RECORD)
    await records.add(RECORD)
    await team.job("train-j1-master-0")
    await team.after(1)
    text = await scraped(team)
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
    later = await scraped(team)
    for name in ("windlass_cost_usd_total", "pytorch_job_duration_seconds_count"):
        before, after = ([line for line in each.splitlines() if line.startswith(name)] for each in (text, later))
        assert before
        assert before == after


async def test_nothing_that_a_user_writes_makes_another_series(team: Team) -> None:
    await team.job("train-j1-master-0")
    await team.job("train-j2-master-0", user="bob", job_id="j2")
    await team.after(1)
    before = names_of(await scraped(team))
    for number in range(12):
        labels = {**pod_labels(job_id=f"n{number}", owner=f"other-{number}"), f"windlass.io/x{number}": "y"}
        annotations = {"windlass.io/model": f"m{number}", "hub.jupyter.org/username": f"u{number}"}
        await team.pod(
            f"odd-{number}", labels=labels, annotations=annotations, experiment=f"e{number}", gpus=number % 2
        )
    await team.after(1)
    after = await scraped(team)
    assert names_of(after) == before
    assert series(after, 'windlass_cost_usd_total{user="ann"}') > 2 * HOURLY


async def test_durations_are_told_by_kind_and_those_of_pytorch_under_their_own_name(team: Team) -> None:
    records = JobRecords(AuditDatabase(url=team.settings.database))
    for number, (kind, state) in enumerate(
        (("PyTorchJob", "succeeded"), ("TrainJob", "succeeded"), ("Job", "succeeded"), ("PyTorchJob", "failed"))
    ):
        await records.add(replace(RECORD, uid=f"d{number}", kind=kind, state=state))
    text = await scraped(team)
    for kind, state in (("PyTorchJob", "succeeded"), ("TrainJob", "succeeded"), ("Job", "succeeded")):
        assert series(text, f'windlass_job_duration_seconds_count{{kind="{kind}",state="{state}"}}') == 1
    assert series(text, 'pytorch_job_duration_seconds_count{state="succeeded"}') == 2
    assert series(text, 'pytorch_job_duration_seconds_sum{state="failed"}') == 400


async def test_groups_of_which_one_is_part_of_anothers_name_are_kept_apart_whatever_they_are_called(team: Team) -> None:
    groups = ["a,b", "a", 'say "hi" \\ to', "é" * 200]
    team.service.hub.users["ann"]["groups"] = groups
    team.spending.people._asked_at = None
    await team.job("train-j1-master-0")
    await team.after(1)
    text = await scraped(team)
    found = {
        sample.labels["group"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "windlass_group_cost_usd_total"
    }
    assert found == dict.fromkeys(groups, pytest.approx(HOURLY, rel=0.02))


async def test_they_are_for_a_token_that_may_see_costs_alone(team: Team) -> None:
    statuses = {}
    for who in (None, "plain", "ann", "admin", "reader"):
        async with team.service.client(who) as http:
            statuses[who] = (await http.get("metrics")).status_code
    async with httpx.AsyncClient(base_url=team.service.url, headers={"Authorization": "Bearer x"}) as http:
        statuses["guessed"] = (await http.get("metrics")).status_code
    assert statuses == {None: 401, "plain": 403, "ann": 403, "admin": 403, "reader": 200, "guessed": 401}


def names_of(text: str) -> set[str]:
    """All series, without their values."""
    return {line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")}


def series(text: str, name: str) -> float:
    [line] = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(line.rpartition(" ")[2])
