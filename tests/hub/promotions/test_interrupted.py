"""The log stays true when a hub service ends in the middle, when two of them run, and when MLflow breaks off."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from tests.hub.promotions.basic_auth import BasicAuthMlflow
from tests.hub.promotions.conftest import Desk
from tests.hub.service.test_main import answering, asking, environment, free_address, running
from tests.mlflow_proxy import proxying

from windlass.errors import Conflict, Unavailable
from windlass_hub.promotions.moving import move
from windlass_hub.promotions.records import HOLD_SECONDS, MOVING, Busy, NewRecord
from windlass_hub.promotions.registry import Registry
from windlass_hub.promotions.rules import Target
from windlass_hub.service.audit_database import AuditDatabase
from windlass_hub.service.promoting import Promoting, make_promoting
from windlass_hub.service.promotion_records import PromotionRecords
from windlass_hub.settings import Settings

CHALLENGER = Target(kind="alias", name="challenger")


def intent(model: str, *, to: str = "2", base: str | None = None, target: Target = CHALLENGER) -> NewRecord:
    return NewRecord(
        model=model, target=target, to_version=to, from_version=base, state=MOVING, by="ann", comment="why"
    )


@asynccontextmanager
async def another(desk: Desk, *, later: float = 0.0) -> AsyncIterator[Promoting]:
    """A second hub service on the same database, whose clock may be ahead."""
    state = desk.service.state
    database = AuditDatabase(url=state.settings.database)
    made = make_promoting(state, database=database)
    assert made is not None
    made.promotions.records = PromotionRecords(database, clock=lambda: time.time() + later)
    yield made
    database.close()


AFTER_A_CRASH = {
    "nothing happened": (None, "failed", "interrupted before it did this"),
    "it was moved": (2, "done", "MLflow has it"),
    "somebody else moved it": (3, "failed", "MLflow has challenger at version 3"),
}


@pytest.mark.parametrize("happened", AFTER_A_CRASH)
async def test_after_a_crash_the_log_says_what_mlflow_has(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str], happened: str
) -> None:
    moved_to, ended, says = AFTER_A_CRASH[happened]
    model = named()
    secured.set_alias(model, "challenger", 1)
    await desk.log("ann", model)
    records = desk.service.state.promotions.records
    assert await records.begin(intent(model, base="1"), holder="dead") is not None
    if moved_to is not None:
        secured.set_alias(model, "challenger", moved_to)
    (line,) = await desk.log("ann", model)
    assert (line["state"], line["message"]) == ("waiting", "It is being done.")
    if moved_to is None:
        busy = await desk.promote("ann", model, 3, "other")
        assert (busy.status_code, "ann is promoting this model just now" in busy.json()["detail"]) == (409, True)
    async with another(desk, later=HOLD_SECONDS + 1) as restarted:
        await restarted.settle()
    lines = [line for line in await desk.log("ann", model) if line["alias"] == "challenger"]
    assert len(lines) == 1, "what was interrupted is no drift"
    assert (lines[0]["state"], says in lines[0]["message"]) == (ended, True)
    assert (await desk.promote("ann", model, 3, "other")).status_code == 200


async def test_a_service_that_is_killed_between_the_move_and_the_log_leaves_a_true_log(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str], settings: Settings, tmp_path: Path
) -> None:
    """A process of its own, on the same database, killed while MLflow's answer to the move is on its way."""
    model = named()
    waiting = (await desk.promote("ann", model, 2)).json()
    moved, killed = threading.Event(), threading.Event()

    def hold_back(path: str, body: bytes) -> bytes:
        if "registered-models/alias" in path:
            moved.set()
            killed.wait(60)
        return body

    url, folder = free_address(), tmp_path / "process"
    folder.mkdir()
    with proxying(secured.url) as proxy:
        proxy.change = hold_back
        through = settings.model_copy(update={"mlflow_url": proxy.url, "service_url": url})
        given = environment(through, url, JUPYTERHUB_API_URL=desk.service.hub.url)
        with running(folder, given) as process:
            await answering(url, process, folder)
            headers = {"Authorization": f"token {desk.service.tokens['leo']}"}
            async with asking(url, headers) as leo:
                path = f"models/{model}/promotions/{waiting['id']}"
                answer = asyncio.ensure_future(leo.post(path, json={"decision": "approve"}, timeout=60))
                assert await asyncio.to_thread(moved.wait, 60), (folder / "log").read_text()
                process.kill()
                killed.set()
                with pytest.raises(httpx.TransportError):
                    await answer
    assert secured.aliases(model) == {"champion": "2"}
    (line,) = await desk.log("ann", model)
    assert (line["state"], line["message"]) == ("waiting", "It is being done.")
    async with another(desk, later=HOLD_SECONDS + 1) as restarted:
        await restarted.settle()
    (line,) = await desk.log("ann", model)
    assert (line["state"], line["by"], line["approvals"][0]["by"]) == ("done", "ann", "leo")


