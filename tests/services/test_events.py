"""What an engine and the ledger disagree about is settled, and never to the harm of a job that lives."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.ledger.test_jobs import row, to

from windlass.engines.base import JobStatus, State
from windlass.engines.local.engine import LocalEngine
from windlass.errors import Conflict
from windlass.ledger.jobs import JobLedger
from windlass.services.bundles import Bundles
from windlass.services.changes import ChangeHub
from windlass.services.events import EnginePump
from windlass.services.rebuild import Rebuild

JOB = "j0000000000001"


class LooksTooEarly(LocalEngine):
    """The moment between `adopt` and what follows it, made long: it has seen nothing of a job that is there."""

    async def adopt(self) -> list[JobStatus]:
        return []

    async def status(self, job_id: str) -> JobStatus | None:
        return JobStatus(job_id=job_id, state=State.RUNNING) if job_id == JOB else None


class Launches:
    """The launcher, noting what it is asked."""

    def __init__(self, ledger: JobLedger) -> None:
        self.halted: list[str] = []
        self._ledger = ledger

    async def launch(self, row: object, **_: object) -> JobStatus | None:
        await self._ledger.apply([to(JOB, "stopped")])
        return JobStatus(job_id=JOB, state=State.QUEUED)

    async def halt(self, row: object, *, reason: str) -> None:
        self.halted.append(reason)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[JobLedger]:
    ledger = JobLedger(path=tmp_path / "ledger.db")
    await ledger.open()
    yield ledger
    await ledger.close()


def pump_of(tmp_path: Path, ledger: JobLedger, engine: LocalEngine) -> tuple[EnginePump, Launches]:
    bundles = Bundles(folder=tmp_path / "bundles", ledger=ledger)
    launches = Launches(ledger)
    pump = EnginePump(
        engine=engine,
        ledger=ledger,
        hub=ChangeHub(),
        launcher=launches,  # type: ignore[arg-type]
        rebuild=Rebuild(ledger=ledger, bundles=bundles, engine=engine, damaged=False),
        on_end=lambda: None,
    )
    return pump, launches


async def test_a_job_that_another_server_sends_meanwhile_is_not_lost(tmp_path: Path, ledger: JobLedger) -> None:
    await ledger.insert(row(JOB, state="queued"))
    await ledger.insert(row("j0000000000002", state="queued"))
    engine = LooksTooEarly(data_dir=tmp_path)
    pump, _ = pump_of(tmp_path, ledger, engine)
    await pump.start()
    assert (await ledger.get(JOB)).state == "running"
    assert (await ledger.get("j0000000000002")).state == "lost"
    await pump.close()
    await engine.close()


async def test_a_job_stopped_while_it_is_handed_over_is_stopped_there_too(tmp_path: Path, ledger: JobLedger) -> None:
    await ledger.insert(row(JOB, state="submitted", created_us=1))
    engine = LocalEngine(data_dir=tmp_path)
    pump, launches = pump_of(tmp_path, ledger, engine)
    await pump.start()
    assert (await ledger.get(JOB)).state == "stopped"
    assert len(launches.halted) == 1
    await pump.close()
    await engine.close()


async def test_a_bundle_swept_in_the_last_moment_is_a_sentence(tmp_path: Path, ledger: JobLedger) -> None:
    with pytest.raises(Conflict, match="Send the notebook again"):
        Bundles(folder=tmp_path, ledger=ledger).spare(tmp_path / "gone.tar.gz")
