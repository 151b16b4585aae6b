"""What users' pods cost, over HTTP: whose, by what, and for whom; with the service's own rights in the cluster."""

from __future__ import annotations

import re
from datetime import datetime, timezone

import pytest
from tests.hub.service.teams import (
    HOURLY,
    WIDE,
    Team,
    budgets,
    place,
    team,
    team_settings,
)

from windlass.contract.gpus import GpuSnapshot
from windlass.hub.broker import HubBroker
from windlass.kube.names import pod_labels

pytestmark = [pytest.mark.cluster, pytest.mark.emulator]
__all__ = ["budgets", "place", "team", "team_settings"]


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
