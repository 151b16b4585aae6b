"""An MLflow that is away, hangs or has no run of a job: what waits, what goes on, and how soon it is made up for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio
from tests.conftest import Mlflow
from tests.hub.reconciler.conftest import Desk
from tests.hub.reconciler.test_closing_runs import server
from tests.hub.reconciler.test_finishing import a_run, status_of
from tests.hub.reconciler.test_notifying import Receiver, receiver

from windlass.kube.names import RECORD_ANNOTATION
from windlass.tracking import rest
from windlass_hub.reconciler import finishing
from windlass_hub.reconciler.notifying import Notifier

pytestmark = [pytest.mark.cluster, pytest.mark.emulator]

__all__ = ["receiver", "server"]


@pytest.fixture
def told(desk: Desk, receiver: Receiver) -> Receiver:
    """The desk with somebody to tell."""
    desk.notifier = Notifier(url=receiver.url)
    return receiver


@pytest_asyncio.fixture
async def silent() -> AsyncIterator[str]:
    """The address of a server that takes requests and never answers."""
    asked: list[asyncio.StreamWriter] = []

    async def keep(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(writer)

    listening = await asyncio.start_server(keep, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    assert asked
    for writer in asked:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    listening.close()
    await listening.wait_closed()


async def test_after_an_hour_away_all_is_made_up_for_at_once(
    desk: Desk, server: Mlflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "_ATTEMPTS", 1)
    job = await desk.create_job()
    run_id = a_run(server, job)
    await job.runs()
    await job.becomes("failed")
    desk.mlflow_url = "http://127.0.0.1:9"
    parts = desk.parts()
    for _ in range(8):
        await desk.pass_(parts)
        desk.clock.now += 450
    assert "does not answer" in (parts[1].problem or "")
    assert desk.decisions("job.run") == ["failed"], "it is told once, not for each attempt"
    desk.mlflow_url = server.url
    await desk.pass_(parts)
    assert status_of(server, run_id) == "FAILED"
    assert parts[1].problem is None


async def test_an_mlflow_that_hangs_holds_up_nothing_else(
    desk: Desk, told: Receiver, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finishing, "RUN_SECONDS", 0.3)
    job = await desk.create_job()
    await job.runs()
    await job.becomes("failed")
    desk.mlflow_url = silent
    parts = desk.parts()
    await asyncio.wait_for(desk.pass_(parts), 20)
    [row] = await desk.rows()
    assert (row.run, row.notification, len(told.got)) == ("pending", "done", 1)
    assert "does not answer" in (parts[1].problem or "")


async def test_a_job_without_a_run_has_its_row_its_cost_its_mark_and_its_notification(
    desk: Desk, told: Receiver, server: Mlflow
) -> None:
    desk.mlflow_url = server.url
    job = await desk.create_job()
    await job.runs()
    await job.becomes("oom-killed")
    await desk.pass_()
    [row] = await desk.rows()
    assert (row.run, row.finished_by, row.is_finished) == ("skipped", "nobody", True)
    assert "no run" in row.run_note
    assert row.usd is not None
    assert (await job.cost())["usd"] == row.usd
    assert RECORD_ANNOTATION in await job.annotations()
    assert len(told.got) == 1
