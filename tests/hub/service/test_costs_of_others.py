"""Costs, budgets and figures are refused to whoever may not see or change them, route by route and trick by trick."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.hub.service.conftest import FEED_TOKEN
from tests.hub.service.hub_double import SERVER_SCOPES
from tests.hub.service.teams import METRICS_TOKEN, WIDE, Place, Team, place, team, team_settings

from windlass_hub.budget_rules import BudgetRule
from windlass_hub.service.limits import RateLimit

pytestmark = [pytest.mark.cluster, pytest.mark.emulator]
__all__ = ["Place", "place", "team", "team_settings"]
SECRETS = ("bob", "j2", "team-b")
GROUPINGS = ("user", "group", "job", "experiment", "model", "day")
TRICKS: tuple[dict[str, str], ...] = (
    {},
    {"user": "bob"},
    {"owner": "bob"},
    {"all": "1"},
    {"mine": "0"},
    {"mine": ""},
    {"cursor": "0", "limit": "10000"},
)
DECISIONS: tuple[dict[str, Any], ...] = (
    {},
    {"action": "exempt"},
    {"action": "hold"},
    {"extra_usd": 1e6},
)


@pytest.fixture
def budgets() -> tuple[BudgetRule, ...]:
    return (
        BudgetRule(user="*", limit_usd=1000.0, blocks=True),
        BudgetRule(group="team-a", limit_usd=1000.0),
        BudgetRule(group="team-b", limit_usd=1000.0),
    )


@pytest.fixture
async def spent(team: Team) -> Team:
    """Ann and bob have each spent something, in groups of their own, on something secret."""
    team.service.hub.users["bob"]["groups"] = ["team-b"]
    team.spending.people._asked_at = None
    await team.job("train-j1-master-0", experiment="anns-secret")
    await team.job("train-j2-master-0", user="bob", job_id="j2", experiment="bobs-secret")
    await team.after(1)
    return team


async def ask(team: Team, who: str | None, path: str, **options: Any) -> httpx.Response:
    async with team.service.client(who) as http:
        return await http.request(options.pop("method", "GET"), path, **options)


async def test_no_way_of_asking_shows_somebody_elses_costs(spent: Team) -> None:
    """`ann` is the token of her server, `admin` may do everything in the hub, `plain` has only access."""
    ways = [(by, trick, accept) for by in GROUPINGS for trick in TRICKS for accept in ("application/json", "text/csv")]
    spent.service.app.settings["windlass_limits"]["costs"] = RateLimit(burst=10_000, seconds=1.0)
    for who, jobs in (("ann", 1), ("admin", 0), ("plain", 0)):
        async with spent.service.client(who) as http:
            for by, trick, accept in ways:
                query = {"by": by, **WIDE, **trick}
                answer = await http.get("api/costs", params=query, headers={"Accept": accept})
                assert answer.status_code == 200, answer.text
                for secret in SECRETS:
                    assert secret not in answer.text, (who, query, accept)
                if accept == "application/json":
                    assert answer.json()["total"]["jobs"] == jobs, query


async def test_another_service_sees_nothing_of_anybodys_without_the_right(spent: Team) -> None:
    spent.service.tokens["other"] = spent.service.hub.add("ann", *SERVER_SCOPES, kind="service")
    found = (await ask(spent, "other", "api/costs", params={"by": "user", **WIDE})).json()
    assert (found["items"], found["total"]["usd"]) == ([], None)
    assert (await ask(spent, "other", "api/budgets")).json()["items"] == []
    assert (await ask(spent, "other", "api/server-cost")).status_code == 403


async def test_budgets_are_those_that_count_for_oneself(spent: Team) -> None:
    for trick in ({}, {"all": "1"}, {"user": "bob"}):
        found = {(each["scope"], each["name"]) for each in (await spent.get("ann", "api/budgets", **trick))["items"]}
        assert found == {("user", "ann"), ("group", "team-a")}
    everybody = {each["name"] for each in (await spent.get("reader", "api/budgets", all="1"))["items"]}
    assert everybody >= {"ann", "bob", "team-a", "team-b"}


async def test_the_cost_of_a_server_is_its_users_alone(spent: Team) -> None:
    spent.service.hub.users["bob"]["servers"] = {"big": {"name": "big", "state": {"pod_name": "train-j2-master-0"}}}
    for query in ({"name": "big"}, {"name": "big", "user": "bob"}, {"name": "../bob/big"}, {"user": "bob"}):
        answer = await ask(spent, "ann", "api/server-cost", params=query)
        assert answer.status_code == 404, query
    # A server of one's own whose pod is somebody else's shows nothing of that pod.
    spent.service.hub.users["ann"]["servers"] = {"": {"name": "", "state": {"pod_name": "train-j2-master-0"}}}
    assert (await spent.get("ann", "api/server-cost"))["usd"] is None


async def test_nobody_changes_a_budget_who_does_not_edit_profiles_and_see_costs(spent: Team) -> None:
    before = await limits(spent)
    for who in (None, "ann", "bob", "plain", "admin", "reader", "stranger"):
        for decision in DECISIONS:
            for path in ("user/month/ann", "user/month/bob", "group/month/team-a", "user/month/nobody"):
                answer = await ask(spent, who, f"api/admin/budgets/{path}", method="PUT", json=decision)
                assert answer.status_code == (401 if who is None else 403), (who, path, answer.text)
    await spent.after(0)
    assert await limits(spent) == before
    assert await spent.service.state.audit.settled()
    refused = [each for each in await spent.service.state.audit.latest() if "admin/budgets" in each.action]
    assert {"ann", "bob", "plain", "admin", "reader"} <= {each.who for each in refused if each.decision == "refused"}
    assert not [each for each in refused if each.decision != "refused"]


async def limits(team: Team) -> dict[str, tuple[float, bool]]:
    items = (await team.get("reader", "api/budgets", all="1"))["items"]
    return {each["name"]: (each["limit_usd"], each["blocks"]) for each in items}


async def test_a_decision_that_makes_no_sense_changes_nothing(spent: Team) -> None:
    before = await limits(spent)
    for body in (
        "{", "[]", "null", '{"action": "steal"}', '{"action": ["hold"]}', '{"extra_usd": -1}', '{"extra_usd": NaN}',
        '{"extra_usd": 1e99}', '{"x": 1}', json.dumps({"note": "n" * 301}),
    ):  # fmt: skip
        answer = await ask(spent, "writer", "api/admin/budgets/user/month/ann", method="PUT", content=body)
        assert answer.status_code == 400, body
    assert await limits(spent) == before


async def test_a_body_that_is_far_too_long_is_refused(spent: Team) -> None:
    answer = await ask(spent, "writer", "api/admin/budgets/user/month/ann", method="PUT", json={"note": "x" * 100_000})
    assert answer.status_code == 413


async def test_what_is_for_the_hub_alone_is_opened_by_no_identity(spent: Team) -> None:
    for who in ("ann", "reader", "writer", "admin", "robot"):
        answer = await ask(spent, who, "api/internal/budget", params={"user": "bob"})
        assert answer.status_code == 401, who
    async with spent.service.client(None, headers={"Authorization": f"Bearer {FEED_TOKEN}"}) as http:
        assert (await http.get("api/internal/budget", params={"user": "bob"})).status_code == 401


async def test_figures_are_not_for_who_guesses_nor_for_an_empty_file(spent: Team) -> None:
    for text in (METRICS_TOKEN, "", "\n"):
        Path(spent.settings.metrics_token_file).write_text(text)
        for token in ("Bearer", "Bearer x", f"Bearer {METRICS_TOKEN[:-1]}", f"Bearer {'x' * 10_000}", "Bearer \u00e9"):
            async with spent.service.client(None, headers={"Authorization": token.encode()}) as http:
                assert (await http.get("metrics")).status_code == 401, token


async def test_the_token_of_the_file_opens_the_figures_and_nothing_else(spent: Team) -> None:
    async with spent.service.client(None, headers={"Authorization": f"Bearer {METRICS_TOKEN}"}) as http:
        assert (await http.get("metrics")).status_code == 200
        for path in ("api/costs", "api/budgets", "api/me", "api/admin/audit"):
            assert (await http.get(path)).status_code == 401, path


async def test_the_page_offers_what_its_reader_may(spent: Team) -> None:
    for who, sees, writes in (("ann", "no", "no"), ("reader", "yes", "no"), ("writer", "yes", "yes")):
        page = (await ask(spent, who, "costs")).text
        assert f'data-write="{writes}" data-costs="{sees}"' in page
        assert "bob" not in page


async def test_a_name_with_markup_is_text_wherever_the_service_writes_it(spent: Team) -> None:
    name = '"><img src=x onerror=alert(1)>'
    spent.service.tokens["odd"] = spent.service.hub.add(name, "access:services!service=windlass")
    page = (await ask(spent, "odd", "costs")).text
    assert "<img src=x" not in page
    assert "&#34;&gt;&lt;img src=x onerror=alert(1)&gt;" in page
    await spent.job("train-j3-master-0", job_id="j3", experiment=name)
    await spent.after(1)
    answer = await ask(spent, "ann", "api/costs", params={"by": "experiment", **WIDE})
    assert name in {each["key"] for each in answer.json()["items"]}
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
