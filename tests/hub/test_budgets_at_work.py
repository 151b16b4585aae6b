"""Budgets in a real hub: who has used theirs up is refused with a sentence they can read, who is warned is not.

What is spent is spent by real spawners' pods on an emulated cluster, seen by the hub service in its own process.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timezone
from html import unescape
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.conftest import until
from tests.hub import real_hub
from tests.hub.spending import costly_hub
from tests.hub.spending.costly_hub import CostlyHub
from tests.hub.test_spawn_page import post_form

from windlass.kube.errors import NotFound
from windlass.kube.names import BUDGET_QUOTA
from windlass.kube.resources import RESOURCE_QUOTAS
from windlass_hub.spending.blocking import REASON_ANNOTATION

pytestmark = [pytest.mark.emulator, pytest.mark.skipif(bool(real_hub.MISSING), reason=real_hub.MISSING or "")]
BUDGETS = [
    {"user": "ann", "limit_usd": 1, "blocks": True},
    {"user": "bob", "limit_usd": 1, "warn_at": 0.5},
    {"user": "cyn", "limit_usd": 1, "blocks": True},
]


@pytest.fixture(scope="module")
def costly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CostlyHub]:
    """A hub on which everybody has spent over a dollar and runs nothing."""
    with costly_hub.running(tmp_path_factory.mktemp("hub"), settings={"budgets": BUDGETS}) as made:
        for user in ("ann", "bob", "cyn"):
            made.pod(f"train-{user}-master-0", user=user, job_id=f"j{user}")
            made.becomes(f"train-{user}-master-0", "succeeded", user=user)
        until(
            lambda: all(state_of(made, user) == "over" for user in ("ann", "bob", "cyn")), what="all of it is counted"
        )
        yield made


def budget(hub: CostlyHub, user: str) -> dict[str, Any]:
    """How the user's own budget stands, as the service tells them."""
    items: list[dict[str, Any]] = hub.hub.service("GET", "api/budgets", user=user).json()["items"]
    return items[0] if items else {}


def state_of(hub: CostlyHub, user: str) -> str | None:
    return budget(hub, user).get("state")


def quota(hub: CostlyHub, user: str) -> dict[str, Any] | None:
    try:
        return hub.do(hub.cluster.admin.get(RESOURCE_QUOTAS, BUDGET_QUOTA, namespace=hub.namespace(user)))
    except NotFound:
        return None


