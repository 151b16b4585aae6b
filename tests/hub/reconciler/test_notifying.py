"""What an address of the administrator's is told, over real HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import ValidationError
from tests.hub.reconciler.conftest import Desk
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from windlass_hub.reconciler.notifying import Notifier, NotTold, NotWanted
from windlass_hub.reconciler.records import JobRecord, RecordsAway
from windlass_hub.settings import Settings

KEY = b"the-key-of-the-signature"
RECORD = JobRecord(
    uid="6b0f",
    job_id="j1",
    owner="ada",
    namespace="wl-ada",
    name="train-j1",
    kind="PyTorchJob",
    state="failed",
    cause="oom-killed",
    reason="master ran out of memory",
    created_at=None,
    started_at=1_700_000_000.0,
    ended_at=1_700_000_060.0,
    recorded_at=1_700_000_061.0,
)


@dataclass
class Receiver:
    url: str = ""
    answers: list[int] = field(default_factory=list)
    """Statuses to answer with, in turn; 200 after them."""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()

    class Handler(RequestHandler):
        def post(self) -> None:
            found.got.append((dict(self.request.headers), self.request.body))
            status = found.answers.pop(0) if found.answers else 200
            self.set_status(status)
            if status == 302:
                self.set_header("Location", found.url)

    socket, port = bind_unused_port()
    server = HTTPServer(Application([("/.*", Handler)]))
    server.add_sockets([socket])
    found.url = f"http://127.0.0.1:{port}/told"
    yield found
    server.stop()
    await server.close_all_connections()


@pytest_asyncio.fixture
async def notifier(receiver: Receiver, tmp_path: Path) -> AsyncIterator[Notifier]:
    (tmp_path / "key").write_bytes(KEY + b"\n")
    made = Notifier(url=receiver.url, secret_file=str(tmp_path / "key"), clock=lambda: 1_700_000_100.0)
    yield made
    await made.close()


async def test_a_receiver_can_check_who_tells_it_and_that_nothing_was_changed(
    receiver: Receiver, notifier: Notifier
) -> None:
    await notifier.tell(RECORD)
    [(headers, body)] = receiver.got
    signed = f"{headers['X-Windlass-Delivery-Id']}.{headers['X-Windlass-Timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["X-Windlass-Signature"] == f"v1,{expected}"
    assert headers["X-Windlass-Timestamp"] == "1700000100"
    told = json.loads(body)
    assert (told["event"], told["delivery_id"]) == ("job.ended", headers["X-Windlass-Delivery-Id"])
    job = told["job"]
    assert (job["id"], job["cause"], job["ended_at"]) == ("j1", "oom-killed", "2023-11-14T22:14:20Z")
    assert (job["gpu_hours"], job["cost_usd"], job["created_at"]) == (None, None, None)


async def test_mlflows_own_check_of_signatures_takes_ours(receiver: Receiver, notifier: Notifier) -> None:
    delivery = pytest.importorskip("mlflow.webhooks.delivery")
    await notifier.tell(RECORD)
    [(headers, body)] = receiver.got
    theirs = delivery._generate_hmac_signature(
        KEY.decode(), headers["X-Windlass-Delivery-Id"], headers["X-Windlass-Timestamp"], body.decode()
    )
    assert theirs == headers["X-Windlass-Signature"]


async def test_without_a_key_nothing_is_signed(receiver: Receiver) -> None:
    made = Notifier(url=receiver.url)
    await made.tell(RECORD)
    await made.close()
    assert "X-Windlass-Signature" not in receiver.got[0][0]


@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_what_may_pass_is_told_again(receiver: Receiver, notifier: Notifier, status: int) -> None:
    receiver.answers = [status]
    with pytest.raises(NotTold, match=str(status)):
        await notifier.tell(RECORD)
    await notifier.tell(RECORD)
    ids = {headers["X-Windlass-Delivery-Id"] for headers, _ in receiver.got}
    assert len(ids) == 1


@pytest.mark.parametrize("status", [302, 400, 401, 404, 410])
async def test_a_refusal_is_final_and_a_redirect_is_not_followed(
    receiver: Receiver, notifier: Notifier, status: int
) -> None:
    receiver.answers = [status]
    with pytest.raises(NotWanted):
        await notifier.tell(RECORD)
    assert len(receiver.got) == 1


async def test_nobody_there_and_a_key_that_cannot_be_read_are_waited_for(tmp_path: Path, receiver: Receiver) -> None:
    away = Notifier(url="http://127.0.0.1:9/secret-path")
    with pytest.raises(NotTold) as told:
        await away.tell(RECORD)
    assert "secret-path" not in str(told.value)
    await away.close()
    without = Notifier(url=receiver.url, secret_file=str(tmp_path / "none"))
    with pytest.raises(NotTold, match="key"):
        await without.tell(RECORD)
    await without.close()
    assert receiver.got == []


@pytest.mark.cluster
@pytest.mark.emulator
async def test_a_job_is_told_of_until_somebody_takes_it(desk: Desk, receiver: Receiver, notifier: Notifier) -> None:
    desk.notifier = notifier
    job = await desk.create_job()
    await job.runs()
    await job.becomes("failed")
    receiver.answers = [503]
    parts = desk.parts()
    await desk.pass_(parts)
    assert [row.notification for row in await desk.rows()] == ["pending"]
    await desk.pass_(parts)
    assert len(receiver.got) == 1, "it is not told again at once"
    desk.clock.now += 30
    await desk.pass_(parts)
    assert [row.notification for row in await desk.rows()] == ["done"]
    assert len({headers["X-Windlass-Delivery-Id"] for headers, _ in receiver.got}) == 1
    assert json.loads(receiver.got[-1][1])["job"]["gpu_hours"] is not None


@pytest.mark.cluster
@pytest.mark.emulator
async def test_killed_behind_the_telling_it_tells_again_with_the_same_id(
    desk: Desk, receiver: Receiver, notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.notifier = notifier
    job = await desk.create_job()
    await job.runs()
    await job.becomes("failed")
    update = desk.records.update

    async def killed(uid: str, **changes: Any) -> None:
        if "notification" in changes:
            raise RecordsAway("The process ends here.")
        await update(uid, **changes)

    monkeypatch.setattr(desk.records, "update", killed)
    await desk.pass_()
    monkeypatch.undo()
    await desk.pass_()
    assert len(receiver.got) == 2
    assert len({headers["X-Windlass-Delivery-Id"] for headers, _ in receiver.got}) == 1


@pytest.mark.cluster
@pytest.mark.emulator
@pytest.mark.parametrize(("answer", "hours"), [(404, 0), (503, 25)])
async def test_a_receiver_that_will_not_is_given_up(
    desk: Desk, receiver: Receiver, notifier: Notifier, answer: int, hours: int
) -> None:
    desk.notifier = notifier
    job = await desk.create_job()
    await job.runs()
    await job.becomes("failed")
    receiver.answers = [answer, answer]
    parts = desk.parts()
    await desk.pass_(parts)
    desk.wall.now += hours * 3600
    desk.clock.now += hours * 3600
    await desk.pass_(parts)
    [row] = await desk.rows()
    assert row.notification == "given-up"
    assert str(answer) in row.notification_note


@pytest.mark.parametrize(
    "url", ["https://hooks.example.org/x?id=1", "http://bridge.tools.svc:8080/x", "http://bridge", "http://127.0.0.1:9"]
)
def test_addresses_that_may_be_told(url: str) -> None:
    assert Settings(notify_url=url).notify_url == url


@pytest.mark.parametrize(
    "url", ["http://hooks.example.org/x", "https://ada:secret@example.org", "ftp://bridge", "bridge", "http://8.8.8.8"]
)
def test_addresses_that_may_not(url: str) -> None:
    with pytest.raises(ValidationError, match="notify_url") as refused:
        Settings(notify_url=url)
    assert "notify_url must" in str(refused.value)
