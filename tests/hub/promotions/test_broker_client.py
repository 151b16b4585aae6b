"""What a user's server asks of promotions, by its client, and the line it leaves when a model's files are read."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable

import pytest
from tests.hub.promotions.basic_auth import PASSWORD, BasicAuthMlflow
from tests.hub.promotions.conftest import Desk

from windlass.contract.hub import ModelRead
from windlass.contract.models import PromotionAnswer, PromotionLog, PromotionRequest, PromotionState
from windlass.errors import Conflict, Forbidden, InvalidRequest, NotFound, Unavailable
from windlass.hub.answers import understood
from windlass.hub.broker import HubBroker
from windlass_hub.service.audit import Entry

HOSTILE = "<script>alert(1)</script>\r\nforged: line\x00\ud800".encode("utf-8", "replace").decode()


@pytest.fixture
async def brokers(desk: Desk) -> AsyncIterator[Callable[[str], HubBroker]]:
    """The client of somebody's server."""
    made: list[HubBroker] = []

    def make(who: str) -> HubBroker:
        made.append(HubBroker(url=f"{desk.service.url}api", token=desk.service.tokens[who]))
        return made[-1]

    yield make
    for broker in made:
        await broker.close()


async def test_a_promotion_from_end_to_end(
    secured: BasicAuthMlflow, named: Callable[..., str], brokers: Callable[[str], HubBroker]
) -> None:
    ann, leo = brokers("ann"), brokers("leo")
    model = named("with spaces & ünïcode?#%", editor=None)
    assert "promotions" in (await ann.me()).features
    terms = await ann.promotion_terms(model)
    assert (terms.log, [rule.alias or rule.stage for rule in terms.rules]) == (
        "hub",
        ["champion", "gold", "Production"],
    )
    asked = await ann.promote(model, PromotionRequest(version="2", alias="champion", expected=""), key="k")
    assert asked.state is PromotionState.WAITING
    assert await ann.promote(model, PromotionRequest(version="2", alias="champion", expected=""), key="k") == asked
    with pytest.raises(Forbidden, match="Only members of ml-leads"):
        await ann.answer(model, asked.id, PromotionAnswer(decision="approve"))
    done = await leo.answer(model, asked.id, PromotionAnswer(decision="approve", comment="ok"))
    assert (done.state, secured.aliases(model)) == (PromotionState.DONE, {"champion": "2"})
    with pytest.raises(Conflict, match="waits no more"):
        await leo.answer(model, asked.id, PromotionAnswer(decision="refuse"))
    assert [line.id for line in (await ann.promotions(model)).items] == [asked.id]


async def test_refusals_are_told_for_what_they_are(
    named: Callable[..., str], brokers: Callable[[str], HubBroker]
) -> None:
    ann, model = brokers("ann"), named(versions=1)
    with pytest.raises(NotFound, match="'nothing-of-the-kind' is not in MLflow"):
        await ann.promotions("nothing-of-the-kind")
    with pytest.raises(NotFound):
        await ann.promotions("..")
    with pytest.raises(NotFound):
        await ann.answer(model, "../../token", PromotionAnswer(decision="approve"))
    with pytest.raises(InvalidRequest) as refused:
        await ann.promote(model, PromotionRequest(version="1", alias="latest"))
    assert [found.field for found in refused.value.fields] == ["alias"]
    with pytest.raises(Conflict, match="by now"):
        await ann.promote(model, PromotionRequest(version="1", alias="x", expected="7"))


async def test_a_hub_without_mlflow_says_so(desk: Desk, brokers: Callable[[str], HubBroker]) -> None:
    desk.service.state.promoting, kept = None, desk.service.state.promoting
    ann = brokers("ann")
    assert "promotions" not in (await ann.me()).features
    with pytest.raises(Unavailable, match="mlflow_url"):
        await ann.promotions("m")
    desk.service.state.promoting = kept


async def reads(desk: Desk) -> list[Entry]:
    assert await desk.service.state.audit.settled()
    return await desk.service.state.audit.latest(action="model.read")


async def test_reading_a_models_files_leaves_a_line_under_the_callers_own_name(
    desk: Desk, brokers: Callable[[str], HubBroker], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="windlass_hub.audit"):
        await brokers("ann").model_read(ModelRead(model="churn", version="3", path="model.pkl"))
        await brokers("bob").model_read(ModelRead(run_id="abc", path=HOSTILE))
        await brokers("bob").model_read(ModelRead(model=HOSTILE[:200]))
    hostile, of_run, of_version = await reads(desk)
    assert (of_version.who, of_version.target, of_version.detail["path"]) == ("ann", "churn/3", "model.pkl")
    assert (of_run.who, of_run.target) == ("bob", "run abc")
    assert "<script>" in hostile.target
    assert "\x00" not in hostile.target
    assert not any("\n" in line or "\r" in line for line in caplog.messages), "nobody forges a line of the log"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"who": "root", "model": "m"}, 204),
        ({"model": "x" * 257}, 400),
        ({"path": "x" * 5000}, 400),
        ({"model": {"a": 1}}, 400),
        ([], 400),
        ("no json", 400),
    ],
)
async def test_what_is_sent_says_nothing_of_who_sends_it(desk: Desk, body: object, status: int) -> None:
    content = body if isinstance(body, str) else json.dumps(body)
    answer = await desk.call("bob", "POST", "audit/model-reads", content=content)
    assert answer.status_code == status, answer.text
    assert {entry.who for entry in await reads(desk)} <= {"bob"}


async def test_a_loop_fills_no_disk(desk: Desk) -> None:
    async with desk.service.client("bob") as client:
        statuses = [
            (await client.post("api/audit/model-reads", json={"model": "m", "path": str(number)})).status_code
            for number in range(260)
        ]
    assert statuses.count(429) > 0
    assert statuses[:200] == [204] * 200
    assert (await desk.call("ann", "POST", "audit/model-reads", json={"model": "m"})).status_code == 204
    assert await desk.service.state.audit.settled()
    decisions = [entry.decision for entry in await desk.service.state.audit.latest(limit=500, action="model.read")]
    assert decisions.count("refused") == 1


async def test_no_credential_is_in_the_log_of_decisions_or_of_the_process(
    desk: Desk, named: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        waiting = (await desk.promote("ann", named(), 2)).json()
        await desk.answer("leo", waiting, "approve")
        await desk.promote("eve", named(), 2)
    assert await desk.service.state.audit.settled()
    kept = [str(entry) for entry in await desk.service.state.audit.latest(limit=100)]
    assert any("promotion.approve" in entry for entry in kept)
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("sqlalchemy", "aiosqlite"))]
    assert not [text for text in (*kept, *ours) if PASSWORD in text or desk.service.tokens["ann"] in text]


def test_an_answer_of_a_newer_service_is_read_as_far_as_it_is_known() -> None:
    line = {
        "id": "1",
        "model": "m",
        "to_version": "2",
        "state": "done",
        "by": "ann",
        "asked_at": "2026-01-01T00:00:00Z",
    }
    said = {"by": "leo", "at": "2026-01-01T00:00:00Z", "approved": True, "mood": "good"}
    answer = {"items": [{**line, "later": [1], "approvals": [said]}], "total": 9}
    found = understood(PromotionLog, json.dumps(answer).encode())
    assert (found.items[0].to_version, found.items[0].approvals[0].by) == ("2", "leo")
    with pytest.raises(ValueError, match="asked_at"):
        understood(PromotionLog, json.dumps({"items": [{**line, "asked_at": "soon", "later": 1}]}).encode())