def sentence(hub: CostlyHub, user: str) -> str:
    """As the user has to read it: what was spent, until when, and what can be done."""
    spent = budget(hub, user)["spent_usd"]
    now = datetime.now(timezone.utc)
    turns = now.replace(year=now.year + now.month // 12, month=now.month % 12 + 1, day=1).date()
    return (
        f"Your budget for this month is used up: ${spent:,.2f} of $1.00. What runs goes on; new things can be started "
        f"from {turns} on (UTC), or once an administrator raises it."
    )


def decide(hub: CostlyHub, user: str, *, by: str = "wendy", **decision: Any) -> httpx.Response:
    return hub.hub.service("PUT", f"api/admin/budgets/user/month/{user}", user=by, json=decision)


def test_the_spawn_page_refuses_whose_budget_is_used_up_and_says_why(costly: CostlyHub) -> None:
    with costly.hub.browser("ann") as browser:
        browser.get(f"{costly.hub.url}hub/spawn")
        answer = post_form(costly.hub, browser, {"profile": "cpu"})
    assert answer.status_code == 403
    assert sentence(costly, "ann") in unescape(answer.text)
    assert "spawn-error-msg" in answer.text
    assert not costly.hub.server("ann")


def test_rest_refuses_it_with_the_same_sentence_and_it_is_in_the_audit_log(costly: CostlyHub) -> None:
    for _ in range(4):  # No fault of the hub's: it does not give up over it.
        answer = costly.hub.api("POST", "users/ann/server", json={"user_options": {"profile": "cpu"}})
        assert (answer.status_code, answer.json()["message"]) == (403, sentence(costly, "ann"))
    assert costly.hub.process is not None
    assert costly.hub.process.poll() is None

    def written() -> bool:
        with sqlite3.connect(costly.hub.base / "windlass-hub.sqlite") as database:
            asked = (
                "SELECT count(*) FROM decisions WHERE who = 'ann' AND action = 'server.start' AND decision = 'refused'"
            )
            return bool(database.execute(asked).fetchone()[0])

    until(written, what="the refusal is in the audit log")


def test_its_jobs_namespace_takes_no_pods_and_says_the_reason(costly: CostlyHub) -> None:
    until(lambda: quota(costly, "ann"), what="the quota is there")
    found = quota(costly, "ann")
    assert found is not None
    assert found["spec"]["hard"]["pods"] == "0"
    assert found["metadata"]["annotations"][REASON_ANNOTATION] == sentence(costly, "ann")


def test_a_budget_that_only_warns_is_over_and_blocks_neither_servers_nor_pods(costly: CostlyHub) -> None:
    stands = budget(costly, "bob")
    assert (stands["state"], stands["blocks"]) == ("over", False)
    costly.hub.start_server("bob", {"profile": "cpu"})
    costly.pod("more-master-0", user="bob", job_id="more")
    assert quota(costly, "bob") is None
    costly.hub.stop_server("bob")


def test_a_blocking_budget_that_is_nearly_used_warns_and_lets_start(costly: CostlyHub) -> None:
    spent = budget(costly, "cyn")["spent_usd"]
    answer = decide(costly, "cyn", extra_usd=spent / 0.9 - 1)
    assert (answer.json()["state"], answer.json()["blocks"]) == ("warning", True)
    until(lambda: quota(costly, "cyn") is None, what="the namespace is open again")
    costly.hub.start_server("cyn", {"profile": "cpu"})
    costly.hub.stop_server("cyn")


def test_cookies_alone_change_no_budget_whoever_has_them(costly: CostlyHub) -> None:
    """As a page from elsewhere would send it from the browser of somebody who may."""
    url = f"{costly.hub.url}services/windlass/api/admin/budgets/user/month/bob"
    with costly.hub.browser("wendy") as browser:
        page = browser.get(f"{costly.hub.url}services/windlass/costs")
        [token] = re.findall(r'data-xsrf="([^"]+)"', page.text)
        foreign = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
        for headers in ({}, foreign, {"X-XSRFToken": "x"}, {"X-XSRFToken": token[:-2]}, {"Content-Type": "text/plain"}):
            answer = browser.put(url, content='{"action": "hold"}', headers=headers)
            assert answer.status_code == 403, headers
        assert budget(costly, "bob")["blocks"] is False
        answer = browser.put(url, content='{"extra_usd": 0}', headers={"X-XSRFToken": token})
        assert answer.status_code == 200, answer.text
    with costly.hub.browser("ann") as browser:
        page = browser.get(f"{costly.hub.url}services/windlass/costs")
        [token] = re.findall(r'data-xsrf="([^"]+)"', page.text)
        assert browser.put(url, content='{"action": "hold"}', headers={"X-XSRFToken": token}).status_code == 403


def test_no_counter_goes_down_when_hub_and_service_are_killed_and_started_again(costly: CostlyHub) -> None:
    before = counters(costly.metrics())
    assert before["windlass_cost_usd_total", "user=ann"] > 1
    costly.hub.restart(kill=True)
    costly.hub.wait_for_service()
    until(lambda: state_of(costly, "ann"), what="the service knows again how budgets stand")
    after = counters(costly.metrics())
    assert {
        series: (value, after.get(series)) for series, value in before.items() if after.get(series, -1) < value
    } == {}
    assert state_of(costly, "ann") == "over"


def counters(text: str) -> dict[tuple[str, str], float]:
    """All that must never go down: counters, and histograms' buckets."""
    return {
        (sample.name, ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        if family.type in ("counter", "histogram")
        for sample in family.samples
    }


def test_once_an_admin_has_raised_it_the_server_starts(costly: CostlyHub) -> None:
    for by in ("ann", "bob", "rita"):
        assert decide(costly, "ann", by=by, extra_usd=1e6).status_code == 403
    assert decide(costly, "ann", extra_usd=1e6, note="deadline").status_code == 200
    costly.hub.start_server("ann", {"profile": "cpu"})
    costly.hub.stop_server("ann")
