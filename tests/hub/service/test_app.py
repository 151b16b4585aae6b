"""Every route and every verb: who is let in."""

from __future__ import annotations

from tests.hub.service.conftest import Service


async def test_me_is_told_to_a_users_server_with_its_groups(service: Service) -> None:
    async with service.client("ann") as http:
        answer = await http.get("api/me")
    assert answer.status_code == 200, answer.text
    me = answer.json()
    assert (me["name"], me["groups"], me["admin"]) == ("ann", ["team-a"], False)
    assert me["hub_version"] == "6.1.1"


async def test_a_stranger_is_told_to_log_in(service: Service) -> None:
    async with service.client() as http:
        answer = await http.get("api/me")
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
