from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from tests.hub.service.conftest import Service

from windlass_hub.service.admin.running import Running, listed

NOW = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)


def server(*, price: float | None, hours: float = 2, **more: Any) -> dict[str, Any]:
    began = (NOW - timedelta(hours=hours)).isoformat()
    chosen = {
        "profile": "t4",
        "display_name": "Tesla T4",
        "usd_per_hour": price,
        "started_at": began,
        "gpu": {"product": "Tesla-T4", "count": 1, "mode": "dedicated", "resource": "nvidia.com/gpu", "cards": 1.0},
    }
    return {"ready": True, "pending": None, "started": began, "state": {"windlass": {"chosen": chosen}}, **more}


def user(name: str, **servers: Any) -> dict[str, Any]:
    return {"name": name, "servers": {key.replace("default", ""): value for key, value in servers.items()}}


def test_servers_and_totals_with_the_dearest_first() -> None:
    found = listed([user("ann", default=server(price=0.35)), user("bob", default=server(price=2))], now=NOW, costs=True)
    assert [(row["user"], row["usd_per_hour"], row["usd_so_far"]) for row in found["servers"]] == [
        ("bob", 2, 4.0),
        ("ann", 0.35, 0.7),
    ]
    assert found["totals"] == {
        "servers": 2,
        "gpu_cards": 2.0,
        "usd_per_hour": 2.35,
        "usd_so_far": 4.7,
        "unknown_prices": 0,
    }


def test_an_unknown_price_stays_unknown_and_totals_say_what_they_leave_out() -> None:
    plain = {"ready": True, "started": "2026-05-01T11:00:00Z", "user_options": {"profile": "cpu"}}
    found = listed([user("ann", default=server(price=None), other=plain)], now=NOW, costs=True)
    assert [row["usd_per_hour"] for row in found["servers"]] == [None, None]
    assert [row["profile"] for row in found["servers"]] == ["t4", "cpu"]
    assert found["totals"]["usd_per_hour"] is None
    assert found["totals"]["usd_so_far"] is None
    assert found["totals"]["unknown_prices"] == 2
    mixed = listed([user("ann", default=server(price=None), other=server(price=1))], now=NOW, costs=True)
    assert (mixed["totals"]["usd_per_hour"], mixed["totals"]["unknown_prices"]) == (1, 1)


def test_nothing_running_costs_nothing() -> None:
    stopped = {"ready": False, "pending": None, "stopped": True, "state": {}}
    found = listed([user("ann", default=stopped), user("bob")], now=NOW, costs=True)
    assert found["servers"] == []
    assert found["totals"]["usd_per_hour"] == 0


@pytest.mark.parametrize(
    "state", [{"windlass": "?"}, {"windlass": {"chosen": {"profile": 3}}}, {"pod_name": "x"}, None]
)
def test_a_state_of_another_spawner_is_a_server_without_a_price(state: Any) -> None:
    row = listed([user("ann", default={"pending": "spawn", "state": state})], now=NOW, costs=True)["servers"][0]
    assert (row["state"], row["usd_per_hour"], row["started_at"], row["hours"]) == ("spawn", None, None, None)


async def test_money_is_only_for_those_who_may_see_it(service: Service) -> None:
    service.hub.users["ann"]["servers"] = {"": server(price=0.35)}
    async with service.client("reader") as client:
        answer = (await client.get("api/admin/servers")).json()
    assert (answer["costs"], answer["totals"]["usd_per_hour"]) == (True, 0.35)
    from windlass_hub.settings import ACCESS_SERVICE, PROFILES_READ

    service.tokens["looker"] = service.hub.add("looker", ACCESS_SERVICE, PROFILES_READ)
    async with service.client("looker") as client:
        answer = (await client.get("api/admin/servers")).json()
    assert [row["user"] for row in answer["servers"]] == ["ann"]
    assert (answer["costs"], answer["totals"]["usd_per_hour"], answer["servers"][0]["usd_so_far"]) == (
        False,
        None,
        None,
    )


async def test_a_hub_that_is_away_is_an_answer_in_words(service: Service) -> None:
    service.hub.broken = True
    async with service.client("reader") as client:
        answer = await client.get("api/admin/servers")
    assert answer.status_code in {502, 503}
    assert answer.json()["detail"]


async def test_many_who_look_at_once_are_one_question_to_the_hub(service: Service) -> None:
    async with service.client("reader") as client:
        for _ in range(3):
            assert (await client.get("api/admin/servers")).status_code == 200
    assert service.hub.asked.count("users") == 1
    time = 0.0
    running = Running(service.state.hub_api, clock=lambda: time)
    await running.users()
    time = 60.0
    await running.users()
    assert service.hub.asked.count("users") == 3
