"""A tab's conversation where a real job could not hold still: following a job ends when the job does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

from windlass.contract.problem import Problem
from windlass.contract.socket import GpuReadingsEvent, GpusEvent, SubscribeLog
from windlass.engines.base import Engine
from windlass.errors import WindlassError
from windlass.ledger.jobs import JobLedger
from windlass.services.changes import ChangeHub
from windlass.services.logs import LogFeeds
from windlass.services.notebooks import NotebookFeeds
from windlass.services.saving import SaveBroker
from windlass.services.session import MOST_FOLLOWED, SocketSession


class Undecided:
    """Never finds a job's engine, so whatever is followed stays followed."""

    async def engine_of(self, job_id: str, *, owner: str) -> Engine:
        """Wait for ever."""
        await asyncio.Event().wait()
        raise AssertionError


class NoGpus:
    """Nobody looks."""

    async def follow(self, *, owner: str) -> AsyncGenerator[GpusEvent | GpuReadingsEvent, None]:
        """Nothing comes."""
        return
        yield


def described(error: WindlassError) -> Problem:
    return Problem(type="windlass:invalid-request", title="Invalid", status=400, detail=str(error))


async def test_a_tab_cannot_follow_without_end(tmp_path: Path) -> None:
    said: list[str] = []

    async def send(text: str) -> None:
        said.append(text)

    session = SocketSession(
        owner="ann",
        version="0",
        send=send,
        describe=described,
        jobs=Undecided(),
        ledger=JobLedger(path=tmp_path / "ledger.sqlite"),
        hub=ChangeHub(),
        logs=LogFeeds(),
        notebooks=NotebookFeeds(),
        saving=SaveBroker(),
        gpus=NoGpus(),
    )
    running = asyncio.create_task(session.run())
    for rank in range(MOST_FOLLOWED):
        await session.receive(SubscribeLog(job_id="j1", rank=rank).model_dump_json())
    await session.receive(SubscribeLog(job_id="j1", rank=0).model_dump_json())
    assert "problem" not in "".join(said)
    await session.receive(SubscribeLog(job_id="j1", rank=MOST_FOLLOWED).model_dump_json())
    assert "follows too much" in said[-1]
    session.close()
    await running
