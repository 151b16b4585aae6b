"""Promotions through the hub service: asked for, approved, refused, raced, and what the log says of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from tests.hub.promotions.basic_auth import BasicAuthMlflow
from tests.hub.promotions.conftest import Desk

from windlass_hub.promotions.records import FAILED, NewRecord
from windlass_hub.promotions.rules import Target

XSS = "<script>alert(1)</script> 🏆 ' OR 1=1 --"


async def test_what_no_rule_protects_is_moved_at_once_and_logged(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str]
) -> None:
    model = named()
    answer = await desk.promote("ann", model, 2, "challenger", expected="", comment=XSS)
    assert answer.status_code == 200, answer.text
    assert secured.aliases(model) == {"challenger": "2"}
    (line,) = await desk.log("ann", model)
    assert line == answer.json()
    assert (line["by"], line["from_version"], line["to_version"], line["state"]) == ("ann", None, "2", "done")
    assert (line["comment"], line["needs"], line["approvals"]) == (XSS, None, [])
    assert line["asked_at"] <= line["ended_at"]
    await desk.promote("ann", model, 3, "challenger", expected="2")
    assert [each["from_version"] for each in await desk.log("ann", model)] == ["2", None]


async def test_a_protected_alias_waits_and_moves_with_the_approval_of_the_group(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str]
) -> None:
    model = named(editor=None)
    secured.set_alias(model, "champion", 1)
    asked = await desk.promote("bob", model, 2, expected="1", comment="better recall")
    assert asked.status_code == 202, asked.text
    waiting = asked.json()
    assert (waiting["state"], waiting["needs"]) == ("waiting", "1 of ml-leads")
    assert (waiting["may_approve"], waiting["may_withdraw"]) == (False, True)
    assert secured.aliases(model) == {"champion": "1"}
    for who in ("bob", "ann"):
        refused = await desk.answer(who, waiting, "approve")
        assert refused.status_code == 403, refused.text
    (seen,) = (await desk.call("leo", "GET", "promotions?state=waiting")).json()["items"]
    assert (seen["id"], seen["may_approve"], seen["may_withdraw"]) == (waiting["id"], True, False)
    done = await desk.answer("leo", waiting, "approve", "agreed")
    assert done.status_code == 200, done.text
    assert secured.aliases(model) == {"champion": "2"}
    (line,) = await desk.log("bob", model)
    assert (line["by"], line["state"], line["from_version"], line["to_version"]) == ("bob", "done", "1", "2")
    assert [(said["by"], said["approved"], said["comment"]) for said in line["approvals"]] == [("leo", True, "agreed")]
    again = await desk.answer("leo", waiting, "approve", "agreed")
    assert (again.status_code, len(again.json()["approvals"])) == (200, 1)


async def test_a_refusal_ends_it_and_nothing_moves(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str]
) -> None:
    model = named()
    waiting = (await desk.promote("ann", model, 2)).json()
    refused = (await desk.answer("lea", waiting, "refuse", "not on fresh data")).json()
    assert (refused["state"], refused["approvals"][0]["comment"]) == ("refused", "not on fresh data")
    late = await desk.answer("leo", waiting, "approve")
    assert (late.status_code, "waits no more" in late.json()["detail"]) == (409, True)
    assert secured.aliases(model) == {}
    again = await desk.promote("ann", model, 2)
    assert again.status_code == 202
    assert (await desk.answer("bob", again.json(), "withdraw")).status_code == 403
    withdrawn = await desk.answer("ann", again.json(), "withdraw", "too early")
    assert (withdrawn.json()["state"], withdrawn.json()["message"]) == ("withdrawn", "too early")


async def test_who_asked_does_not_approve_their_own_unless_the_rule_says_so(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str]
) -> None:
    model = named(editor="lea")
    waiting = (await desk.promote("lea", model, 2)).json()
    assert waiting["may_approve"] is False
    own = await desk.answer("lea", waiting, "approve")
    assert (own.status_code, "somebody else" in own.json()["detail"]) == (403, True)
    gold = (await desk.promote("lea", model, 3, "gold")).json()
    assert (gold["needs"], gold["may_approve"]) == ("2 of ml-leads or risk", True)
    half = (await desk.answer("lea", gold, "approve")).json()
    assert (half["state"], secured.aliases(model)) == ("waiting", {})
    assert (await desk.answer("lea", gold, "refuse")).status_code == 409
    assert (await desk.answer("rob", gold, "approve")).json()["state"] == "done"
    assert secured.aliases(model) == {"gold": "3"}


async def test_groups_count_as_they_are_when_the_answer_comes(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str]
) -> None:
    """The token is as old as it was; who left the group since approves nothing, who joined does."""
    model = named()
    waiting = (await desk.promote("ann", model, 2)).json()
    desk.service.hub.users["leo"]["groups"] = []
    assert (await desk.answer("leo", waiting, "approve")).status_code == 403
    desk.service.hub.users["bob"]["groups"] = ["ml-leads"]
    assert (await desk.answer("bob", waiting, "approve")).json()["state"] == "done"
    assert secured.aliases(model) == {"champion": "2"}


@pytest.mark.parametrize("alias", ["challenger", "champion"])
@pytest.mark.parametrize("expected", [True, False])
async def test_of_two_at_once_one_wins_the_other_is_told_and_the_log_has_both(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str], alias: str, expected: bool
) -> None:
    model = named()
    secured.grant("bob", model, "EDIT")
    secured.set_alias(model, alias, 1)
    more = {"expected": "1"} if expected else {}
    answers = await asyncio.gather(
        desk.promote("ann", model, 2, alias, comment="mine", **more),
        desk.promote("bob", model, 3, alias, comment="no, mine", **more),
    )
    assert sorted(answer.status_code for answer in answers) == [202 if alias == "champion" else 200, 409]
    won = next(answer for answer in answers if answer.is_success).json()
    lost = next(answer for answer in answers if not answer.is_success)
    assert alias in lost.json()["detail"]
    lines = {line["by"]: line for line in await desk.log("ann", model)}
    assert lines.keys() == {"ann", "bob"}
    loser = "bob" if won["by"] == "ann" else "ann"
    assert (lines[loser]["state"], lines[loser]["message"]) == ("failed", lost.json()["detail"])
    if alias == "champion":
        assert f"{won['by']}'s promotion to version {won['to_version']} is open" in lost.json()["detail"]
        assert (await desk.answer("leo", won, "approve")).json()["state"] == "done"
    assert secured.aliases(model) == {alias: won["to_version"]}


async def test_two_approvals_at_once_move_it_once(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str]
) -> None:
    model = named()
    waiting = (await desk.promote("ann", model, 2)).json()
    answers = await asyncio.gather(desk.answer("leo", waiting, "approve"), desk.answer("lea", waiting, "approve"))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert secured.aliases(model) == {"champion": "2"}
    (line,) = await desk.log("ann", model)
    assert line["state"] == "done"


async def test_an_approval_that_is_sent_twice_at_once_is_one(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str]
) -> None:
    model = named(editor="lea")
    waiting = (await desk.promote("lea", model, 2, "gold")).json()
    answers = await asyncio.gather(*(desk.answer("leo", waiting, "approve") for _ in range(3)))
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [len(answer.json()["approvals"]) for answer in answers] == [1, 1, 1]
    assert secured.aliases(model) == {}


async def test_an_approval_holds_for_what_was_asked_not_for_what_came_since(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str]
) -> None:
    model = named()
    secured.set_alias(model, "champion", 1)
    waiting = (await desk.promote("ann", model, 2, expected="1")).json()
    secured.set_alias(model, "champion", 3)
    ended = (await desk.answer("leo", waiting, "approve")).json()
    assert ended["state"] == "failed"
    assert "champion is at version 3 by now, not at version 1" in ended["message"]
    assert secured.aliases(model) == {"champion": "3"}


async def test_what_has_moved_since_it_was_looked_at_is_a_conflict(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str]
) -> None:
    model = named()
    secured.set_alias(model, "challenger", 3)
    for expected in ("1", ""):
        answer = await desk.promote("ann", model, 2, "challenger", expected=expected)
        assert (answer.status_code, "is at version 3 by now" in answer.json()["detail"]) == (409, True)
    there = await desk.promote("ann", model, 3, "challenger")
    assert (there.status_code, there.json()["detail"]) == (409, "challenger is at version 3 already.")
    assert [line["state"] for line in await desk.log("ann", model)] == ["failed"] * 3


async def test_one_key_makes_one_promotion(desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str]) -> None:
    model = named()
    for alias in ("challenger", "champion"):
        key = {"headers": {"Idempotency-Key": f"{alias}-1"}}
        first = await desk.promote("ann", model, 2, alias, expected="", **key)
        again = await desk.promote("ann", model, 2, alias, expected="", **key)
        assert (first.status_code, again.json()) == (again.status_code, first.json())
        other = await desk.promote("ann", model, 3, alias, **key)
        assert (other.status_code, "Idempotency-Key" in other.json()["detail"]) == (409, True)
    assert len(await desk.log("ann", model)) == 2


async def test_what_moved_past_windlass_is_a_line_of_the_log_at_the_next_look(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str]
) -> None:
    model = named()
    secured.set_alias(model, "champion", 1)
    assert await desk.log("ann", model) == [], "what was before the first look is not known"
    secured.set_alias(model, "champion", 2)
    secured.ask("DELETE", "2.0/mlflow/registered-models/alias", json={"name": model, "alias": "champion"})
    secured.set_alias(model, "best", 3)
    lines = {line["alias"]: line for line in await desk.log("ann", model)}
    assert (lines["champion"]["from_version"], lines["champion"]["to_version"]) == ("1", "")
    assert "removed past Windlass" in lines["champion"]["message"]
    assert (lines["best"]["from_version"], lines["best"]["to_version"]) == (None, "3")
    assert (lines["best"]["by"], lines["best"]["state"]) == ("(outside Windlass)", "done")
    await desk.promote("ann", model, 2, "best")
    assert [line["by"] for line in await desk.log("ann", model)][:2] == ["ann", "(outside Windlass)"]
    assert len(await desk.log("ann", model)) == 3, "our own moves are no drift"


async def test_stages_move_where_there_are_some_and_leaving_a_protected_one_needs_approval(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str]
) -> None:
    model = named()
    staged = await desk.promote("ann", model, 1, None, stage="Staging")
    assert (staged.status_code, staged.json()["stage"], staged.json()["alias"]) == (200, "Staging", None)
    waiting = await desk.promote("ann", model, 1, None, stage="Production", expected="")
    assert waiting.status_code == 202, waiting.text
    assert (await desk.answer("lea", waiting.json(), "approve")).json()["state"] == "done"
    for stage in ("Archived", "Staging", "None"):
        leaving = await desk.promote("ann", model, 1, None, stage=stage)
        assert (leaving.status_code, leaving.json()["needs"]) == (202, "1 of ml-leads"), stage
    lines = await desk.log("ann", model)
    assert [line["by"] for line in lines] == ["ann"] * 5, "what a move of stages empties is no drift"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"version": "1", "alias": "latest"}, "alias"),
        ({"version": "1", "alias": "v7"}, "alias"),
        ({"version": "1", "alias": "a b"}, "alias"),
        ({"version": "1"}, "alias"),
        ({"version": "1", "alias": "a", "stage": "Staging"}, "alias"),
        ({"version": "one", "alias": "a"}, "version"),
        ({"version": "1", "alias": "a", "comment": "x" * 2001}, "comment"),
        ({"version": "1", "alias": "a", "more": 1}, "more"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field(
    desk: Desk, named: Callable[..., str], body: dict[str, str], field: str
) -> None:
    answer = await desk.call("ann", "POST", f"models/{named(versions=1)}/promotions", json=body)
    assert answer.status_code == 400, answer.text
    assert [found["field"] for found in answer.json()["fields"]] == [field]


async def test_case_opens_no_way_around_a_rule(desk: Desk, named: Callable[..., str]) -> None:
    assert (await desk.promote("ann", named(versions=1), 1, "Champion")).status_code == 202


async def test_what_is_not_there_is_not_found(desk: Desk, named: Callable[..., str]) -> None:
    model = named(versions=1)
    assert (await desk.promote("ann", model, 9)).status_code == 404
    for name in ("no-such-model", "..%2Fx", "%00", "a%3Ab", "x" * 300, "%2e%2e"):
        for method, path in (("GET", "promotions"), ("GET", "promotion-terms"), ("POST", "promotions")):
            body = {"version": "1", "alias": "a"} if method == "POST" else None
            answer = await desk.call("ann", method, f"models/{name}/{path}", json=body)
            assert answer.status_code == 404, (name, path, answer.text)
    assert (
        await desk.call("ann", "POST", f"models/{model}/promotions/999", json={"decision": "approve"})
    ).status_code == 404
    other = (await desk.promote("ann", named(versions=1), 1)).json()
    assert (await desk.answer("leo", {**other, "model": model}, "approve")).status_code == 404


async def test_the_log_comes_in_pages(desk: Desk, named: Callable[..., str]) -> None:
    model = named(versions=1)
    target = Target(kind="alias", name="challenger")
    line = NewRecord(model=model, target=target, to_version="1", from_version=None, state=FAILED, by="ann")
    for _ in range(60):
        await desk.service.state.promotions.records.add(line)
    first = (await desk.call("ann", "GET", f"models/{model}/promotions")).json()
    rest = (await desk.call("ann", "GET", f"models/{model}/promotions?cursor={first['next_cursor']}")).json()
    assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (50, 10, None)
    assert (await desk.call("ann", "GET", f"models/{model}/promotions?cursor=x")).status_code == 400