async def test_who_was_taken_for_dead_changes_nothing_of_the_log(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str]
) -> None:
    model = named()
    records = desk.service.state.promotions.records
    begun = await records.begin(intent(model), holder="slow")
    assert begun is not None
    async with another(desk, later=HOLD_SECONDS + 1) as other:
        await other.settle()
    assert await records.finish(begun, state="done", message=None, seen={CHALLENGER.key: "2"}) is False
    (line,) = await desk.log("ann", model)
    assert line["state"] == "failed"


async def test_all_approvals_and_a_crash_before_the_move_are_done_after_the_restart(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = named()
    waiting = (await desk.promote("ann", model, 2)).json()

    async def dies(*_arguments: object, **_more: object) -> None:
        raise Unavailable("The process ended here.")

    with monkeypatch.context() as crash:
        crash.setattr("windlass_hub.promotions.asking.move", dies)
        assert (await desk.answer("leo", waiting, "approve")).status_code == 503
    assert secured.aliases(model) == {}
    async with another(desk) as restarted:
        await restarted.settle()
    assert secured.aliases(model) == {"champion": "2"}
    assert (await desk.log("ann", model))[0]["state"] == "done"


async def test_two_services_move_things_of_one_model_one_after_the_other(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str]
) -> None:
    model = named()
    async with another(desk) as other:
        first, second = desk.service.state.promotions, other.promotions
        await first.records.standing(model)
        held = await first.records.begin(intent(model), holder="first")
        assert held is not None
        with pytest.raises(Busy):
            await second.records.begin(intent(model, to="3"), holder="second")
        with pytest.raises(Conflict, match="ann is promoting this model just now"):
            await move(second.records, second.service, intent(model, to="3"), base=None, busy_seconds=0.3)
        await first.records.finish(held, state="failed", message="done with", seen={})
        both = await asyncio.gather(
            *(
                move(promotions.records, promotions.service, intent(model, to=version), base=None)
                for promotions, version in ((first, "1"), (second, "3"))
            )
        )
    states = {record.to_version: record.state for record in both if record is not None}
    assert sorted(states.values()) == ["done", "failed"]
    assert secured.aliases(model) == {"challenger": next(to for to, state in states.items() if state == "done")}


async def test_while_mlflow_is_away_nothing_is_answered_and_the_log_can_still_be_read(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = named()
    waiting = (await desk.promote("ann", model, 2)).json()
    service = desk.service.state.promotions.service
    monkeypatch.setattr(service, "_url", "http://127.0.0.1:9")
    away = await desk.answer("leo", waiting, "approve")
    assert (away.status_code, "does not answer" in away.json()["detail"]) == (503, True)
    (line,) = await desk.log("ann", model)
    assert (line["state"], line["approvals"]) == ("waiting", [])
    monkeypatch.setattr(service, "_url", secured.url)
    assert (await desk.answer("leo", waiting, "approve")).json()["state"] == "done"


async def test_when_mlflow_breaks_off_in_the_middle_it_is_looked_up(
    desk: Desk, secured: BasicAuthMlflow, named: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = named()
    waiting = (await desk.promote("ann", model, 2)).json()
    done = Registry.move

    async def breaks_off(self: Registry, name: str, target: Target, version: str) -> None:
        await done(self, name, target, version)
        raise Unavailable("MLflow broke off.")

    with monkeypatch.context() as broken:
        broken.setattr(Registry, "move", breaks_off)
        answer = await desk.answer("leo", waiting, "approve")
    assert (answer.status_code, "looked up" in answer.json()["detail"]) == (503, True)
    async with another(desk, later=HOLD_SECONDS + 1) as later:
        await later.settle()
    (line,) = await desk.log("ann", model)
    assert (line["state"], line["approvals"][0]["by"]) == ("done", "leo")
    assert secured.aliases(model) == {"champion": "2"}
